"""How far a training is, where no bar can be drawn."""

from __future__ import annotations

import pytest

from shoal.modalities.training.progress import log_lines, training_bar


def test_a_log_gets_lines_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    report = log_lines("mine", 5000, every=0.0)
    report(1000, "loss 0.9")
    report(3000, "loss 0.5")
    first, second = capsys.readouterr().err.splitlines()
    assert first == "mine: 1,000 of 5,000, loss 0.9"  # nothing to tell the rest by yet
    assert second == "mine: 3,000 of 5,000, 0 min left, loss 0.5"


def test_a_log_is_not_flooded(capsys: pytest.CaptureFixture[str]) -> None:
    with training_bar("mine", 100, quiet=False) as report:
        for step in range(100):
            report(step, "")
    assert capsys.readouterr().err == ""
