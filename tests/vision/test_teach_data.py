"""What labelled pictures are read from, and everything that can be wrong with them."""

from __future__ import annotations

import os
import struct
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shoal.errors import RunError, UsageError
from shoal.modalities.vision import vision_encoder
from shoal.modalities.vision.teach import is_pictures, read_pictures
from shoal.modalities.vision.teach.lot import Reader
from shoal.modalities.vision.teach.sift import sift
from shoal.modalities.vision.teach.views import VIEWS, embed_views, small, views_of


def _picture(path: Path, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 256, (40, 50, 3), np.uint8)
    Image.fromarray(noise).save(path)
    return path


def _bomb() -> bytes:
    """A PNG of a few bytes that says it is 100,000 pixels high and wide."""
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    data = struct.pack(">I", len(header)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return b"\x89PNG\r\n\x1a\n" + data


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "set"
    for place, name in enumerate(("my cat 🐈", "dogs", "red")):
        for number in range(3):
            _picture(root / name / f"{number}.png", 10 * place + number)
    return root


def test_a_folder_of_class_folders(folder: Path) -> None:
    _picture(folder / "dogs" / "puppies" / "young" / "9.png", 99)
    _picture(folder / "dogs" / ".thumbs" / "1.png", 98)
    (folder / "dogs" / ".DS_Store").write_bytes(b"x")
    (folder / ".git").mkdir()
    (folder / "notes.txt").write_text("hello")
    read = read_pictures(folder)["train"]
    assert read.classes == ("dogs", "my cat 🐈", "red")
    assert len(read) == 10
    assert read.labels.count("dogs") == 4
    assert read.notes == ("1 files beside the class folders of set are left alone",)
    assert is_pictures(folder)


def test_folders_for_training_and_validation(folder: Path, tmp_path: Path) -> None:
    both = tmp_path / "both"
    both.mkdir()
    folder.rename(both / "train")
    _picture(both / "val" / "dogs" / "1.png", 77)
    _picture(both / "val" / "red" / "1.png", 78)
    splits = read_pictures(both)
    assert splits["train"].classes == ("dogs", "my cat 🐈", "red")
    assert splits["validation"].classes == ("dogs", "red")


def test_a_csv_with_paths_of_its_own(folder: Path) -> None:
    rows = "file,label\nset/dogs/0.png,animals/dog\n set/red/1.png ,🔴 red\n"
    table = folder.parent / "list.csv"
    table.write_text(rows, encoding="utf-8")
    read = read_pictures(table)["train"]
    assert is_pictures(table)
    assert read.classes == ("animals/dog", "🔴 red")
    assert [file.name for file in read.files] == ["0.png", "1.png"]
    assert all(file.is_file() for file in read.files)


def test_what_is_no_set_of_pictures(tmp_path: Path, folder: Path) -> None:
    texts = tmp_path / "texts.csv"
    texts.write_text("text,label\nhello,hi\n")
    assert not is_pictures(texts)
    assert not is_pictures("records")
    assert not is_pictures(tmp_path / "missing.csv")
    (folder / "train.csv").write_text("text,label\nhello,hi\n")
    assert not is_pictures(folder)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("file,kind\na.png,x\n", r"no column 'label'.*'file', 'kind'.*columns file and label"),
        ("file,label\na.png,\n", r"1 rows of list.csv have an empty 'label': line 2"),
        ("file,label\na.png,x\nb.png,x\n", "list.csv has one class, 'x'"),
    ],
)
def test_wrong_tables(tmp_path: Path, rows: str, says: str) -> None:
    (tmp_path / "list.csv").write_text(rows)
    with pytest.raises(UsageError, match=says):
        read_pictures(tmp_path / "list.csv")


def test_wrong_folders(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(UsageError, match="no such file or folder"):
        read_pictures(tmp_path / "missing")
    with pytest.raises(UsageError, match="no class folders: it holds 3 files"):
        read_pictures(folder / "dogs")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no class folders: it is empty"):
        read_pictures(tmp_path / "empty")
    only = tmp_path / "only"
    only.mkdir()
    (folder / "red").rename(only / "red")
    with pytest.raises(UsageError, match="only has one class, 'red'"):
        read_pictures(only)


def _reader() -> Reader:
    return Reader(vision_encoder(), "", threading.Event())


def test_junk_is_left_out_counted_and_named(folder: Path) -> None:
    red = folder / "red"
    (red / "readme.txt").write_text("no image")
    (red / "cut.png").write_bytes((red / "0.png").read_bytes()[:500])
    (red / "empty.jpg").touch()
    (red / "bomb.png").write_bytes(_bomb())
    (red / "gone.png").symlink_to(red / "nowhere.png")
    os.mkfifo(red / "pipe.png")
    lot, notes = _reader().read(sift(read_pictures(folder)["train"]).pictures)
    assert len(lot) == 9
    assert notes[0].startswith("6 files of set are no images that can be read: 'red/bomb.png', ")
    assert notes[0].endswith(" …")
    assert lot.vectors.shape == (9, vision_encoder().features)
    assert np.allclose(np.linalg.norm(lot.vectors, axis=1), 1, atol=1e-5)
    assert lot.classes.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_a_class_without_a_readable_image(folder: Path) -> None:
    for file in (folder / "red").iterdir():
        file.write_text("broken")
    (folder / "void").mkdir()
    pictures = read_pictures(folder)["train"]
    with pytest.raises(UsageError, match=r"class 'red' can be read, nor of 1 others: 3 files"):
        _reader().read(pictures)
    for file in pictures.files:
        file.write_text("broken")
    with pytest.raises(UsageError, match="set holds no image that can be read: 9 files"):
        _reader().read(pictures)


def test_the_same_image_twice(folder: Path) -> None:
    first = (folder / "red" / "0.png").read_bytes()
    (folder / "red" / "again.png").write_bytes(first)
    sifted = sift(read_pictures(folder)["train"])
    assert len(sifted.pictures) == 9
    assert sifted.notes == ("1 files of set repeat another one: 'red/again.png'",)
    (folder / "dogs" / "junk.png").write_text("junk")
    (folder / "red" / "junk.png").write_text("junk")
    assert len(sift(read_pictures(folder)["train"]).pictures) == 10  # no picture: no conflict
    (folder / "dogs" / "same.png").write_bytes(first)
    with pytest.raises(UsageError, match=r"1 images of set stand in two.*'dogs/same.png'"):
        sift(read_pictures(folder)["train"])


def test_validation_images_are_not_learnt_from(folder: Path, tmp_path: Path) -> None:
    checked = tmp_path / "checked"
    for name in ("dogs", "red"):
        _picture(checked / name / "new.png", len(name))
        (checked / name / "old.png").write_bytes((folder / name / "0.png").read_bytes())
    given, other = (sift(read_pictures(path)["train"]) for path in (folder, checked))
    left = given.without(other)
    assert len(left.pictures) == 7
    assert not set(left.hashes) & set(other.hashes)
    assert left.notes[-1].startswith("2 images of set are among the validation images")


def test_reading_can_be_broken_off(folder: Path) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(RunError, match="interrupted at image 0 of 9"):
        Reader(vision_encoder(), "", stop).read(read_pictures(folder)["train"])


def test_views_are_of_one_picture() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1200, 2400, 3), np.uint8)
    image = small(noise)
    assert image.size == (1200, 600)
    assert small(Image.new("L", (3, 9_000_000))).size == (3, 1_285_715)
    views = views_of(image)
    assert len(views) == VIEWS
    assert views[2].size == (840, 420)
    assert views_of(Image.new("RGB", (1, 1)))[3].size == (1, 1)
    vectors = embed_views([noise], vision_encoder())
    assert vectors.shape == (1, VIEWS, vision_encoder().features)
    assert np.allclose(vectors[0, 0], vision_encoder().embed([image])[0], atol=1e-5)
