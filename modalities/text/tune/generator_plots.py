"""The learning curve of a generator."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from shoal.modalities.training.plots import figure_of, save_figure


def loss_curve(path: Path, history: Sequence[dict[str, float]], title: str) -> None:
    """Draws the loss on training and held-out answers by epoch, as PNG.

    Args:
        path: The new file.
        title: What stands above.
        history: One entry an epoch: "epoch", "train_loss" and "loss".

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    figure = figure_of(7, 4)
    axes = figure.add_subplot()
    epochs = [entry["epoch"] for entry in history]
    axes.plot(epochs, [entry["train_loss"] for entry in history], "o-", label="training")
    axes.plot(epochs, [entry["loss"] for entry in history], "s-", label="held out")
    axes.set_xlabel("epoch")
    axes.set_ylabel("loss, natural log a token")
    axes.set_title(title)
    axes.legend()
    save_figure(figure, path)
