"""How well a taught classifier does on pictures it was not taught with."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.modalities.training.figures import rounded
from shoal.modalities.vision.teach.head import Floats
from shoal.statistics import calibration_error, wilson


@dataclass(frozen=True, slots=True)
class PictureScores:
    """Figures; all but `n` and `how` are None where no picture could be left out.

    Attributes:
        n: Pictures.
        how: "held out", "leave-one-out", "validation" or "none"; of an evaluation, the name
            of what it was made on.
        accuracy: Share labelled right when nothing is refused.
        interval: Its 95 % interval (Wilson 1927).
        calibration_error: Expected calibration error over 15 bins (Guo et al. 2017).
        accuracy_with_refusal: Share labelled right and not refused.
        refused: Share refused as none of these, although each shows one of them.
    """

    n: int
    how: str
    accuracy: float | None = None
    interval: tuple[float, float] | None = None
    calibration_error: float | None = None
    accuracy_with_refusal: float | None = None
    refused: float | None = None

    def facts(self) -> dict[str, Any]:
        """Returns the figures, rounded, for JSON."""
        return {name: rounded(value) for name, value in asdict(self).items()}

    def lines(self) -> list[str]:
        """Says the figures in sentences."""
        if self.accuracy is None or self.interval is None:
            return ["Not scored: each class has one image, and none could be left out."]
        low, high = (100 * end for end in self.interval)
        return [
            f"Accuracy {100 * self.accuracy:.1f} % ({self.how}, n {self.n}, 95 % interval "
            f"{low:.1f} to {high:.1f} %), calibration error "
            f"{100 * (self.calibration_error or 0):.1f} points.",
            f'{100 * (self.refused or 0):.1f} % of them are refused as "none of these".',
        ]


def scores_of(
    likely: Floats, known: NDArray[np.bool_], truth: NDArray[np.int64], how: str
) -> PictureScores:
    """Scores probabilities (n, k) of pictures.

    Args:
        likely: float32 (n, k), calibrated.
        known: bool (n,), which reach the threshold.
        truth: int64 (n,).
        how: How they were left out.
    """
    if not len(truth):
        return PictureScores(0, "none")
    right = likely.argmax(1) == truth
    return PictureScores(
        n=len(truth),
        how=how,
        accuracy=float(right.mean()),
        interval=wilson(int(right.sum()), len(truth)),
        calibration_error=calibration_error(likely.max(1), right),
        accuracy_with_refusal=float((right & known).mean()),
        refused=float((~known).mean()),
    )
