"""The learning curve of a generator."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from shoal.extras import require
from shoal.files import write_atomic


def loss_curve(path: Path, history: Sequence[dict[str, float]], title: str) -> None:
    """Draws the loss on training and held-out answers by epoch, as PNG.

    Args:
        path: The new file.
        title: What stands above.
        history: One entry an epoch: "epoch", "train_loss" and "loss".

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    # Figure itself, not pyplot: no window system and no global state is touched.
    figure = require("matplotlib.figure", "drawing").Figure((7, 4), layout="constrained")
    axes = figure.add_subplot()
    epochs = [entry["epoch"] for entry in history]
    axes.plot(epochs, [entry["train_loss"] for entry in history], "o-", label="training")
    axes.plot(epochs, [entry["loss"] for entry in history], "s-", label="held out")
    axes.set_xlabel("epoch")
    axes.set_ylabel("loss, natural log a token")
    axes.set_title(title)
    axes.legend()
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=120)
    write_atomic(path, picture.getvalue())
