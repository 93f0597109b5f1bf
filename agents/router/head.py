"""The router's head: softmax regression from a request and its facts to expert.skill."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal.agents.router.facts import NAMES
from shoal.errors import CorruptWeightsError
from shoal.files import write_atomic

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

SHIPPED = Path(__file__).with_name("head.safetensors")


@dataclass(frozen=True, slots=True)
class Head:
    """A trained head.

    Attributes:
        skills: Names of the form "expert.skill", one per column.
        weights: `(d + f, k)`, of the embedding and the facts (`shoal.agents.router.facts`),
            already divided by the calibration temperature.
        bias: `(k,)`, likewise.
        examples: `(n, d)`, the embeddings it was trained on.
        labels: `(n,)`, which skill each example needs.
    """

    skills: tuple[str, ...]
    weights: Array
    bias: Array
    examples: Array
    labels: Array

    def __call__(self, embedding: Array, facts: Array) -> Mapping[str, float]:
        """Returns the probability of each skill for one embedding `(d,)` and its facts `(f,)`."""
        import numpy as np

        from shoal.modalities.text.decisions import settled

        logits = (np.concatenate([embedding, facts]) @ self.weights + self.bias).tolist()
        scores = dict(zip(self.skills, logits, strict=True))
        return settled("router", scores, fitted=True).probabilities

    def nearest(self, embedding: Array, without: Collection[str]) -> float:
        """Returns the cosine to the nearest example of any expert but those named."""
        import numpy as np

        left_out = [skill.partition(".")[0] in without for skill in self.skills]
        similarity = np.where(
            np.take(left_out, self.labels.astype(int)), -1.0, self.examples @ embedding
        )
        return float(similarity.max())

    def save(self, path: Path, metadata: dict[str, Any]) -> None:
        """Writes the head with how it was made (JSON-able)."""
        from safetensors.numpy import save

        about = {"skills": json.dumps(self.skills), "facts": json.dumps(NAMES)}
        about |= {"made": json.dumps(metadata)}
        half = self.examples.astype("float16")  # a third of the file, and ample for cosines
        tensors = {
            "weights": self.weights,
            "bias": self.bias,
            "examples": half,
            "labels": self.labels,
        }
        write_atomic(path, save(tensors, metadata=about))

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
                if json.loads(stream.metadata()["facts"]) != list(NAMES):
                    raise ValueError(f"it was trained on other facts than {', '.join(NAMES)}")
                names = ("weights", "bias", "examples", "labels")
                return cls(skills, *(stream.get_tensor(name).astype("float32") for name in names))
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            raise CorruptWeightsError(
                f"cannot read the router's head {path}",
                str(error),
                "Type: python -m shoal.agents.router.train",
            ) from error


def by_expert(probabilities: Mapping[str, float]) -> dict[str, float]:
    """Sums the skills' probabilities into their experts'."""
    total: dict[str, float] = {}
    for skill, probability in probabilities.items():
        expert = skill.partition(".")[0]
        total[expert] = total.get(expert, 0.0) + probability
    return total


def best_skill(probabilities: Mapping[str, float], expert: str) -> str:
    """Returns the likeliest skill of an expert, without the expert's name; "" if none."""
    own: Sequence[str] = [s for s in probabilities if s.partition(".")[0] == expert]
    return max(own, key=probabilities.__getitem__).partition(".")[2] if own else ""
