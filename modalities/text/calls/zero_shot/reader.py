"""Reads a request with nothing but embeddings and rules: no trained head."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from shoal.modalities.text.calls.decoding import Found, Reading, runs
from shoal.modalities.text.calls.filling import fill
from shoal.modalities.text.calls.layout import spelled_out
from shoal.modalities.text.calls.reader import Offered
from shoal.modalities.text.calls.slots import Slot, slots, words
from shoal.modalities.text.calls.zero_shot.lexicon import Lexicon, content
from shoal.modalities.text.calls.zero_shot.numbers import numbers_for
from shoal.modalities.text.calls.zero_shot.options import options_for, truth_for
from shoal.modalities.text.calls.zero_shot.phrases import phrases
from shoal.modalities.text.calls.zero_shot.scene import Profile, Scene, described, profiles, scene
from shoal.modalities.text.calls.zero_shot.texts import texts_for
from shoal.modalities.text.encoder import TextEncoder


class ZeroShotReader:
    def __init__(self, encoder: TextEncoder, lexicon: Lexicon) -> None:
        self._encoder, self._lexicon = encoder, lexicon

    def read(self, text: str, functions: Sequence[Mapping[str, Any]]) -> list[Offered]:
        logits = [-0.001 * i - 3.0 * (i > 0) for i, _ in enumerate(functions)]
        shares = self.probabilities(logits)
        made = []
        for function, share, logit in zip(functions, shares, logits, strict=True):
            listed = slots(function["parameters"])
            reading = self._reading(scene(text), function, listed)
            again = lambda clause: self._reading(scene(clause), function, listed)
            made.append(
                Offered(str(function["name"]), share, logit, tuple(fill(text, listed, reading, again)))
            )
        return made

    def probabilities(self, logits: Sequence[float]) -> list[float]:
        scaled = np.array(logits, dtype=np.float64)
        top = max(0.0, float(scaled.max(initial=0.0)))
        weights = np.exp(scaled - top)
        return [float(weight) for weight in weights / (math.exp(-top) + weights.sum())]

    def _reading(self, seen: Scene, function: Mapping[str, Any], listed: Sequence[Slot]) -> Reading:
        known = content(f"{words(function['name'])} {function.get('description') or ''}".split())
        asked = profiles(listed)
        meaning = self._meaning(seen, listed)
        found = {}
        for i, (slot, profile) in enumerate(zip(listed, asked, strict=True)):
            if slot.options == (True, False):
                made = list(truth_for(seen, slot, profile, self._lexicon, dict.fromkeys(known, 1.0)))
            elif slot.kind == "choice":
                made = list(options_for(seen, slot, self._lexicon, meaning[i]))
            elif slot.kind == "string":
                made = list(texts_for(seen, slot, profile, self._lexicon, meaning[i], known))
            else:
                made = list(numbers_for(seen, slot, profile, self._lexicon))
            made.sort(key=lambda f: -f.logit)
            found[slot.path] = tuple(made)
        self._lists(seen, listed, found)
        return Reading(0.0, -1.0, found)

    def _lists(self, seen, listed, found) -> None:
        """A list takes one run of values; the rest of them sink."""
        taken: set[int] = set()
        for slot in listed:
            if not slot.many or slot.kind == "choice":
                continue
            best = _run(seen, [f for f in found[slot.path] if f.start not in taken])
            keep = {f.start: f for f in best}
            found[slot.path] = tuple(
                sorted(
                    (replace(f, logit=max(f.logit, 0.5)) if keep.get(f.start) is f else replace(f, logit=min(f.logit,-9.0)) for f in found[slot.path]),
                    key=lambda f: -f.logit,
                )
            )
            taken |= set(keep)
            if slot.required and slot.kind != "string":
                for other in listed:
                    if not other.many and other.kind in ("integer", "number"):
                        found[other.path] = tuple(sorted((replace(f, logit=f.logit - 6.0) if f.start in keep else f for f in found[other.path]), key=lambda f: -f.logit))

    def _meaning(self, seen: Scene, listed: Sequence[Slot]) -> dict[int, Any]:
        texts = phrases(seen) if any(s.kind == "string" for s in listed) else []
        asked = [i for i, s in enumerate(listed) if s.kind == "string"]
        choices = [i for i, s in enumerate(listed) if s.kind == "choice" and s.options != (True, False)]
        lines = [seen.text[p.start : p.end] for p in texts]
        lines += [f"{words(listed[i].path[-1])}: {described(listed[i])}" for i in asked]
        spelled = {i: [f"{words(listed[i].path[-1])} {spelled_out(o)}" for o in listed[i].options[:40]] for i in choices}
        for i in choices:
            lines += spelled[i]
        if choices:
            lines.append(seen.text)
        if not lines:
            return {}
        vectors = self._encoder.embed(lines)
        made: dict[int, Any] = {}
        n = len(texts)
        for k, i in enumerate(asked):
            likes = vectors[:n] @ vectors[n + k]
            made[i] = list(zip(texts, map(float, likes), strict=True))
        at = n + len(asked)
        for i in choices:
            m = len(spelled[i])
            likes = [float(x) for x in vectors[at : at + m] @ vectors[-1]]
            made[i] = likes + [min(likes)] * (len(listed[i].options) - m)
            at += m
        return made


def _run(seen: Scene, found: Sequence[Found]) -> list[Found]:
    """The best run of values that stand in a list."""
    apart: list[Found] = []
    for f in sorted(found, key=lambda f: -f.logit):
        if all(f.end <= o.start or o.end <= f.start for o in apart):
            apart.append(f)
    apart.sort(key=lambda f: f.start)
    groups = runs(seen.text, apart)
    return max(groups, key=lambda g: max(f.logit for f in g) + 0.7 * min(len(g), 4), default=[])
