"""The learning curve of a policy: return and success by env steps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shoal.modalities.training.plots import figure_of, save_figure

_TOP = (("return", "-", "training"), ("validation_return", "o--", "validation"))
_BOTTOM = (
    ("success", "-", "training"),
    ("validation_success", "o--", "validation"),
    ("agreement", "s:", "agreement with the teacher"),
)


def policy_curve(path: Path, history: Sequence[dict[str, float]], title: str) -> None:
    """Draws the mean return and, where the env knows success, its rate, as PNG.

    Args:
        path: The file to write.
        history: Entries with "steps" and some of "return", "success" (of late training
            episodes), "validation_return", "validation_success" and "agreement" (of the
            policy with its teacher, in a round).
        title: What stands above.

    Raises:
        MissingExtraError: matplotlib is not installed.
        StorageError: It can't be written.
    """
    succeeds = any(name in entry for entry in history for name, *_ in _BOTTOM)
    taught = any("agreement" in entry for entry in history)
    figure = figure_of(7, 6 if succeeds else 3.5)
    axes = figure.subplots(2 if succeeds else 1, 1, sharex=True, squeeze=False)[:, 0]
    axes[0].set_title(title)
    _lines(axes[0], history, _TOP, "mean return", 1)
    if succeeds:
        _lines(
            axes[1],
            history,
            _BOTTOM,
            "success, %" if not taught else "success and agreement, %",
            100,
        )
    axes[-1].set_xlabel("env steps")
    save_figure(figure, path)


def _lines(axes: Any, history: Sequence[dict[str, float]], kinds: Any, name: str, by: int) -> None:
    drawn = False
    for key, style, label in kinds:
        points = [(entry["steps"], by * entry[key]) for entry in history if key in entry]
        if points:
            axes.plot(*zip(*points, strict=True), style, label=label)
            drawn = True
    axes.set_ylabel(name)
    if drawn:
        axes.legend()
