"""Likeness of words: equal stems, or near neighbours among MiniLM's word embeddings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.modalities.text.calls.quantities import listed

Vector = NDArray[np.float32]

STOP = frozenset(
    listed(
        "a an the of in on at to into onto by for from with without within per as than then so "
        "and or but nor if is are was were be been being am do does did done doing have has had "
        "can could will would shall should may might must i you he she it we they me him her us "
        "them my your his its our their mine yours this that these those there here what which "
        "who whom whose when where why how not no any some all each every both either neither "
        "please just only also too very much many more most least up down out off over under "
        "about around between after before until till while during since through against let's "
        "let i'm i'd i'll i've it's that's what's there's don't doesn't didn't can't won't ok "
        "got want need like wish'd give get show tell make find look check go going come take put "
        "now right then back away behind above near nearest below across along among exactly "
        "possible currently possibly still yet again today via per me help know see s t re ve ll d "
        "m"
    )
)
"""Words that say little by themselves."""

_GENERIC = frozenset(
    listed(
        "default optional list string number integer float value name given type kind whether "
        "should used use specify specified parameter e.g eg example such true false one two "
        "set which be returned return for"
    )
)
"""Words of descriptions that say nothing of the value."""

WORD = re.compile(r"[^\W_]+(?:[-'\u2019./@:_+&#][^\W_]+)*|[$€£%°]")
"""A word of a text; a currency or percent sign is one too."""

_FLOOR = 0.42
"""Cosines below this say nothing."""


class Lexicon:
    """Compares words.

    Args:
        tokenizer: MiniLM's.
        embeddings: MiniLM's word embeddings, float32 (vocabulary, width).
    """

    def __init__(self, tokenizer: Any, embeddings: Vector) -> None:
        self._tokenizer = tokenizer
        norms = np.linalg.norm(embeddings, axis=1, keepdims=True)
        self._embeddings = (embeddings / np.maximum(norms, 1e-6)).astype(np.float16)
        self._vector = lru_cache(maxsize=8192)(self._embedded)

    def likeness(self, a: str, b: str) -> float:
        """1 for words of one stem; the cosine of others where it means something, else 0."""
        if a == b or stem(a) == stem(b):
            return 1.0
        cosine = float(self._vector(a) @ self._vector(b))
        return cosine if cosine > _FLOOR else 0.0

    def best(self, word: str, others: Iterable[str]) -> float:
        """The likeness of the other word that is most like a word."""
        return max((self.likeness(word, other) for other in others), default=0.0)

    def match(self, wanted: Mapping[str, float], said: Mapping[str, float]) -> float:
        """How surely some of the wanted words are said, 0 to 1 (both with weights)."""
        doubt = 1.0
        for word, weight in wanted.items():
            best = max((self.likeness(word, o) * w for o, w in said.items()), default=0.0)
            doubt *= 1.0 - min(0.95, weight * best)
        return 1.0 - doubt

    def _embedded(self, word: str) -> Vector:
        ids = self._tokenizer.encode(word, add_special_tokens=False).ids
        total: Vector = self._embeddings[ids].astype(np.float32).sum(axis=0)
        made: Vector = total / max(float(np.linalg.norm(total)), 1e-6)
        return made


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """A word without its commonest endings."""
    word = word.removesuffix("'s").removesuffix("\u2019s")
    if len(word) > 4:
        word = re.sub(r"(?:ies|ing|ed|es|s|er|ly|e|y)$", "", word)
    return word


def content(words: Sequence[str]) -> list[str]:
    """The words that say something, in lower case."""
    lowered = [word.lower() for word in words]
    return [w for w in lowered if w not in STOP and w not in _GENERIC and len(w) > 1]
