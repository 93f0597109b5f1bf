"""The router's head: softmax regression from a request and its facts to expert.skill."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal.agents.router.facts import NAMES, READ
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
        weights: `(3 d + f, k)`, of what `features` makes of the embedding and the facts
            (`shoal.agents.router.facts`), already divided by the calibration temperature.
        bias: `(k,)`, likewise.
        examples: `(n, d)`, embeddings of requests it was trained on.
        labels: `(n,)`, which skill each example needs.
        held_out: `(m, 2)`, of requests it was not fitted on: the chosen expert's probability,
            and 1 where that expert was the right one, else 0. "ask" is never chosen among them.
        made: How it was made.
    """

    skills: tuple[str, ...]
    weights: Array
    bias: Array
    examples: Array
    labels: Array
    held_out: Array
    made: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, embedding: Array, facts: Array) -> Mapping[str, float]:
        """Returns the probability of each skill for one embedding `(d,)` and its facts `(f,)`."""
        import numpy as np

        from shoal.modalities.text.decisions import settled

        read = features(embedding[np.newaxis], facts[np.newaxis])[0]
        logits = (read @ self.weights + self.bias).tolist()
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

    def save(self, path: Path) -> None:
        """Writes the head."""
        write_atomic(path, self.content())

    def content(self) -> bytes:
        """The head as a safetensors file, with how it was made."""
        from safetensors.numpy import save

        about = {"skills": json.dumps(self.skills), "facts": json.dumps(READ)}
        about |= {"made": json.dumps(dict(self.made))}
        tensors = {name: getattr(self, name) for name in _TENSORS}
        tensors["weights"] = self.weights.astype("float16")  # half the room, a thousandth off
        # A quarter of the file, and ample for cosines.
        tensors["examples"] = (self.examples * _STEPS).round().astype("int8")
        return save(tensors, metadata=about)

    @classmethod
    def load(cls, path: Path = SHIPPED) -> Head:
        """Reads a head.

        Raises:
            CorruptWeightsError: The file is damaged or not a router head.
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="numpy") as stream:
                about = {key: json.loads(value) for key, value in stream.metadata().items()}
                if about["facts"] != list(READ):
                    raise ValueError(f"it was trained on other facts than {', '.join(READ)}")
                read = {name: stream.get_tensor(name).astype("float32") for name in _TENSORS}
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            raise CorruptWeightsError(
                f"cannot read the router's head {path}",
                str(error),
                "Type: python -m shoal.agents.router.train",
            ) from error
        read["examples"] /= _STEPS
        return cls(tuple(about["skills"]), **read, made=about["made"])


_TENSORS = ("weights", "bias", "examples", "labels", "held_out")
_STEPS = 300.0
"""Of an example's embedding, in one unit: MiniLM's largest entries are about 0.3."""


def features(embeddings: Array, facts: Array) -> Array:
    """What the softmax regression reads: words, words with a picture, words with an env, facts.

    The same words mean another thing where a picture or an env is at hand.

    Args:
        embeddings: float32 (n, d).
        facts: float32 (n, f).

    Returns:
        float32 (n, 3 d + f).
    """
    import numpy as np

    image, env = (facts[:, [NAMES.index(name)]] for name in ("image", "env"))
    return np.concatenate([embeddings, embeddings * image, embeddings * env, facts], 1)


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
