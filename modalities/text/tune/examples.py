"""Rows as the network takes them: token ids and class numbers, in deterministic batches."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal.modalities.text.encoder_files import EncoderFiles, open_tokenizer
from shoal.modalities.text.tune.data import Rows

OUTSIDE = -1
"""The class number of texts that are out of scope."""

_POOL = 50
"""Batches are made of like lengths within so many batches' worth of shuffled rows."""

_PAIRED = 4
"""Rows of a class that stand together in a batch, where it holds as many."""

_JITTER = 0.3
"""How far, as a share of its length, a row may be taken for a longer or shorter one."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Tokenised rows.

    Attributes:
        ids: `(n,)`, token ids of each text, cut at the encoder's limit.
        classes: int64 (n,), `OUTSIDE` where a text is out of scope.
    """

    ids: list[list[int]]
    classes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ids)

    def __add__(self, other: Examples) -> Examples:
        return Examples([*self.ids, *other.ids], np.concatenate([self.classes, other.classes]))


def tokenised(texts: Sequence[str], files: EncoderFiles) -> list[list[int]]:
    """Returns the token ids of texts, as this encoder reads them."""
    tokenizer = open_tokenizer(files)
    tokenizer.no_padding()
    return [encoding.ids for encoding in tokenizer.encode_batch(list(texts))]


def examples_of(rows: Rows, labels: Sequence[str], files: EncoderFiles) -> Examples:
    """Tokenises rows; a label that is not among `labels` counts as out of scope."""
    places = {label: place for place, label in enumerate(labels)}
    classes = np.array([places.get(label, OUTSIDE) for label in rows.labels], dtype=np.int64)
    return Examples(tokenised(rows.texts, files), classes)


def shuffled_batches(lengths: Sequence[int], size: int, seed: int, epoch: int) -> list[list[int]]:
    """Puts rows of like length together, in an order that seed and epoch fix.

    Args:
        lengths: `(n,)`, tokens in each row.
        size: Rows a batch.
        seed: Of the training.
        epoch: Number of the pass, from 0.

    Returns:
        Places of rows, each row once.
    """
    draw = np.random.default_rng((seed, epoch))
    order = draw.permutation(len(lengths))
    known = np.asarray(lengths)
    batches: list[list[int]] = []
    for start in range(0, len(order), size * _POOL):
        pool = order[start : start + size * _POOL]
        pool = pool[np.argsort(known[pool], kind="stable")]
        batches += [pool[i : i + size].tolist() for i in range(0, len(pool), size)]
    return [batches[place] for place in draw.permutation(len(batches))]


def paired_batches(examples: Examples, size: int, seed: int, epoch: int) -> list[list[int]]:
    """Like `shuffled_batches`, but rows of one class come by fours, so that they can be compared.

    Args:
        examples: The rows.
        size: Rows a batch, from 4 on cut down to a multiple of 4; a little less where classes
            have fewer than four rows left.
        seed: Of the training.
        epoch: Number of the pass, from 0.

    Returns:
        Places of rows, each row once; the same number of batches in every epoch.
    """
    draw = np.random.default_rng((seed, epoch))
    lengths = np.array(list(map(len, examples.ids)))
    groups: list[list[int]] = []
    paired = min(_PAIRED, size)
    for own in (np.flatnonzero(examples.classes == c) for c in np.unique(examples.classes)):
        # Like lengths together, but not the same rows together in every epoch.
        order = own[np.argsort(lengths[own] * draw.lognormal(0, _JITTER, len(own)))].tolist()
        groups += [order[i : i + paired] for i in range(0, len(order), paired)]
    longest = [int(lengths[group].max()) for group in groups]
    batches = shuffled_batches(longest, size // paired, seed, epoch)
    return [[row for place in batch for row in groups[place]] for batch in batches]


def fingerprint(rows: Rows) -> str:
    """A hash of texts and labels, by which a resumed training knows its rows."""
    joined = "\x1e".join(map("\x1f".join, zip(rows.texts, rows.labels, strict=True)))
    return hashlib.sha256(joined.encode()).hexdigest()[:16]
