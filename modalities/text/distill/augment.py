"""More texts for the teacher to label: unlabelled ones, or cheap copies where there are none.

Words are dropped, neighbours swapped, and halves of two texts joined: what the copies mean
does not matter, for the teacher says it. Noise of this kind is what Tang et al. 2019,
"Distilling Task-Specific Knowledge from BERT into Simple Neural Networks", distil with.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from shoal.errors import UsageError
from shoal.modalities.text.tune.data import read_texts
from shoal.modalities.text.tune.split import Split, same

MOST = 500_000
"""Texts that are learnt from, at most."""

_DROPPED = 0.15
"""Part of the words that a copy loses."""

_JOINED = 0.4
"""Part of the copies that are made of two texts."""


def more_texts(split: Split, unlabelled: Sequence[str], copies: int, seed: int) -> list[str]:
    """Returns texts to learn from beside the training rows, none of them held out.

    Args:
        split: Training rows, and those held out.
        unlabelled: The user's own; what is there already is left out.
        copies: Altered copies of each text.
        seed: Of the copies.
    """
    held = split.validation.texts
    seen = {same(text) for text in (*split.train.texts, *held)}
    new: list[str] = []
    for text in unlabelled:
        if text.strip() and same(text) not in seen:
            seen.add(same(text))
            new.append(text)
    made = altered((*split.train.texts, *new), copies, seed, held)
    return [*new, *made][: MOST - len(split.train)]


def read_unlabelled(path: Path) -> tuple[str, ...]:
    """Reads texts without labels: lines of a .txt file, or a table's text column.

    Raises:
        UsageError: The file can't be read or holds no text.
    """
    path = path.expanduser()
    if path.suffix.lower() != ".txt":
        texts = read_texts(path)
    else:
        try:
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"cannot read {path}", str(error), "Give a UTF-8 text file") from error
        texts = tuple(line.strip() for line in lines if line.strip())
    if not texts:
        raise UsageError(f"{path} holds no text", fix="Give a file with one text a line")
    return texts


def altered(texts: Sequence[str], copies: int, seed: int, avoid: Sequence[str] = ()) -> list[str]:
    """Returns up to `copies` different altered copies of each text.

    Args:
        texts: What to alter.
        copies: How many of each; those that come out twice are left out.
        seed: The same seed makes the same copies.
        avoid: Texts that no copy may equal, such as those held out.
    """
    draw = random.Random(seed)
    words = [text.split() for text in texts]
    seen = {same(text) for text in (*texts, *avoid)}
    made: list[str] = []
    for _ in range(copies):
        for own in words:
            text = " ".join(_changed(own, words, draw))
            if text and same(text) not in seen:
                seen.add(same(text))
                made.append(text)
    return made


def _changed(own: list[str], others: list[list[str]], draw: random.Random) -> list[str]:
    if draw.random() < _JOINED:
        other = draw.choice(others)
        return own[: draw.randint(1, len(own))] + other[draw.randrange(len(other)) :]
    kept = [word for word in own if draw.random() >= _DROPPED] or list(own)
    if len(kept) > 1:
        place = draw.randrange(len(kept) - 1)
        kept[place], kept[place + 1] = kept[place + 1], kept[place]
    return kept
