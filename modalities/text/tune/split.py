"""What is learnt from and what is held out, with no text on both sides."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from shoal.modalities.text.tune.data import Rows


@dataclass(frozen=True, slots=True)
class Split:
    """Training and validation rows.

    Attributes:
        train: What the weights are fitted on.
        validation: What chooses among weights, temperatures and thresholds.
        notes: Sentences on what was left out, for the user and the card.
    """

    train: Rows
    validation: Rows
    notes: tuple[str, ...] = ()


def split_rows(
    rows: Rows, validation: Rows | None = None, *, fraction: float = 0.1, seed: int = 0
) -> Split:
    """Takes repeated texts out and holds a stratified part of each class out.

    Args:
        rows: All rows, or the training rows where `validation` is given.
        validation: Rows of the user's own to validate on; none is cut off then.
        fraction: How much of each class is held out: at least one row of a class that
            has three or more, none of a smaller one.
        seed: The same seed holds the same rows out.
    """
    kept, notes = _unrepeated(rows)
    if validation is not None:
        train, leaks = apart(kept, validation, "validation", "training")
        return Split(train, validation, (*notes, *leaks))
    held = set(held_out(kept.labels, fraction, seed))
    train = kept.take(i for i in range(len(kept)) if i not in held)
    return Split(train, kept.take(sorted(held)), notes)


def held_out(labels: Sequence[str], fraction: float, seed: int) -> list[int]:
    """Returns which rows a stratified draw holds out."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, label in enumerate(labels):
        places[label].append(place)
    draw, held = random.Random(seed), []
    for label in sorted(places):
        own = draw.sample(places[label], len(places[label]))
        count = max(1, round(fraction * len(own))) if len(own) > 2 else 0
        held += own[:count]
    return held


def apart(rows: Rows, others: Rows, role: str, use: str) -> tuple[Rows, tuple[str, ...]]:
    """Takes the texts out of some rows that stand in others as well.

    Args:
        rows: The rows.
        others: What they must not share a text with.
        role: What the others are for, to tell them from rows that have the same name.
        use: What the shared texts are left out of.

    Returns:
        The rows that are left, and a sentence on those that are not, if any.
    """
    known = {same(t): label for t, label in zip(others.texts, others.labels, strict=True)}
    leaks = [i for i, text in enumerate(rows.texts) if same(text) in known]
    torn = [i for i in leaks if rows.labels[i] != known[same(rows.texts[i])]]
    dropped = set(leaks)
    kept = rows.take(i for i in range(len(rows)) if i not in dropped)
    name = others.name if others.name != rows.name else f"the {role} rows"
    return kept, _note(f"stand in {name} as well", rows, leaks, torn, use)


def same(text: str) -> str:
    """What two texts that differ only in case and spaces share."""
    return " ".join(text.casefold().split())


def _unrepeated(rows: Rows) -> tuple[Rows, tuple[str, ...]]:
    first: dict[str, int] = {}
    copies: list[int] = []
    for place, text in enumerate(rows.texts):
        if first.setdefault(same(text), place) != place:
            copies.append(place)
    torn = [i for i in copies if rows.labels[i] != rows.labels[first[same(rows.texts[i])]]]
    dropped = set(copies)
    kept = rows.take(i for i in range(len(rows)) if i not in dropped)
    return kept, _note(f"repeat an earlier text of {rows.name}", rows, copies, torn)


def _note(
    what: str, rows: Rows, places: list[int], torn: list[int], use: str = "training"
) -> tuple[str, ...]:
    if not places:
        return ()
    lines = ", ".join(str(rows.lines[i]) for i in places[:5]) + (" …" if len(places) > 5 else "")
    first = rows.texts[places[0]][:60]
    other = f", {len(torn)} of them under another label" if torn else ""
    return (
        f"{len(places)} rows of {rows.name} {what}{other}: left out of {use} "
        f"(lines {lines}; the first is {first!r})",
    )
