"""How near what runs is to what was trained."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Parity:
    """How the exported model answers beside the trained one, on the same texts or images.

    Attributes:
        n: How many.
        agreement: Share of them with the same label.
        trained_accuracy: Accuracy of the torch network in float32.
        exported_accuracy: Accuracy of what was exported.
        mean_difference: Mean absolute difference of the logits.
        max_difference: Largest absolute difference of a logit.
        unit: What they are, "texts" or "images".
    """

    n: int
    agreement: float
    trained_accuracy: float
    exported_accuracy: float
    mean_difference: float
    max_difference: float
    unit: str = "texts"

    def line(self) -> str:
        """Says it in one sentence."""
        return (
            f"Exported against trained, {self.n} {self.unit}: accuracy "
            f"{100 * self.exported_accuracy:.2f} % against {100 * self.trained_accuracy:.2f} %, "
            f"same label {100 * self.agreement:.2f} %, logits differ by "
            f"{self.mean_difference:.4f} on average, {self.max_difference:.3f} at most."
        )

    def facts(self) -> dict[str, float]:
        """Returns the figures, rounded, for JSON."""
        named = asdict(self)
        del named["unit"]
        return {name: round(value, 6) for name, value in named.items()}


def parity(
    trained: NDArray[np.float32],
    exported: NDArray[np.float32],
    truth: NDArray[np.int64],
    unit: str = "texts",
) -> Parity:
    """Compares logits, both float32 (n, k), on texts or images whose classes are known."""
    gap = np.abs(trained - exported)
    ours, theirs = trained.argmax(1), exported.argmax(1)
    return Parity(
        n=len(truth),
        agreement=float((ours == theirs).mean()),
        trained_accuracy=float((ours == truth).mean()),
        exported_accuracy=float((theirs == truth).mean()),
        mean_difference=float(gap.mean()),
        max_difference=float(gap.max()),
        unit=unit,
    )
