"""Figures by which classifiers of anything are judged."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def softmax(logits: Floats, temperature: float) -> Floats:
    """Returns probabilities float32 (n, k) of logits (n, k) at a temperature."""
    if not len(logits):
        return logits
    scaled = logits / temperature
    exponents = np.exp(scaled - scaled.max(1, keepdims=True))
    result: Floats = (exponents / exponents.sum(1, keepdims=True)).astype(np.float32)
    return result


def rounded(value: Any) -> Any:
    """Returns a number, or numbers, with as many digits as JSON shows."""
    if isinstance(value, tuple | list):
        return [rounded(part) for part in value]
    return round(value, 5) if isinstance(value, float) else value
