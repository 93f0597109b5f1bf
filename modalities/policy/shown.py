"""What stable-baselines3 says of its updates, for TensorBoard, and a look at its losses."""

from __future__ import annotations

import math
from typing import Any

from stable_baselines3.common.logger import KVWriter

from shoal.modalities.policy.callback import NotANumber
from shoal.modalities.training.progress import Scalars


class Forward(KVWriter):
    """Takes figures from stable-baselines3's logger.

    Args:
        log: Where they go.
    """

    def __init__(self, log: Scalars) -> None:
        self._log = log

    def write(self, key_values: dict[str, Any], key_excluded: Any, step: int = 0) -> None:
        """Hands the numbers on.

        Raises:
            NotANumber: A loss is none.
        """
        figures = {k: float(v) for k, v in key_values.items() if isinstance(v, int | float)}
        for name, value in figures.items():
            if "loss" in name and not math.isfinite(value):
                raise NotANumber(f"at step {step} {name.removeprefix('train/')} is {value}")
        self._log(step, figures)

    def close(self) -> None:
        """Nothing is open."""
