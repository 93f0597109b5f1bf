"""How like a slot in meaning the phrases and options of a request are (MiniLM)."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from shoal.modalities.text.calls.layout import spelled_out
from shoal.modalities.text.calls.slots import Slot, words
from shoal.modalities.text.calls.zero_shot.phrases import Phrase, phrases
from shoal.modalities.text.calls.zero_shot.profiles import described
from shoal.modalities.text.calls.zero_shot.scene import Scene
from shoal.modalities.text.encoder import TextEncoder

_MOST_OPTIONS = 40

Matrix = NDArray[np.float32]


def phrases_like(encoder: TextEncoder, seen: Scene, slot: Slot) -> list[tuple[Phrase, float]]:
    """The request's phrases, each with its cosine to the slot."""
    found = phrases(seen)
    if not found:
        return []
    said = vectors(encoder, tuple(seen.text[p.start : p.end] for p in found))
    asked = vectors(encoder, (f"{words(slot.path[-1])}: {described(slot)}",))[0]
    return list(zip(found, (said @ asked).tolist(), strict=True))


def options_like(encoder: TextEncoder, seen: Scene, slot: Slot) -> list[float]:
    """The cosine of the request and each option; of very many the last get the least."""
    name = words(slot.path[-1])
    lines = tuple(f"{name} {spelled_out(option)}" for option in slot.options[:_MOST_OPTIONS])
    likes: list[float] = (vectors(encoder, lines) @ vectors(encoder, (seen.text,))[0]).tolist()
    return likes + [min(likes)] * (len(slot.options) - len(lines))


@lru_cache(maxsize=256)
def vectors(encoder: TextEncoder, lines: tuple[str, ...]) -> Matrix:
    """Embeddings of some lines, float32 (n, dimensions); those of tools come again."""
    return encoder.embed(lines)
