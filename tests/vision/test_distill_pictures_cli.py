"""`shoal distill` and `shoal eval` on pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shoal.errors import UnknownNameError, UsageError
from shoal.modalities.vision.teach import (
    ImageClassifier,
    TeachSettings,
    read_pictures,
    teach_classifier,
)
from tests.commands import typed
from tests.vision.drawn import save_colours


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return save_colours(tmp_path / "set", 6, 0)


@pytest.fixture
def teacher(source: Path, home: Path) -> str:
    settings = TeachSettings("colours", "linear", quiet=True)
    teach_classifier(read_pictures(source)["train"], settings)
    return "colours"


def test_the_printed_command_repeats_it(source: Path, teacher: str, home: Path) -> None:
    val = save_colours(source.parent / "val", 2, 7)
    command = (
        f"shoal distill {teacher} {source} --name quick --size tiny --copies 1 --epochs 1 "
        f"--batch 8 --val {val} --seed 0"
    )
    done = typed(f"{command} --json")
    assert done.exit_code == 0, done.exception
    made = json.loads(done.stdout)
    assert made["folder"] == str(home / "data" / "image_classifiers" / "quick")
    assert made["training"]["command"] == command
    assert made["training"]["model"] == teacher
    assert made["scores"]["comparison"]["student"]["n"] == 4
    assert ImageClassifier.load("quick").labels == ("checks", "plain blue")
    scored = typed(f"shoal eval quick --on {val} --json")
    assert json.loads(scored.stdout)["accuracy"] == made["scores"]["accuracy"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--text-column a", "--text-column has no meaning for images"),
        ("--no-int8", "--int8 has no meaning for images"),
        ("--size huge", "unknown size 'huge'"),
        ("--model minilm-l6", "is not a vision model"),
        ("--unlabelled /nowhere", "cannot look into /nowhere"),
    ],
)
def test_wrong_options(source: Path, teacher: str, words: str, says: str) -> None:
    done = typed(f"shoal distill {teacher} {source} --name quick {words}")
    assert isinstance(done.exception, UsageError)
    assert says in str(done.exception)


def test_wrong_teachers_and_sources(source: Path, teacher: str, tmp_path: Path, home: Path) -> None:
    words = home / "data" / "classifiers" / "words"
    words.mkdir(parents=True)
    (words / "classifier.json").write_text("{}")  # the one file that tells what it is
    done = typed(f"shoal distill words {source} --name quick")
    assert "it is a classifier of texts" in str(done.exception)
    done = typed(f"shoal distill nobody {source} --name quick")
    assert isinstance(done.exception, UnknownNameError)
    (tmp_path / "one" / "only").mkdir(parents=True)
    Image.new("RGB", (9, 9)).save(tmp_path / "one" / "only" / "a.png")
    done = typed(f"shoal distill {teacher} {tmp_path / 'one'} --name quick")
    assert "has one class, 'only'" in str(done.exception)
    (tmp_path / "rows.csv").write_text("text,label\na,x\nb,y\n")
    done = typed(f"shoal distill {teacher} {tmp_path / 'rows.csv'} --name quick")
    assert "it is a classifier of images, and" in str(done.exception)
    done = typed(f"shoal eval {teacher} --on {tmp_path / 'rows.csv'}")
    assert "is a classifier of images" in str(done.exception)
    assert "--on FOLDER" in str(typed(f"shoal eval {teacher}").exception)


def test_scores_with_intervals_classes_and_strangers(
    source: Path, teacher: str, tmp_path: Path
) -> None:
    new, strange = save_colours(tmp_path / "new", 5, 3), tmp_path / "strange"
    strange.mkdir()
    noise = np.random.default_rng(0).integers(0, 255, (3, 80, 80, 3), np.uint8)
    for number, array in enumerate(noise):
        Image.fromarray(array).save(strange / f"{number}.png")
    (strange / "junk.jpg").write_bytes(b"junk")
    out = tmp_path / "drawn"
    command = f"shoal eval {teacher} --on {new} --oos {strange} --out {out}"
    done = typed(f"{command} --json")
    assert done.exit_code == 0, done.exception
    made = json.loads(done.stdout)
    assert (made["n"], made["how"], made["oos_n"]) == (10, "new", 3)
    low, high = made["interval"]
    assert low < made["accuracy"] <= high
    by_class = {one["label"]: one for one in made["classes"]}
    assert set(by_class) == {"checks", "plain blue"}
    right = sum(one["accuracy"] * one["n"] for one in by_class.values())
    assert right / made["n"] == pytest.approx(made["accuracy"])
    assert 0 <= made["oos_recall"] <= 1
    assert made["ms_per_image"] > 0
    assert any("junk.jpg" in note for note in made["notes"])
    assert any("notes.txt" in note for note in made["notes"])
    with Image.open(out / "confusion.png") as drawn:
        assert drawn.format == "PNG"
    said = typed(command).stdout
    assert "95 % interval" in said
    assert "None of these:" in said
    assert "checks:" in said


def test_one_class_a_table_and_a_class_of_strangers(
    source: Path, teacher: str, tmp_path: Path
) -> None:
    """Swapped labels: all is wrong, and the sheet shows it."""
    files = sorted((source / "checks").glob("*.png"))
    rows = "".join(f"{file},plain blue\n" for file in files[:4])
    (tmp_path / "wrong.csv").write_text(f"file,label\n{rows}{files[4]},oos\n")
    out = tmp_path / "drawn"
    done = typed(f"shoal eval {teacher} --on {tmp_path / 'wrong.csv'} --out {out} --json")
    assert done.exit_code == 0, done.exception
    made = json.loads(done.stdout)
    assert (made["n"], made["accuracy"], made["oos_n"]) == (4, 0.0, 1)
    assert made["confused"] == ["plain blue taken for checks: 4"]
    assert made["classes"][0]["precision"] is None
    assert (out / "wrong.png").is_file()
    (tmp_path / "other.csv").write_text(f"file,label\n{files[0]},green\n")
    done = typed(f"shoal eval {teacher} --on {tmp_path / 'other.csv'}")
    assert "the classifier knows no class 'green'" in str(done.exception)
    (tmp_path / "none.csv").write_text(f"file,label\n{source / 'checks' / 'notes.txt'},checks\n")
    done = typed(f"shoal eval {teacher} --on {tmp_path / 'none.csv'}")
    assert "holds no image that can be read" in str(done.exception)
