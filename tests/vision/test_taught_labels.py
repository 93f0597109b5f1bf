"""Labels that were taught: pictures are found by them and explained for them, beside ImageNet's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from shoal import Agent
from shoal.agents.cli import main
from shoal.errors import CorruptWeightsError, UnknownNameError, UsageError
from shoal.modalities.vision import ImageIndex, explain, load_image, vision_encoder
from shoal.modalities.vision.find.store import Entry, Store
from shoal.modalities.vision.find.words import known
from shoal.modalities.vision.teach import (
    ImageClassifier,
    Nearest,
    TeachSettings,
    in_library,
    read_pictures,
    teach_classifier,
)

ASSETS = Path(__file__).parents[2] / "agents/demo/assets"
CAT, COFFEE, SIGN = (ASSETS / name for name in ("cat.jpg", "coffee.jpg", "sign.png"))


def _parts(path: Path, count: int, seed: int) -> list[Image.Image]:
    draw, photo, made = np.random.default_rng(seed), load_image(path).pixels, []
    for _ in range(count):
        wide, high = (int(side * draw.uniform(0.6, 0.95)) for side in photo.size)
        left, top = (
            int(draw.integers(0, length - part + 1))
            for length, part in zip(photo.size, (wide, high), strict=True)
        )
        made.append(photo.crop((left, top, left + wide, top + high)))
    return made


def _teach(place: Path, name: str, classes: dict[str, Path], **more: Any) -> Path:
    """`shoal tune` on class folders."""
    for label, path in classes.items():
        (place / name / label).mkdir(parents=True)
        for number, part in enumerate(_parts(path, 5, seed=1)):
            part.save(place / name / label / f"{number}.png")
    settings = TeachSettings(name, quiet=True, **more)
    return teach_classifier(read_pictures(place / name)["train"], settings)


@pytest.fixture
def mugs(tmp_path: Path) -> Path:
    return _teach(tmp_path, "mugs", {"Tom 🐈": CAT, "my mug": COFFEE})


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """A folder: four pictures of the mug, three of the cat, and a sign."""
    made = tmp_path / "album"
    made.mkdir()
    for path, count in ((COFFEE, 4), (CAT, 3), (SIGN, 1)):
        for number, part in enumerate(_parts(path, count, seed=7)):
            part.save(made / f"{path.stem} {number}.png")
    return made


@pytest.fixture
def index(album: Path, tmp_path: Path) -> Iterator[ImageIndex]:
    with ImageIndex(tmp_path / "index.sqlite") as made:
        made.add(sorted(album.iterdir()))
        yield made


def _names(found: Any) -> list[str]:
    return [Path(hit.path).stem.split()[0] for hit in found]


def test_finds_what_a_classifier_labels_so_best_first(
    mugs: Path, index: ImageIndex, album: Path
) -> None:
    for path in album.iterdir():
        path.unlink()  # no picture is read again
    found = index.search(label=" MY Mug ")
    assert _names(found) == ["coffee"] * 4
    assert [hit.by for hit in found] == [{"label": hit.score} for hit in found]
    assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)
    assert all(0.5 < hit.score <= 1 for hit in found)
    assert [hit.sha256 for hit in index.search(label="my mug", k=2)] == [
        hit.sha256 for hit in found[:2]
    ]
    assert _names(index.search(label="tom 🐈")) == ["cat"] * 3
    assert index.search(label="zebra") == []  # which ImageNet knows, and nothing shows
    assert _names(index.search(label="espresso")) == ["coffee"] * 4
    both = index.search(COFFEE, label="my mug")
    assert set(both[0].by) == {"image", "label"}


def test_it_is_what_the_classifier_says_of_all_of_many(mugs: Path, tmp_path: Path) -> None:
    """Thousands of embeddings, some far from all that was taught; none that counts is missed."""
    classifier, random = ImageClassifier.load("mugs"), np.random.default_rng(0)
    own = vision_encoder().embed([*_parts(COFFEE, 6, 3), *_parts(CAT, 6, 3), SIGN])
    mixed = random.dirichlet(np.full(len(own), 0.3), 6000).astype(np.float32) @ own
    kept = (mixed / np.linalg.norm(mixed, axis=1, keepdims=True)).astype(np.float16)
    vectors = kept.astype(np.float32)
    store = Store(tmp_path / "many.sqlite")
    for start in range(0, len(vectors), 3000):
        entries = [
            Entry(f"{number:064x}", "", vectors[number], (), None, "{}")
            for number in range(start, start + 3000)
        ]
        store.save(entries, "efficientnet-lite0")
    with store.using() as connection:
        connection.close()
    rated = classifier.rate(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    number = classifier.labels.index("my mug")
    wanted = set(np.flatnonzero((rated.best == number) & rated.known).tolist())
    assert 500 < len(wanted) < 5500
    with ImageIndex(tmp_path / "many.sqlite") as index:
        found = index.search(label="my mug", k=6000)
    assert {int(hit.sha256, 16) for hit in found} == wanted
    sure = rated.probabilities[[int(hit.sha256, 16) for hit in found], number]
    assert np.allclose([hit.score for hit in found], sure, atol=1e-4)
    assert (np.diff(sure) <= 1e-4).all()


def test_names_of_an_agent_are_found_too(index: ImageIndex) -> None:
    with Agent() as agent:
        assert agent.taught_labels() == []
        agent.teach("my mug", images=_parts(COFFEE, 2, seed=5))
        with ImageIndex(index.path, taught=agent.taught_labels) as other:
            found = other.search(label="my mug")
            assert _names(found) == ["coffee"] * 4
            assert found[0].score == pytest.approx(3 / 4)  # two pictures show no more
            names = Nearest(agent.house.context(agent.task("x")).taught(vision_encoder()))
            assert found[0].score == names.match(_vector(other, found[0].sha256)).probability
        with pytest.raises(UnknownNameError, match="unknown label 'my mugg'"):
            index.search(label="my mugg")  # which asks no agent


def _vector(index: ImageIndex, sha256: str) -> Any:
    everything = np.ones((1, 1280), np.float32) / np.float32(1280**0.5)
    with index._store.using() as connection:
        (wanted,) = connection.execute(
            "SELECT id FROM items WHERE sha256 = ?", (bytes.fromhex(sha256),)
        ).fetchone()
        for ids, vectors in index._store.vectors.reaching(everything, -1):
            return vectors[ids.tolist().index(wanted)]


def test_unknown_labels_name_near_ones_of_both(mugs: Path, index: ImageIndex) -> None:
    with pytest.raises(UnknownNameError, match=r"did you mean 'my mug'.*shoal tune"):
        index.search(label="mymugg")
    with pytest.raises(UnknownNameError, match="did you mean 'espresso'"):
        index.search(label="esspreso")
    with pytest.raises(UnknownNameError, match="unknown label"):
        index.search(COFFEE, label="quuxly")
    assert index.search(label="quuxly", text="quuxly") == []  # it may be written in a picture
    with pytest.raises(UnknownNameError, match=r"known: Tom 🐈, my mug.*those of 'mugs'"):
        index.search(label="zebra", model="mugs")
    with pytest.raises(UnknownNameError, match="unknown model 'mug': did you mean 'mugs'"):
        index.search(label="my mug", model="mug")
    assert known("a photo of cats", ("Egyptian cat, Mau", "crane"))
    assert not known("dog", ("Egyptian cat, Mau", "crane"))


def test_two_that_know_a_label_are_both_named(
    mugs: Path, index: ImageIndex, tmp_path: Path
) -> None:
    _teach(tmp_path, "others", {"My Mug": CAT, "none": SIGN, "crane": COFFEE})
    with pytest.raises(
        UsageError, match=r"'mugs' and 'others' know.*--model mugs or --model others"
    ):
        index.search(label="my mug")
    assert _names(index.search(label="my mug", model="others")) == ["cat"] * 3
    assert _names(index.search(label="my mug", model=str(mugs))) == ["coffee"] * 4
    assert _names(index.search(label="crane")) == ["coffee"] * 4  # taught goes before ImageNet's
    assert index.search(label="crane", model="efficientnet-lite0") == []
    with pytest.raises(UsageError, match="'mugs' and 'others' know"):
        explain(COFFEE, "my mug")


def test_a_classifier_with_an_encoder_of_its_own_cannot_rate_an_index(
    tmp_path: Path, index: ImageIndex
) -> None:
    _teach(tmp_path, "own", {"my mug": COFFEE, "Tom": CAT}, method="full", epochs=1)
    with pytest.raises(UsageError, match=r"an encoder of its own.*--method linear"):
        index.search(label="my mug")
    words = index.search(label="my mug", text="my mug")  # no mistake, but the encoder's words
    assert words
    own = index.search(label="my mug", model="efficientnet-lite0")
    assert [hit.sha256 for hit in words] == [hit.sha256 for hit in own]
    found = explain(COFFEE, "my mug")
    assert (found.label.name, found.method) == ("my mug", "grad-cam")
    _teach(tmp_path, "mugs", {"my mug": COFFEE, "Tom": CAT})
    assert _names(index.search(label="my mug")) == ["coffee"] * 4  # by the one that can


def test_damaged_classifiers_are_in_nobodys_way(mugs: Path, index: ImageIndex) -> None:
    broken = mugs.parent / "broken"
    broken.mkdir()
    (broken / "image_classifier.json").write_text("{}")
    assert [one.name for one in in_library()] == ["mugs"]
    assert len(index.search(label="my mug")) == 4
    with pytest.raises(CorruptWeightsError):
        index.search(label="my mug", model="broken")
    (mugs / "head.safetensors").write_bytes(b"junk")
    with pytest.raises(CorruptWeightsError, match="Teach it again"):
        index.search(label="my mug")


def test_heat_lies_on_what_was_taught(mugs: Path) -> None:
    for (x, y), (label, path) in (
        ((8, 120), ("my mug", COFFEE)), ((232, 120), ("my mug", COFFEE)),
        ((8, 8), ("Tom 🐈", CAT)), ((232, 232), ("Tom 🐈", CAT)),
    ):  # fmt: skip
        other = CAT if path is COFFEE else COFFEE
        canvas = Image.new("RGB", (448, 448), "grey")
        canvas.paste(load_image(path).pixels.resize((208, 208)), (x, y))
        canvas.paste(load_image(other).pixels.resize((208, 208)), (240 - x, 240 - y))
        found = explain(canvas, label)
        assert (found.label.name, found.method) == (label, "grad-cam")
        heat = found.heat
        own = heat[y : y + 208, x : x + 208].sum()
        assert own > 3 * heat[240 - y : 448 - y, 240 - x : 448 - x].sum()
        assert own > 0.6 * heat.sum()


def test_explaining_asks_who_knows_the_label(mugs: Path) -> None:
    said = ImageClassifier.load("mugs")
    likeliest = explain(COFFEE, model="mugs")
    assert likeliest.label.name == "my mug"
    assert likeliest.label.probability == pytest.approx(said.predict([COFFEE])[0].probability)
    other = explain(COFFEE, "TOM 🐈")
    assert other.label.index == said.labels.index("Tom 🐈")
    assert other.label.probability == pytest.approx(1 - likeliest.label.probability, abs=1e-5)
    assert explain(COFFEE, "espresso").method == "cam"  # the encoder's own word
    with pytest.raises(UnknownNameError, match="did you mean 'my mug'"):
        explain(COFFEE, "my mugg")
    with pytest.raises(UnknownNameError, match="unknown label 'espresso': known: Tom"):
        explain(COFFEE, "espresso", model="mugs")
    with pytest.raises(UsageError, match="Use method='grad-cam'"):
        explain(COFFEE, "my mug", method="cam")


def _typed(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr("sys.argv", ["shoal", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_the_commands(
    mugs: Path,
    album: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def found(*words: object) -> list[str]:
        assert _typed(monkeypatch, "find", album, *words, "--json") == 0
        return [
            Path(hit["file"]).stem.split()[0]
            for hit in json.loads(capsys.readouterr().out)["found"]
        ]

    assert found("--label", "my mug") == ["coffee"] * 4
    assert found("my mug") == ["coffee"] * 4
    assert not (tmp_path / "home/data/memory.sqlite").exists()
    assert _typed(monkeypatch, "find", album, "--label", "my mugg") == 2
    assert "did you mean 'my mug'" in capsys.readouterr().err
    assert _typed(monkeypatch, "find", album) == 2
    assert "--label NAME" in capsys.readouterr().err
    with Agent() as agent:
        agent.teach("my mug", images=_parts(CAT, 1, seed=5))
    assert _typed(monkeypatch, "find", album, "--label", "my mug") == 2
    assert "--model agent.teach or --model mugs" in capsys.readouterr().err
    assert found("--label", "my mug", "--model", "agent.teach") == ["cat"] * 3
    assert found("my mug", "--model", "mugs") == ["coffee"] * 4
    out = tmp_path / "mug.png"
    words = ("--label", "my mug", "--model", "mugs", "--out", out)
    assert _typed(monkeypatch, "explain", album / "coffee 0.png", *words) == 0
    assert "my mug (" in capsys.readouterr().out
    assert out.is_file()
