"""Loads what the untrained reader needs: MiniLM, its word embeddings, a language model."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from shoal.modalities.text.backends.base import Backend
from shoal.modalities.text.calls.base import BASE, tokenizer_of, weights_of
from shoal.modalities.text.calls.features import embeddings_of
from shoal.modalities.text.calls.zero_shot.judge import Judge
from shoal.modalities.text.calls.zero_shot.lexicon import Lexicon
from shoal.modalities.text.calls.zero_shot.reader import ZeroShotReader
from shoal.modalities.text.encoder import text_encoder


def zero_shot_reader(engine: Callable[[], Backend] | None = None) -> ZeroShotReader:
    """The untrained reader.

    Args:
        engine: Gives the language model, when it is needed; without it, rules and
            likeness decide alone.

    Raises:
        MissingModelError: MiniLM is not on this machine.
        CorruptWeightsError: MiniLM can't be read.
    """
    return ZeroShotReader(text_encoder(BASE), _lexicon(), Judge(engine) if engine else None)


@cache
def _lexicon() -> Lexicon:
    weights = weights_of(BASE)
    return Lexicon(tokenizer_of(weights), embeddings_of(weights))
