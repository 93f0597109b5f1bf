"""`shoal tune` and `shoal eval --on` in real processes."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from shoal.agents.cli.app import app
from shoal.agents.cli.show import print_saved


def shoal(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "shoal.agents.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """24 rows of two intents, with the column names of the banking set."""
    words = ("card", "loan", "cheque", "transfer", "deposit", "account")
    pairs = [(f"where is my {word}", "find") for word in words]
    pairs += [(f"i can not find the {word}", "find") for word in words]
    pairs += [(f"cancel the {word} now", "stop") for word in words]
    pairs += [(f"please stop my {word}", "stop") for word in words]
    path = tmp_path / "bank.csv"
    path.write_text("text,category\n" + "".join(f"{t},{label}\n" for t, label in pairs))
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
