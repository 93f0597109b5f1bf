"""Calibrates the choice of a function (Guo et al., 2017, https://arxiv.org/abs/1706.04599)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from shoal.modalities.text.calls.cases import Case
from shoal.modalities.text.calls.reader import CallReader

_TRIED = np.geomspace(0.4, 6.0, 41)


def fitted_temperature(reader: CallReader, cases: Sequence[Case]) -> float:
    """The temperature that makes the right choices of held-out cases likeliest.

    Args:
        reader: A call encoder whose own temperature is 1.
        cases: Cases that it was not trained on; those with one right function or none.
    """
    read = [(_truth(case), _logits(reader, case)) for case in cases if _truth(case) is not None]
    return min(map(float, _TRIED), key=lambda t: _loss(read, t), default=1.0)


def _truth(case: Case) -> str | None:
    names = {name for name, _ in case.truth}
    return None if len(names) > 1 else next(iter(names), "")


def _logits(reader: CallReader, case: Case) -> dict[str, float]:
    offers = reader.read(case.question, case.functions)
    return {"": 0.0, **{offer.name: offer.logit for offer in offers}}


def _loss(read: Sequence[tuple[str | None, dict[str, float]]], temperature: float) -> float:
    total = 0.0
    for truth, logits in read:
        scaled = np.array(list(logits.values())) / temperature
        top = float(scaled.max())
        total += top + math.log(float(np.exp(scaled - top).sum()))
        total -= logits[truth or ""] / temperature
    return total / max(1, len(read))
