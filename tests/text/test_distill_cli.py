"""`shoal distill` in a real process."""

from __future__ import annotations

import json
from pathlib import Path

from shoal.modalities.text.tune import TuneSettings, read_rows, tune_classifier
from tests.commands import shoal
from tests.text.authored import bank_table


def test_a_tuned_classifier_is_distilled_from_a_file(tmp_path: Path, home: Path) -> None:
    rows, more = tmp_path / "bank.csv", tmp_path / "more.txt"
    rows.write_text(bank_table("text,label"))
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
