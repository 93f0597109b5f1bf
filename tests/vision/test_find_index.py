"""The image index: searched by likeness, label and text; kept through kills; bounded and exact."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from shoal.errors import ImageError, StorageError, UnknownNameError, UsageError
from shoal.modalities.vision import ImageIndex, VisionEncoder, load_image, vision_encoder
from shoal.modalities.vision.find import catch_up, index_path, pending
from shoal.modalities.vision.find.store import Entry, Store
from shoal.modalities.vision.labels import Label

if TYPE_CHECKING:
    from shoal.modalities.vision.transform import Floats

ASSETS = Path(__file__).parents[2] / "agents/demo/assets"
CAT, COFFEE, SIGN = (ASSETS / name for name in ("cat.jpg", "coffee.jpg", "sign.png"))


@pytest.fixture
def index(tmp_path: Path) -> Iterator[ImageIndex]:
    with ImageIndex(tmp_path / "index.sqlite") as made:
        yield made


def _page(words: str) -> Image.Image:
    page = Image.new("RGB", (500, 200), "white")
    ImageDraw.Draw(page).text((30, 60), words, fill="black", font=ImageFont.load_default(40))
    return page


def test_finds_by_likeness_label_text_and_all_together(index: ImageIndex) -> None:
    page = _page("Closing sale today")
    added = index.add([CAT, COFFEE, SIGN, page], read=True, data={"album": "demo"})
    assert (len(added.new), added.known, added.read, added.skipped) == (4, 0, 4, ())
    same = index.search(CAT)[0]
    assert (same.sha256, Path(same.path)) == (load_image(CAT).sha256, CAT)
    assert same.score == pytest.approx(1, abs=1e-3)
    assert same.data == {"album": "demo"}
    assert same.labels[0].name == "Egyptian cat"
    assert "Egyptian cat" in same.labels[0].synonyms
    cats = index.search(label="a photo of cats")
    assert [Path(hit.path).name for hit in cats] == ["cat.jpg"]
    assert cats[0].score > 0.8  # tabby, tiger and Egyptian together
    (sale,) = index.search(text="CLOSING sale")
    assert sale.text is not None
    assert (sale.text.provenance, sale.text.trusted) == ("image", False)
    both = index.search(page, text="library")
    assert {hit.by.keys() >= {"text"} for hit in both[:2]} == {True, False}
    assert both[0].score <= 1


def test_a_small_copy_is_near_and_another_picture_is_not(index: ImageIndex) -> None:
    cat = load_image(CAT).pixels
    copy = cat.resize((cat.width * 3 // 4, cat.height * 3 // 4))
    index.add([CAT, COFFEE, copy, SIGN])
    first, second, third = index.search(CAT, k=3)
    assert second.sha256 == load_image(copy).sha256
    assert first.score > second.score > 0.95 > third.score
    (group,) = index.near_duplicates()
    assert {hit.sha256 for hit in group} == {first.sha256, second.sha256}
    assert index.near_duplicates(1.0) == []


def test_junk_is_named_and_copies_are_counted(index: ImageIndex, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "cut.jpg").write_bytes(CAT.read_bytes()[:3000])
    (tmp_path / "copy.jpg").write_bytes(CAT.read_bytes())
    bomb = Image.new("1", (9000, 9000))
    bomb.save(tmp_path / "bomb.png")
    names = ["notes.txt", "cut.jpg", "copy.jpg", "bomb.png", "gone.png"]
    seen: list[int] = []
    added = index.add(
        [CAT, *(tmp_path / name for name in names), np.full((9, 9, 7), 0, np.uint8)],
        progress=lambda done, detail: seen.append(done),
    )
    assert (len(added.new), added.known) == (1, 1)
    assert [Path(item.name).name for item in added.skipped] == [
        "notes.txt", "cut.jpg", "bomb.png", "gone.png", "picture 7",
    ]  # fmt: skip
    assert "megapixels" in added.skipped[2].why
    assert seen == [1, 2, 3, 4, 5, 6, 7]
    assert index.add([CAT]).known == 1
    assert len(index) == 1


def test_text_is_read_later_on_request(index: ImageIndex) -> None:
    index.add([SIGN])
    assert index.search(text="library") == []
    assert index.search(SIGN)[0].text is None
    added = index.add([SIGN], read=True)
    assert (added.new, added.known, added.read) == ((), 1, 1)
    assert len(index.search(text="library")) == 1
    assert index.add([SIGN], read=True).read == 0


def test_what_is_removed_is_gone_from_the_file(index: ImageIndex) -> None:
    page = _page("zanzibar")
    sha256 = load_image(page).sha256
    index.add([CAT, page], read=True, data={"secret": "quetzal"})
    vector = vision_encoder().embed([page])[0].astype(np.float16).tobytes()
    with sqlite3.connect(index.path) as other:
        kept = other.execute("SELECT vector FROM vectors ORDER BY id DESC LIMIT 1").fetchone()[0]
    assert kept == vector
    assert index.remove(sha256) == 1
    assert sha256 not in index
    assert index.search(text="zanzibar") == []
    assert [hit.sha256 for hit in index.search(page)] == [load_image(CAT).sha256]
    raw = b"".join(path.read_bytes() for path in index.path.parent.glob("index.sqlite*"))
    assert vector[:64] not in raw
    assert b"zanzibar" not in raw.lower()
    assert bytes.fromhex(sha256) not in raw
    with pytest.raises(UnknownNameError, match="unknown picture"):
        index.remove(sha256)
    index.remove(load_image(CAT).sha256)
    assert (len(index), index.search(CAT)) == (0, [])
    assert len(index.add([CAT, COFFEE]).new) == 2
    assert len(index.search(CAT)) == 2


def test_wrong_use_is_told(index: ImageIndex, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="one image was passed"):
        index.add(CAT)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="no condition"):
        index.search(label=" ")
    with pytest.raises(UsageError, match="k is 0"):
        index.search(CAT, k=0)
    with pytest.raises(UsageError, match="cosine"):
        index.near_duplicates(1.5)
    with pytest.raises(UsageError, match="can't be kept"):
        index.add([CAT], data={"when": object()})
    with pytest.raises(ImageError):
        index.search(tmp_path / "no.png")
    with pytest.raises(UnknownNameError):
        index.remove("not a hash")
    assert index.search(text='" OR NEAR( *') == []
    assert len(index) == 0


def test_an_index_is_of_one_encoder(index: ImageIndex) -> None:
    index.add([CAT])
    other = VisionEncoder("resnet18", weights="random", engine="torch")
    with ImageIndex(index.path, lambda: other) as strange:
        with pytest.raises(UsageError, match="efficientnet-lite0"):
            strange.search(CAT)
        with pytest.raises(UsageError, match="efficientnet-lite0"):
            strange.add([COFFEE])


def test_other_files_are_refused_and_left_alone(tmp_path: Path) -> None:
    photo = tmp_path / "cat.jpg"
    photo.write_bytes(CAT.read_bytes())
    with pytest.raises(StorageError, match="another kind"):
        ImageIndex(photo)
    database = tmp_path / "other.db"
    with sqlite3.connect(database) as other:
        other.execute("CREATE TABLE mine (x)")
    with pytest.raises(StorageError, match="another program"):
        ImageIndex(database)
    made = tmp_path / "newer.sqlite"
    ImageIndex(made).close()
    with sqlite3.connect(made) as newer:
        newer.execute("PRAGMA user_version = 99")
    with pytest.raises(StorageError, match="--upgrade"):
        ImageIndex(made)
    assert photo.read_bytes() == CAT.read_bytes()
    assert not list(tmp_path.glob("cat.jpg?*"))


_ADDS = """
import sys
import numpy as np
from shoal.modalities.vision import ImageIndex
def pictures():
    chance = np.random.default_rng(int(sys.argv[2]))
    while True:
        yield chance.integers(0, 255, (40, 40, 3), np.uint8)
ImageIndex(sys.argv[1]).add(pictures(), progress=lambda done, detail: print(done, flush=True))
"""

_READS = """
import sys, time
from shoal.modalities.vision import ImageIndex
index = ImageIndex(sys.argv[1])
sizes = []
while len(sizes) < 20 or sizes[-1] < 48:
    found = index.search(sys.argv[2], k=5)
    assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)
    sizes.append(len(index))
    time.sleep(0.02)
assert sizes == sorted(sizes)
print("grew", sizes[0], sizes[-1])
"""


def test_a_kill_while_adding_loses_nothing_and_two_may_read_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite"
    with ImageIndex(path) as index:
        index.add([CAT])
    adds = _start(_ADDS, path, "1")
    readers = [_start(_READS, path, CAT) for _ in range(2)]
    for reader in readers:
        out, err = reader.communicate(timeout=120)
        assert "grew" in out, err
    os.kill(adds.pid, signal.SIGKILL)
    adds.communicate()
    with ImageIndex(path) as index:
        size = len(index)
        assert size % 16 == 1  # the first, and whole batches
        assert index.search(CAT)[0].path == str(CAT)
        assert len(index.search(CAT, k=2 * size)) == size
        with sqlite3.connect(path) as raw:
            assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            counts = [
                raw.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in ("items", "vectors", "sketches")
            ]
        assert counts == [size] * 3
        assert len(index.add([COFFEE]).new) == 1


def _start(code: str, *words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, words)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_another_process_removal_and_addition_are_seen(index: ImageIndex) -> None:
    index.add([CAT, COFFEE])
    assert len(index.search(CAT)) == 2
    with ImageIndex(index.path) as other:
        other.remove(load_image(CAT).sha256)
        other.add([SIGN])
    assert {Path(hit.path).name for hit in index.search(CAT)} == {"coffee.jpg", "sign.png"}


def _clustered(count: int) -> Floats:
    """Embeddings as real ones lie: real photos' own, mixed with each other, and noise."""
    chance = np.random.default_rng(0)
    crops = []
    for name in (CAT, COFFEE, SIGN):
        whole = load_image(name).pixels
        for _ in range(16):
            left, top = (int(chance.integers(0, side // 3)) for side in whole.size)
            crops.append(whole.crop((left, top, left + whole.width // 2, top + whole.height // 2)))
    real = vision_encoder().embed(crops)
    first, second = (real[chance.integers(0, len(real), count)] for _ in range(2))
    share = chance.uniform(0, 1, (count, 1)).astype(np.float32)
    noise = chance.standard_normal((count, real.shape[1])).astype(np.float32) * np.float32(0.007)
    mixed: Floats = share * first + (1 - share) * second + noise
    mixed /= np.linalg.norm(mixed, axis=1, keepdims=True)
    return mixed


def _filled(path: Path, vectors: Floats) -> None:
    store = Store(path)
    for start in range(0, len(vectors), 500):
        part = vectors[start : start + 500]
        entries = [
            Entry(
                f"{start + place:064x}",
                f"/p/{start + place}",
                row,
                [Label("x", 1.0, 0)],
                None,
                "{}",
            )
            for place, row in enumerate(part)
        ]
        store.save(entries, "efficientnet-lite0")
    with store.using() as connection:
        connection.close()


def test_nearest_and_duplicates_are_those_of_an_exact_search(tmp_path: Path) -> None:
    vectors = _clustered(4000)
    vectors[3000:3050] = vectors[:50]
    _filled(tmp_path / "many.sqlite", vectors)
    with ImageIndex(tmp_path / "many.sqlite") as index:
        right = 0
        for query in _clustered(4040)[4000:]:
            truth = set(np.argsort(-(vectors @ query))[:10].tolist())
            right += len(truth & {int(hit.sha256, 16) for hit in index.nearest(query, 10)})
        assert right / 400 >= 0.98
        groups = [{int(hit.sha256, 16) for hit in group} for group in index.near_duplicates(0.97)]
    closest = (vectors @ vectors.T - np.eye(len(vectors), dtype=np.float32)).max(axis=1)
    # Within the rounding of float16, in which they are kept:
    surely, perhaps = (set(np.flatnonzero(closest >= 0.97 + gap)) for gap in (5e-4, -5e-4))
    assert surely <= set().union(*groups) <= perhaps
    assert 100 <= len(surely) < len(vectors)
    assert all(any({n, n + 3000} <= group for group in groups) for n in range(50))


def test_a_folders_index_follows_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in (CAT, COFFEE):
        (folder / name.name).write_bytes(name.read_bytes())
    with ImageIndex(index_path(folder)) as index:
        assert len(catch_up(index, folder).new) == 2
        assert pending(index, folder) == []
        (folder / "cat.jpg").rename(folder / "moved.jpg")
        assert catch_up(index, folder).known == 1
        assert Path(index.search(CAT)[0].path).name == "moved.jpg"
        (folder / "coffee.jpg").unlink()
        (folder / "moved.jpg").write_bytes(SIGN.read_bytes())
        time.sleep(0.01)
        catch_up(index, folder)
        assert [hit.sha256 for hit in index.search(CAT)] == [load_image(SIGN).sha256]
    assert index_path(folder).is_relative_to(Path(os.environ["SHOAL_HOME"]))
