"""Whether what a split left can be learnt from, and chosen by."""

from __future__ import annotations

from shoal.errors import UsageError
from shoal.modalities.text.tune.data import FEWEST
from shoal.modalities.text.tune.split import Split


def check_split(split: Split, known: set[str], oos_label: str, *, cut: bool) -> None:
    """Sees to it that enough is left once texts that stand there twice are gone.

    Args:
        split: The rows.
        known: The labels that are told apart.
        oos_label: The label of texts out of scope.
        cut: Whether the validation rows were cut off the training rows.

    Raises:
        UsageError: It is not; names what was left out.
    """
    _check_left(split, oos_label, cut=cut)
    _check_validation(split, {*known, oos_label})


def _check_left(split: Split, oos_label: str, *, cut: bool) -> None:
    train = split.train.without(oos_label)
    left = len(train) + (len(split.validation.without(oos_label)) if cut else 0)
    classes = len(set(train.labels))
    if left < FEWEST or classes < 2:
        raise UsageError(
            f"{train.name} leaves {left} rows of {classes} classes to learn from",
            "; ".join(split.notes),
            f"Give {FEWEST} or more that differ, of two classes or more",
        )


def _check_validation(split: Split, known: set[str]) -> None:
    held = split.validation
    strange = sorted(set(held.labels) - known)
    if strange:
        shown = ", ".join(map(repr, strange[:5])) + (" …" if len(strange) > 5 else "")
        raise UsageError(
            f"{held.name} has labels that the training rows lack",
            "; ".join((shown, *split.notes)),
            "Add rows of these labels, or take them out of the validation file",
        )
    if len({*held.labels} & known) < 2:
        raise UsageError(
            f"{held.name} holds {len(held)} rows of fewer than two classes",
            "; ".join(("nothing could be chosen by them", *split.notes)),
            "Give more rows of each class, or a larger --held-out",
        )
