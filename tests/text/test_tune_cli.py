"""`shoal tune` and `shoal eval --on` in real processes."""

from __future__ import annotations

import json
import math
import shlex
from pathlib import Path

import pytest
import torch
import typer.main

from shoal.agents.cli.app import app
from shoal.agents.cli.show import print_saved
from shoal.errors import RunError
from shoal.modalities.text.tune.tuning_job import TuningJob
from tests.commands import shoal, typed
from tests.text.authored import bank_table


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """24 rows of two intents, with the column names of the banking set."""
    path = tmp_path / "bank.csv"
    path.write_text(bank_table("text,category"))
    return path


def test_tune_and_eval_from_a_file(source: Path, home: Path) -> None:
    done = shoal("tune", str(source), "--name", "bank", "--method", "frozen", "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["folder"] == str(home / "data" / "classifiers" / "bank")
    assert made["training"]["command"].endswith("--name bank --method frozen --seed 0")
    assert {"accuracy", "interval", "parity", "n"} <= set(made["scores"])
    scored = shoal("eval", "bank", "--on", str(source), "--json")
    assert scored.returncode == 0, scored.stderr
    figures = json.loads(scored.stdout)
    assert figures["n"] == 24
    assert figures["accuracy"] > 0.9
    assert figures["ms_per_text"] > 0


def test_the_printed_command_repeats_the_training(source: Path, tmp_path: Path, home: Path) -> None:
    held, outside = tmp_path / "held out.csv", tmp_path / "oos.csv"
    lines = source.read_text().splitlines()
    source.write_text("\n".join(["query,topic", *lines[1:]]))
    held.write_text("query,topic\nwhere has my bill gone,find\nput a stop to the bill,stop\n")
    outside.write_text("query\nhow tall is a giraffe\nwho wrote hamlet\n")
    words = f"--val '{held}' --oos {outside} --text-column query --label-column topic --seed 0"
    command = f"shoal tune {source} --name bank --method frozen {words}"
    for _ in range(2):
        done = typed(command, "--json")
        assert done.exit_code == 0, done.exception
        made = json.loads(done.stdout)
        assert made["training"]["command"] == command
        assert made["training"]["rows"] == 24 + 2
        assert made["scores"]["n"] == 2
        command = made["training"]["command"]
    assert command in (home / "data" / "classifiers" / "bank" / "card.md").read_text()


def _advice(source: Path, *more: str) -> str:
    """What a training that diverged tells to type."""
    (source.parent / "val.csv").write_text("text,label\nwhere is my bill,find\nstop it,stop\n")
    words = f"--method full --val {source.parent / 'val.csv'} --epochs 2 --batch 8"
    words += f" --checkpoint-every 1 --out {source.parent / 'nan'} --quiet"
    done = typed(f"shoal tune {source} --name nan {words}", *more)
    assert isinstance(done.exception, RunError)
    assert "the training diverged at step" in done.exception.what
    return done.exception.fix.partition(": ")[2]


def test_a_training_that_is_wild_from_the_start_starts_anew_as_advised(source: Path) -> None:
    command = _advice(source, "--learning-rate", "1e30")
    assert command.endswith(" --learning-rate 0.00015")
    assert "--resume" not in command
    done = typed(command, "--quiet")
    assert done.exit_code == 0, done.exception
    assert "broken off" not in done.stderr
    assert (source.parent / "nan" / "classifier.json").is_file()


def test_a_training_that_diverges_later_goes_on_as_advised(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn, steps = TuningJob.loss, list[int]()

    def loss(self: TuningJob, batch: list[int]) -> torch.Tensor:
        steps.append(len(batch))
        return learn(self, batch) * (math.nan if len(steps) == 5 else 1)

    monkeypatch.setattr(TuningJob, "loss", loss)
    command = _advice(source)
    assert command.endswith(" --resume --learning-rate 1.5e-05")
    done = typed(command, "--quiet")
    assert done.exit_code == 0, done.exception
    assert "up to step 3 it was trained at another learning rate" in done.stderr
    assert len(steps) == 5 + 8 - 3  # of eight steps three were kept
    assert '"rate_changed_at_step": 3.0' in (source.parent / "nan" / "card.md").read_text()


def test_a_folders_test_rows_are_scored_beside_the_validation(source: Path, home: Path) -> None:
    folder = source.parent / "set"
    folder.mkdir()
    source.rename(folder / "train.csv")
    first = "where is my card,find"
    others = "where is the lost bill,find\ncancel that bill now,stop\nhow is the weather,talk"
    (folder / "test.csv").write_text(f"text,label\n{first}\n{others}\n")
    done = typed(f"shoal tune {folder} --name bank --method frozen --json")
    assert done.exit_code == 0, done.exception
    assert "1 rows of test.csv stand in train.csv as well: left out of the test" in done.stderr
    scores = json.loads(done.stdout)["scores"]["test"]
    assert scores["n"] == 3
    assert scores["accuracy"] == pytest.approx(2 / 3, abs=1e-3)  # nobody knows the label "talk"
    card = (home / "data" / "classifiers" / "bank" / "card.md").read_text()
    assert "## Scores on the test rows\n\ntest.csv: Accuracy 66.67 % (n 3" in card


def test_wrong_use_exits_2_and_says_what_to_type(source: Path, tmp_path: Path) -> None:
    source.write_text(source.read_text().replace("category", "topic", 1))
    done = shoal("tune", str(source), "--name", "bank")
    assert done.returncode == 2
    assert "its columns are 'text', 'topic'" in done.stderr
    assert "--label-column NAME" in done.stderr
    none = shoal("tune", "records", "--name", "own")
    assert none.returncode == 2
    assert "your records has 0 rows" in none.stderr
    resumed = shoal("tune", str(source), "--label-column", "topic", "--name", "b", "--resume")
    assert resumed.returncode == 2
    assert "there is no checkpoint" in resumed.stderr
    assert "without --resume" in resumed.stderr


@pytest.mark.parametrize(
    ("command", "own"),
    [("tune", {"Classifiers", "Generators", "Call encoder"}), ("distill", {"Students"})],
)
def test_help_shows_the_options_in_groups(command: str, own: set[str]) -> None:
    group = typer.main.get_command(app)
    options = group.commands[command].params  # type: ignore[attr-defined]
    groups: dict[str | None, set[str]] = {}
    for option in options:
        groups.setdefault(getattr(option, "rich_help_panel", None), set()).add(option.name)
    assert set(groups) == {None, "Rows", "Training", "Output", *own}
    assert groups[None] <= {"source", "teacher", "name", "help"}
    assert {"epochs", "batch", "seed", "resume"} <= groups["Training"]
    assert {"out", "quiet", "json"} <= groups["Output"]


def test_the_last_line_says_how_to_look_at_the_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, file = tmp_path / "a b", tmp_path / "c.safetensors"
    folder.mkdir()
    file.touch()
    for path, logs in ((folder, folder / "tensorboard"), (file, tmp_path / "c.tensorboard")):
        print_saved(path)
        assert capsys.readouterr().out == f"Saved: {path}\n"
        logs.mkdir()
        print_saved(path)
        assert f"tensorboard --logdir {shlex.quote(str(logs))}\n" in capsys.readouterr().out
