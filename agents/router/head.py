"""The router's head: softmax regression from a request's embedding to expert.skill."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal.errors import CorruptWeightsError
from shoal.files import write_atomic

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

SHIPPED = Path(__file__).with_name("head.safetensors")


@dataclass(frozen=True, slots=True)
class Head:
    """Weights `(d, k)`, bias `(k,)`, one name of the form "expert.skill" per column.

    The bias and weights are already divided by the calibration temperature.
    """

    skills: tuple[str, ...]
    weights: Array
    bias: Array

    def __call__(self, embedding: Array) -> dict[str, float]:
        """Returns the probability of each skill for one embedding `(d,)`."""
        import numpy as np

        logits = embedding @ self.weights + self.bias
        exponents = np.exp(logits - logits.max())
        return dict(zip(self.skills, (exponents / exponents.sum()).tolist(), strict=True))

    def save(self, path: Path, metadata: dict[str, Any]) -> None:
        """Writes the head with how it was made (JSON-able)."""
        from safetensors.numpy import save

        about = {"skills": json.dumps(self.skills), "made": json.dumps(metadata)}
        write_atomic(path, save({"weights": self.weights, "bias": self.bias}, metadata=about))

    @classmethod
    def load(cls, path: Path = SHIPPED) -> Head:
        """Reads a head.

        Raises:
            CorruptWeightsError: The file is damaged or not a router head.
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="numpy") as stream:
                skills = tuple(json.loads(stream.metadata()["skills"]))
                return cls(skills, stream.get_tensor("weights"), stream.get_tensor("bias"))
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            raise CorruptWeightsError(
                f"cannot read the router's head {path}",
                str(error),
                "Type: python -m shoal.agents.router.train",
            ) from error


def by_expert(probabilities: dict[str, float]) -> dict[str, float]:
    """Sums the skills' probabilities into their experts'."""
    total: dict[str, float] = {}
    for skill, probability in probabilities.items():
        expert = skill.partition(".")[0]
        total[expert] = total.get(expert, 0.0) + probability
    return total


def best_skill(probabilities: dict[str, float], expert: str) -> str:
    """Returns the likeliest skill of an expert, without the expert's name; "" if none."""
    own: Sequence[str] = [s for s in probabilities if s.partition(".")[0] == expert]
    return max(own, key=probabilities.__getitem__).partition(".")[2] if own else ""
