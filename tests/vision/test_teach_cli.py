"""`shoal tune` on folders and tables of pictures."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from shoal.errors import UsageError
from shoal.modalities.vision.teach import ImageClassifier
from tests.commands import typed
from tests.vision.drawn import save_colours


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return save_colours(tmp_path / "set", 3)


def test_a_folder_is_taught_and_the_printed_command_repeats_it(source: Path, home: Path) -> None:
    command = f"shoal tune {source} --name colours --seed 0"
    for _ in range(2):
        done = typed(f"{command} --json")
        assert done.exit_code == 0, done.exception
        assert "1 files of set are no images that can be read: 'checks/notes.txt'" in done.stderr
        made = json.loads(done.stdout)
        assert made["training"]["command"] == command
        assert made["training"]["method"] == "prototype"
        assert made["labels"] == ["checks", "plain blue"]
        assert made["scores"]["n"] == 6
    assert made["folder"] == str(home / "data" / "image_classifiers" / "colours")
    (said,) = ImageClassifier.load("colours").predict([source / "checks" / "0.png"])
    assert said.label == "checks"


def test_a_table_with_a_table_to_validate_on(source: Path, tmp_path: Path) -> None:
    rows = [(file, file.parent.name) for file in sorted(source.glob("*/*.png"))]
    for name, part in (("all", rows), ("new one", rows[::3])):
        lines = "".join(f"{file},a/{label}\n" for file, label in part)
        (tmp_path / f"{name}.csv").write_text(f"file,label\n{lines}")
    val, out = shlex.quote(str(tmp_path / "new one.csv")), tmp_path / "made"
    done = typed(
        f"shoal tune {tmp_path / 'all.csv'} --name two --method linear --val {val} --out {out}"
    )
    assert done.exit_code == 0, done.exception
    assert f"Saved: {out}" in done.stdout
    assert "2 images of all.csv are among the validation images" in done.stderr
    spec = json.loads((out / "image_classifier.json").read_text())
    assert f"--val {val}" in spec["training"]["command"]
    assert spec["labels"] == ["a/checks", "a/plain blue"]
    assert (spec["training"]["images"], spec["scores"]["n"]) == (4, 2)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("--rank 4", "--rank has no meaning for images"),
        ("--text-column a", "--text-column has no meaning for images"),
        ("--method lora", "unknown method 'lora'"),
        ("--resume", "nothing to resume"),
        ("--model minilm-l6", "is not a vision model"),
        ("--epochs 3 --method linear --name a/b", "can't be a name"),
    ],
)
def test_wrong_options(source: Path, more: str, says: str) -> None:
    done = typed(f"shoal tune {source} --name colours {more}")
    assert isinstance(done.exception, UsageError)
    assert says in str(done.exception)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    done = typed(f"shoal tune {tmp_path / 'gone'} --name x")
    assert isinstance(done.exception, UsageError)
    assert "there is no such file or folder" in str(done.exception)
