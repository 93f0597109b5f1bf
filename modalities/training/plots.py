"""Two pictures of a training: how it learnt, and what it still takes for something else."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.extras import require
from shoal.files import cache_dir, write_atomic

_SHOWN = 40
"""Classes that fit on a page with readable names."""


def learning_curve(path: Path, history: Sequence[dict[str, float]], title: str) -> None:
    """Draws the training loss and the validation score by epoch, as PNG.

    Args:
        path: The file to write.
        history: One entry an epoch: "epoch", "train_loss" and "accuracy".
        title: What stands above.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    figure = figure_of(7, 4)
    axes = figure.add_subplot()
    epochs = [entry["epoch"] for entry in history]
    axes.plot(epochs, [entry["train_loss"] for entry in history], "o-", color="tab:gray")
    axes.set_xlabel("epoch")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_ylabel("training loss", color="tab:gray")
    other = axes.twinx()
    other.plot(epochs, [100 * entry["accuracy"] for entry in history], "s-", color="tab:blue")
    other.set_ylabel("validation accuracy, %", color="tab:blue")
    axes.set_title(title)
    save_figure(figure, path)


def confusion_matrix(
    path: Path, counts: NDArray[np.int64], labels: Sequence[str], title: str
) -> None:
    """Draws a confusion matrix as PNG; of many classes, those most often confused.

    Args:
        path: The file to write.
        counts: int64 (k, k), row the true class, column the predicted one.
        labels: `(k,)`.
        title: What stands above.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    shown = most_confused(counts, _SHOWN)
    part = counts[np.ix_(shown, shown)]
    size = 4 + 0.28 * len(shown)
    figure = figure_of(size, size)
    axes = figure.add_subplot()
    axes.imshow(np.log1p(part), cmap="Blues")
    names = [_short(labels[place]) for place in shown]
    axes.set_xticks(range(len(shown)), names, rotation=90, fontsize=8)
    axes.set_yticks(range(len(shown)), names, fontsize=8)
    for row, column in zip(*np.nonzero(part), strict=True):
        dark = part[row, column] > part.max() / 4
        colour = "white" if dark else "black" if row == column else "tab:red"
        axes.text(
            column, row, part[row, column], ha="center", va="center", fontsize=7, color=colour
        )
    more = f" (the {len(shown)} most confused of {len(labels)} classes)"
    axes.set_title(title + (more if len(shown) < len(labels) else ""), fontsize=10)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    save_figure(figure, path)


def most_confused(counts: NDArray[np.int64], at_most: int) -> list[int]:
    """Returns the classes with most mistakes, as row or column, in their own order."""
    wrong = counts - np.diag(np.diag(counts))
    ranked = np.argsort(-(wrong.sum(0) + wrong.sum(1)), kind="stable")
    return sorted(int(place) for place in ranked[:at_most])


def worst_pairs(counts: NDArray[np.int64], labels: Sequence[str], at_most: int) -> list[str]:
    """Says which class is taken for which most often, as "a for b: 3"."""
    wrong = counts - np.diag(np.diag(counts))
    ranked = np.argsort(-wrong, axis=None, kind="stable")[:at_most]
    pairs = [divmod(int(place), len(labels)) for place in ranked]
    return [
        f"{labels[row]} taken for {labels[column]}: {wrong[row, column]}"
        for row, column in pairs
        if wrong[row, column]
    ]


def figure_of(width: float, height: float) -> Any:
    """An empty figure of so many inches.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    # Figure itself, not pyplot: no window system and no global state is touched.
    os.environ.setdefault("MPLCONFIGDIR", str(cache_dir() / "matplotlib"))  # not in HOME
    return require("matplotlib.figure", "drawing").Figure((width, height), layout="constrained")


def save_figure(figure: Any, path: Path) -> None:
    """Writes a figure as PNG, whole or not at all."""
    write_atomic(path, png_of(figure))


def png_of(figure: Any) -> bytes:
    """A figure as a PNG file, 120 pixels an inch."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=120)
    return picture.getvalue()


def _short(name: str) -> str:
    return name if len(name) <= 28 else f"{name[:27]}…"
