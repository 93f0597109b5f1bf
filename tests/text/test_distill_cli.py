"""`shoal distill` in a real process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from shoal.modalities.text.tune import TuneSettings, read_rows, tune_classifier


def shoal(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "shoal.agents.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_tuned_classifier_is_distilled_from_a_file(tmp_path: Path, home: Path) -> None:
    words = ("card", "loan", "cheque", "transfer", "deposit", "account")
    pairs = [(f"where is my {word}", "find") for word in words]
    pairs += [(f"i can not find the {word}", "find") for word in words]
    pairs += [(f"cancel the {word} now", "stop") for word in words]
    pairs += [(f"please stop my {word}", "stop") for word in words]
    rows, more = tmp_path / "bank.csv", tmp_path / "more.txt"
    rows.write_text("text,label\n" + "".join(f"{t},{label}\n" for t, label in pairs))
    more.write_text("where has the money gone\nstop it\n")
    tune_classifier(read_rows(rows), TuneSettings("bank", "frozen", quiet=True))
    typed = ("distill", "bank", str(rows), "--name", "quick", "--size", "tiny", "--epochs", "2")
    done = shoal(*typed, "--unlabelled", str(more), "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["folder"] == str(home / "data" / "classifiers" / "quick")
    assert made["scores"]["comparison"]["size"] == "tiny"
    assert made["training"]["model"] == "bank"
    command = made["training"]["command"]
    assert command.startswith(f"shoal distill bank {rows} --name quick --size tiny --epochs 2")
    assert command.endswith(f"--unlabelled {more} --seed 0")
