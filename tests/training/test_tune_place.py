"""Where a tuned model is saved: what is refused before training, and what is replaced."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from shoal.agents.cli.app import app
from shoal.errors import StorageError, UsageError
from shoal.modalities.text.distill import DistillSettings, distill
from shoal.modalities.text.tune import GeneratorSettings, Rows, TuneSettings, tune_classifier
from shoal.modalities.text.tune.generator import tune_generator
from shoal.modalities.text.tune.generator_data import Dialogues
from shoal.modalities.training.place import Place

TEXTS = tuple(f"{word} it number {i}" for word in ("find", "stop") for i in range(12))
ROWS = Rows(TEXTS, tuple(text.split()[0] for text in TEXTS))
TURNS = tuple(
    ({"role": "user", "content": text}, {"role": "assistant", "content": "Done."}) for text in TEXTS
)


class Told:
    """A teacher that knows."""

    name = "told"
    labels = ("find", "stop")

    def logits(self, texts: object) -> object:
        raise AssertionError("it was asked before the folder was tried")


def _classifier(out: Path) -> None:
    tune_classifier(ROWS, TuneSettings("a", "frozen", out=out, quiet=True))


def _generator(out: Path) -> None:
    settings = GeneratorSettings("a", epochs=1, quantize="none", out=out, quiet=True)
    tune_generator(Dialogues(TURNS), settings)


def _student(out: Path) -> None:
    distill(ROWS, Told(), DistillSettings("a", "tiny", out=out, quiet=True))  # type: ignore[arg-type]


def _calls(out: Path) -> None:
    words = ["tune", "no-such-cards", "--calls", "--name", "a", "--val", "no-such-cases"]
    raised = CliRunner().invoke(app, [*words, "--out", str(out)]).exception
    assert raised is not None
    raise raised


TRAININGS = pytest.mark.parametrize("train", [_classifier, _generator, _student, _calls])


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@TRAININGS
def test_a_disk_without_room_is_told_before_training(
    train: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "empty"
    place.mkdir()
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(2**40, 2**40, 99 * 2**20))
    with pytest.raises(StorageError, match=r"no room to save in .*99 MB are free there and 100"):
        train(place / "a")
    assert not [path for path in place.rglob("*") if path.is_file()]


@TRAININGS
def test_a_folder_that_can_not_be_made_is_told_before_training(
    train: Callable[[Path], None], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StorageError, match=r"cannot write in .*file.*Choose another --out"):
        train(tmp_path / "file" / "a")


def test_what_can_not_be_replaced_is_told_before_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(UsageError, match="file is no folder"):
        Place(tmp_path / "file", "classifier").prepare(resume=False)
    with pytest.raises(UsageError, match="a disk is mounted there"):
        Place(Path("/"), "classifier").prepare(resume=False)
    (tmp_path / "generator.json").write_text("{}")
    with pytest.raises(UsageError, match="it holds no classifier to replace"):
        Place(tmp_path, "classifier").prepare(resume=False)


def test_the_old_folder_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    place = Place(tmp_path / "a", "classifier")
    place.folder.mkdir()
    (place.folder / "classifier.json").write_text("old")
    place.prepare(resume=False)
    place.work.mkdir()
    (place.work / "state").write_text("a checkpoint")
    with pytest.raises(StorageError, match="half"):
        _half_filled(place)
    assert (place.folder / "classifier.json").read_text() == "old"
    place.prepare(resume=True)
    assert (place.work / "state").exists()
    with place.filling() as made:
        (made / "classifier.json").write_text("new")
    assert [path.name for path in place.folder.iterdir()] == ["classifier.json"]
    assert (place.folder / "classifier.json").read_text() == "new"
    assert not place.work.exists()


def test_a_start_that_fails_leaves_nothing_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = TuneSettings("a", "frozen", out=tmp_path / "a", quiet=True)
    for wrong in (replace(settings, model="no-such-encoder"), replace(settings, resume=True)):
        with pytest.raises(UsageError):
            tune_classifier(ROWS, replace(wrong, method="full"))
        assert not settings.work.exists()
    assert "broken off" not in capsys.readouterr().err


def test_only_checkpoints_are_a_training_that_was_broken_off(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = Place(tmp_path / "a", "classifier")
    (place.work / "tensorboard").mkdir(parents=True)  # as after a first step that diverged
    place.prepare(resume=False)
    assert not place.work.exists()
    assert capsys.readouterr().err == ""
    (place.work / "all").mkdir(parents=True)
    (place.work / "all" / "state.safetensors").touch()
    place.prepare(resume=True)
    assert place.work.exists()
    place.prepare(resume=False)
    assert not place.work.exists()
    assert "held a training that was broken off" in capsys.readouterr().err


def _half_filled(place: Place) -> None:
    with place.filling() as made:
        (made / "classifier.json").write_text("new")
        raise StorageError("half of it")


def test_what_came_there_during_the_training_is_not_replaced(tmp_path: Path) -> None:
    place = Place(tmp_path / "a", "classifier")
    place.prepare(resume=False)
    place.folder.mkdir()
    (place.folder / "diary.txt").write_text("dear")
    with pytest.raises(UsageError, match="is not empty"), place.filling():
        raise AssertionError("nothing is made for a place that is taken")
