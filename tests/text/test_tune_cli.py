"""`shoal tune` and `shoal eval --on` in real processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


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
