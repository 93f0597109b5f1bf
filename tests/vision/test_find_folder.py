"""Folders labelled at once, and `shoal label` and `shoal find` in real processes."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shoal.errors import ImageError, UsageError
from shoal.modalities.vision import label_folder, load_image, vision_encoder
from shoal.modalities.vision.opening.ahead import in_threads
from shoal.modalities.vision.opening.images import open_draft

ASSETS = Path(__file__).parents[2] / "agents/demo/assets"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Photos of several sizes and formats in two folders, and files that are no photos."""
    made = tmp_path / "photos"
    (made / "more 🐈").mkdir(parents=True)
    cat, coffee = (load_image(ASSETS / name).pixels for name in ("cat.jpg", "coffee.jpg"))
    cat.resize((1600, 1200)).save(made / "large cat.jpg")
    cat.resize((90, 80)).convert("L").save(made / "more 🐈" / "grey.png")
    coffee.save(made / "more 🐈" / "coffee, hot.webp")
    (made / "notes.txt").write_text("no picture")
    (made / "broken.jpg").write_bytes((ASSETS / "cat.jpg").read_bytes()[:2000])
    (made / ".hidden.jpg").write_bytes((ASSETS / "cat.jpg").read_bytes())
    return made


def test_labels_a_folder_and_names_the_junk(folder: Path) -> None:
    seen: list[int] = []
    made = label_folder(folder, k=2, progress=lambda done, detail: seen.append(done))
    shown = {Path(row.path).name: row.labels for row in made}
    assert list(shown) == ["large cat.jpg", "coffee, hot.webp", "grey.png"]
    assert "cat" in shown["large cat.jpg"][0].name
    assert [len(labels) for labels in shown.values()] == [2, 2, 2]
    assert shown["coffee, hot.webp"][0].name == "espresso"
    assert [Path(item.name).name for item in made.skipped] == ["broken.jpg", "notes.txt"]
    assert seen == [1, 2, 3, 4, 5]


def test_large_photos_are_decoded_smaller_and_keep_their_label(tmp_path: Path) -> None:
    cat, encoder = load_image(ASSETS / "cat.jpg").pixels, vision_encoder()
    for size in ((3000, 2400), (1500, 2000)):
        cat.resize(size).save(tmp_path / "large.jpg", quality=95)
        glance = encoder.glance(tmp_path / "large.jpg")
        assert glance.draft
        (whole,), (part,) = (
            encoder.label([cat.resize(size)], k=1)[0],
            encoder.see([glance], 1)[1][0],
        )
        assert part.index == whole.index
        assert part.probability == pytest.approx(whole.probability, abs=0.1)
    assert encoder.glance(np.zeros((1, 200_000), np.uint8)).pixels.shape == (224, 224, 3)
    assert not encoder.glance(cat.resize((3000, 2400))).draft


def test_a_turned_jpeg_is_set_upright_when_it_is_decoded_smaller(tmp_path: Path) -> None:
    exif, photo = Image.Exif(), load_image(ASSETS / "cat.jpg").pixels.resize((2400, 1200))
    exif[0x0112] = 6
    photo.save(tmp_path / "turned.jpg", exif=exif, quality=95)
    pixels, draft = open_draft(tmp_path / "turned.jpg", 300)
    assert draft
    assert pixels.size == (300, 600)
    upright = photo.rotate(-90, expand=True).resize((300, 600))
    assert np.abs(np.asarray(pixels, float) - np.asarray(upright, float)).mean() < 6


def test_what_is_wrong_is_told_as_load_image_tells_it(tmp_path: Path) -> None:
    cut = tmp_path / "cut.jpg"
    Image.effect_noise((2000, 1500), 40).save(cut)
    cut.write_bytes(cut.read_bytes()[:50_000])
    Image.new("L", (8000, 6000)).save(tmp_path / "huge.jpg")
    for path in (cut, tmp_path / "huge.jpg", tmp_path / "none.jpg", tmp_path):
        with pytest.raises(ImageError) as expected:
            load_image(path)
        with pytest.raises(ImageError) as told:
            vision_encoder().glance(path)
        assert str(told.value) == str(expected.value)


def test_work_ahead_is_bounded_and_other_errors_are_not_hidden() -> None:
    taken: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(10**9):
            taken.append(number)
            yield number

    stream = in_threads(lambda number: number * 2, numbers())
    assert [next(stream) for _ in range(3)] == [(0, 0), (1, 2), (2, 4)]
    assert len(taken) < 40
    stream.close()
    with pytest.raises(ZeroDivisionError):
        list(in_threads(lambda number: 1 / number, [1, 0]))


def test_wrong_folders_are_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        label_folder(tmp_path / "none")
    with pytest.raises(UsageError, match="it is a file"):
        label_folder(ASSETS / "cat.jpg")
    with pytest.raises(UsageError, match="no files"):
        label_folder(tmp_path)


def _shoal(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "shoal.agents.cli", *map(str, words)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "200"}
    )


def test_shoal_label_prints_a_table_json_and_csv(folder: Path, tmp_path: Path) -> None:
    (folder / os.fsdecode(b"odd \xff.png")).write_bytes((ASSETS / "sign.png").read_bytes())
    done = _shoal("label", folder, "--csv", tmp_path / "out.csv")
    assert done.returncode == 0, done.stderr
    assert "4 pictures" in done.stdout
    assert "2 skipped: broken.jpg" in done.stdout
    rows = list(csv.DictReader((tmp_path / "out.csv").open(newline="", encoding="utf-8")))
    assert {row["file"]: row["label"] for row in rows}["more 🐈/coffee, hot.webp"] == "espresso"
    assert 0 < float(rows[0]["probability"]) <= 1
    made = json.loads(_shoal("label", folder, "-k", 3, "--json").stdout)
    assert [len(row["labels"]) for row in made["pictures"]] == [3, 3, 3, 3]
    assert len(made["skipped"]) == 2


def test_shoal_label_of_junk_alone_is_wrong_use(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    done = _shoal("label", tmp_path)
    assert done.returncode == 2
    assert "no picture in" in done.stderr
    assert "notes.txt" in done.stderr
    assert "Traceback" not in done.stderr


def test_shoal_find_by_picture_and_by_words(folder: Path) -> None:
    first = json.loads(_shoal("find", folder, ASSETS / "cat.jpg", "-k", 1, "--json").stdout)
    assert first["of"] == 3
    assert first["found"][0]["file"].endswith("large cat.jpg")
    words = _shoal("find", folder, "espresso")
    assert words.returncode == 0, words.stderr
    assert "coffee, hot.webp" in words.stdout
    assert _shoal("find", folder, "zebra").returncode == 1
    wrong = _shoal("find", folder, "photos/no.jpg")
    assert wrong.returncode == 2
    assert "no picture" in wrong.stderr
    assert not [path for path in folder.rglob("*") if "sqlite" in path.name]
