"""A policy as it stands in the middle of a training, with what validation said of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.modalities.policy.policy import Policy
from shoal.modalities.policy.spec import PolicySpec, Scores


@dataclass(frozen=True, slots=True)
class Best:
    """The best policy so far.

    Attributes:
        policy: It can act, and so be saved.
        scores: Of the validation that chose it.
    """

    policy: Policy
    scores: Scores


def snapshot(
    model: Any,
    facts: Mapping[str, str],
    *,
    sample: bool,
    weights: Mapping[str, NDArray[Any]] | None = None,
) -> Policy:
    """Returns a policy with a model's weights as they are now, or with others of its kind.

    Args:
        model: In training.
        facts: The name, the env and the observation.
        sample: Whether it samples its actions.
        weights: Of an earlier snapshot.
    """
    from shoal.modalities.policy.rebuild import describe, weights_of

    own = weights_of(model) if weights is None else weights
    digest = hashlib.sha256(b"").hexdigest()  # of no file: it was not saved
    about = {**describe(model), **facts, "weights_sha256": digest, "sample": sample}
    spec = PolicySpec.model_validate(about)
    return Policy(spec, {name: array.copy() for name, array in own.items()}, Path(facts["name"]))


@contextmanager
def undisturbed() -> Iterator[None]:
    """Playing must not shift the training's own draws."""
    import torch

    before = np.random.get_state()
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        np.random.set_state(before)
