"""`shoal distill` and `shoal eval` on pictures."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from shoal.agents.cli.app import app
from shoal.errors import UnknownNameError, UsageError
from shoal.modalities.vision.teach import (
    ImageClassifier,
    TeachSettings,
    read_pictures,
    teach_classifier,
)


def _typed(command: str) -> Result:
    return CliRunner().invoke(app, shlex.split(command)[1:])


def _draw(root: Path, count: int, seed: int) -> Path:
    """Blue and chequered pictures, and a file that is none."""
    draw = np.random.default_rng(seed)
    for number in range(count):
        blue = np.full((60, 60, 3), (20, 40, 150 + int(draw.integers(100))), np.uint8)
        blue[number % 60, :, 0] = 90
        board = np.kron(draw.integers(0, 2, (6, 6)), np.ones((10, 10))).astype(np.uint8) * 255
        for name, array in (("plain blue", blue), ("checks", board)):
            (root / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(root / name / f"{number}.png")
    (root / "checks" / "notes.txt").write_text("no image")
    return root


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return _draw(tmp_path / "set", 6, 0)


@pytest.fixture
def teacher(source: Path, home: Path) -> str:
    settings = TeachSettings("colours", "linear", quiet=True)
    teach_classifier(read_pictures(source)["train"], settings)
    return "colours"


def test_the_printed_command_repeats_it(source: Path, teacher: str, home: Path) -> None:
    val = _draw(source.parent / "val", 2, 7)
    typed = (
        f"shoal distill {teacher} {source} --name quick --size tiny --copies 1 --epochs 1 "
        f"--batch 8 --val {val} --seed 0"
    )
    done = _typed(f"{typed} --json")
    assert done.exit_code == 0, done.exception
    made = json.loads(done.stdout)
    assert made["folder"] == str(home / "data" / "image_classifiers" / "quick")
    assert made["training"]["command"] == typed
    assert made["training"]["model"] == teacher
    assert made["scores"]["comparison"]["student"]["n"] == 4
    assert ImageClassifier.load("quick").labels == ("checks", "plain blue")
    scored = _typed(f"shoal eval quick --on {val} --json")
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
    done = _typed(f"shoal distill {teacher} {source} --name quick {words}")
    assert isinstance(done.exception, UsageError)
    assert says in str(done.exception)


def test_wrong_teachers_and_sources(source: Path, teacher: str, tmp_path: Path, home: Path) -> None:
    words = home / "data" / "classifiers" / "words"
    words.mkdir(parents=True)
    (words / "classifier.json").write_text("{}")  # the one file that tells what it is
    done = _typed(f"shoal distill words {source} --name quick")
    assert "it is a classifier of texts" in str(done.exception)
    done = _typed(f"shoal distill nobody {source} --name quick")
    assert isinstance(done.exception, UnknownNameError)
    (tmp_path / "one" / "only").mkdir(parents=True)
    Image.new("RGB", (9, 9)).save(tmp_path / "one" / "only" / "a.png")
    done = _typed(f"shoal distill {teacher} {tmp_path / 'one'} --name quick")
    assert "has one class, 'only'" in str(done.exception)
    (tmp_path / "rows.csv").write_text("text,label\na,x\nb,y\n")
    done = _typed(f"shoal distill {teacher} {tmp_path / 'rows.csv'} --name quick")
    assert "it is a classifier of images, and" in str(done.exception)
    done = _typed(f"shoal eval {teacher} --on {tmp_path / 'rows.csv'}")
    assert "is a classifier of images" in str(done.exception)
    assert "--on FOLDER" in str(_typed(f"shoal eval {teacher}").exception)


def test_scores_with_intervals_classes_and_strangers(
    source: Path, teacher: str, tmp_path: Path
) -> None:
    new, strange = _draw(tmp_path / "new", 5, 3), tmp_path / "strange"
    strange.mkdir()
    noise = np.random.default_rng(0).integers(0, 255, (3, 80, 80, 3), np.uint8)
    for number, array in enumerate(noise):
        Image.fromarray(array).save(strange / f"{number}.png")
    (strange / "junk.jpg").write_bytes(b"junk")
    out = tmp_path / "drawn"
    command = f"shoal eval {teacher} --on {new} --oos {strange} --out {out}"
    done = _typed(f"{command} --json")
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
    said = _typed(command).stdout
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
    done = _typed(f"shoal eval {teacher} --on {tmp_path / 'wrong.csv'} --out {out} --json")
    assert done.exit_code == 0, done.exception
    made = json.loads(done.stdout)
    assert (made["n"], made["accuracy"], made["oos_n"]) == (4, 0.0, 1)
    assert made["confused"] == ["plain blue taken for checks: 4"]
    assert made["classes"][0]["precision"] is None
    assert (out / "wrong.png").is_file()
    (tmp_path / "other.csv").write_text(f"file,label\n{files[0]},green\n")
    done = _typed(f"shoal eval {teacher} --on {tmp_path / 'other.csv'}")
    assert "the classifier knows no class 'green'" in str(done.exception)
    (tmp_path / "none.csv").write_text(f"file,label\n{source / 'checks' / 'notes.txt'},checks\n")
    done = _typed(f"shoal eval {teacher} --on {tmp_path / 'none.csv'}")
    assert "holds no image that can be read" in str(done.exception)
