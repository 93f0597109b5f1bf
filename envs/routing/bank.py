"""A bank of requests, each with what every expert made of it: the env's data."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from shoal.errors import UsageError

Array = NDArray[np.float32]

ASK = "ask"
"""The action beside the experts: abstain. No expert may have this name."""

SPLITS = ("train", "test")
LARGEST = 1000.0
"""Size that a number of a context may have."""

_HELD_OUT = 64
"""Of 256 values of a hash's first byte: a quarter of all contexts is for testing."""

_FIX = "Mend the log; `shoal.envs.routing.files` says how it is written"


@dataclass(frozen=True, slots=True, eq=False)
class Bank:
    """Contexts and outcomes: n rows, d numbers of an embedding, f facts, k experts.

    Attributes:
        experts: Their names, in the order of the env's actions; "ask" comes after them.
        fact_names: Names of the facts.
        embeddings: (n, d) float32, of the requests.
        facts: (n, f) float32.
        success: (n, k) float32 in [0, 1]: whether the expert solves it, or how often.
        seconds: (n, k) float32 from 0: what it takes.
        tokens: (n, k) float32 from 0: likewise.
        held_out: (n,) bool: rows of the split "test". Left out, the hash of a context tells,
            so that no context is in both.
        source: Where it comes from, in words.
        estimated: The outcomes are estimates from logged choices
            (`shoal.envs.routing.estimates`): right on average, any number in a single row.
        chance: (n, k), where a generator knows it: probabilities of which `success` was drawn.

    Raises:
        UsageError: Shapes don't fit, a number is missing or out of range, or it is empty.
    """

    experts: tuple[str, ...]
    fact_names: tuple[str, ...]
    embeddings: Array
    facts: Array
    success: Array
    seconds: Array
    tokens: Array
    held_out: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    source: str = "a bank in memory"
    estimated: bool = False
    chance: Array | None = None

    def __post_init__(self) -> None:
        _check_names(self)
        for name, width in _widths(self).items():
            _set(self, name, _numbers(self, name, width))
        _check_ranges(self)
        if not len(self.held_out):
            _set(self, "held_out", _hashed(self))
        _set(self, "held_out", np.asarray(self.held_out, bool))
        if self.held_out.shape != (len(self),):
            raise self.wrong(f"it has {len(self)} rows, but splits for {len(self.held_out)}")

    def __len__(self) -> int:
        return len(self.embeddings)

    def __deepcopy__(self, memo: dict[int, Any]) -> Bank:
        return self  # gymnasium copies an env's arguments; nothing in here changes

    def rows(self, split: str) -> NDArray[np.int64]:
        """Returns the rows of a split, "train" or "test".

        Raises:
            UsageError: It has none.
        """
        found = np.flatnonzero(self.held_out == (split == "test"))
        if not len(found):
            fix = 'Add rows, or say "split": "train" or "test" in each'
            raise UsageError(f"{self.source} has no rows to {split} with", "", fix)
        return found.astype(np.int64)

    def rewards(self, lam: float, mu: float, ask: float) -> Array:
        """Returns what each action is worth: success - lam * seconds - mu * tokens.

        Args:
            lam: Price of a second.
            mu: Price of a token.
            ask: Worth of abstaining.

        Returns:
            (n, k + 1) float32; the last column is "ask".
        """
        tried = self.success - lam * self.seconds - mu * self.tokens
        return np.column_stack([tried, np.full(len(self), ask)]).astype(np.float32)

    def wrong(self, why: str) -> UsageError:
        """The error that says why this is no bank."""
        return UsageError(f"{self.source} can't be routed on", why, _FIX)


def _widths(bank: Bank) -> dict[str, int | None]:
    """Array -> how many columns it has to have; None for any."""
    k = len(bank.experts)
    outcomes = {"success": k, "seconds": k, "tokens": k}
    chance = {} if bank.chance is None else {"chance": k}
    return {"embeddings": None, "facts": len(bank.fact_names), **outcomes, **chance}


def _numbers(bank: Bank, name: str, width: int | None) -> Array:
    """One array, checked and closed to writing."""
    try:
        array = np.array(getattr(bank, name), np.float32)
    except (TypeError, ValueError, OverflowError) as error:
        raise bank.wrong(f"its {name} are no table of numbers ({error})") from error
    if array.ndim != 2 or (not array.size and width != 0):
        raise bank.wrong(f"its {name} have the shape {array.shape}, not (rows, columns)")
    if len(array) != len(bank.embeddings) or width not in (None, array.shape[1]):
        wanted = (len(bank.embeddings), array.shape[1] if width is None else width)
        raise bank.wrong(f"its {name} have the shape {array.shape}, not {wanted}")
    if not np.isfinite(array).all():
        row = int(np.argwhere(~np.isfinite(array))[0, 0])
        raise bank.wrong(f"row {row + 1} has a value in its {name} that is no number")
    array.flags.writeable = False
    return array


def _check_names(bank: Bank) -> None:
    for what, names in (("expert", bank.experts), ("fact", bank.fact_names)):
        if len(set(names)) != len(names) or not all(names):
            raise bank.wrong(f"each {what} needs a name of its own, not {', '.join(names)}")
    if not bank.experts:
        raise bank.wrong("there is no expert to route to")
    if ASK in bank.experts:
        raise bank.wrong(f"{ASK!r} is the action of abstaining, no expert's name")


def _check_ranges(bank: Bank) -> None:
    limits: dict[str, tuple[float, float]] = {
        "embeddings": (-LARGEST, LARGEST), "facts": (-LARGEST, LARGEST)
    }  # fmt: skip
    if not bank.estimated:  # an estimate of a single row may be anything
        limits |= {"success": (0, 1), "seconds": (0, np.inf), "tokens": (0, np.inf)}
    for name, (low, high) in limits.items():
        array = cast("Array", getattr(bank, name))
        outside = np.argwhere((array < low) | (array > high))
        if len(outside):
            row, value = int(outside[0, 0]), float(array[tuple(outside[0])])
            least = f"from {low:g} to {high:g}" if np.isfinite(high) else f"from {low:g}"
            raise bank.wrong(f"row {row + 1} has {value:g} in its {name}, which go {least}")


def _hashed(bank: Bank) -> NDArray[np.bool_]:
    told = np.column_stack([bank.embeddings, bank.facts])
    return np.array([hashlib.sha256(row.tobytes()).digest()[0] < _HELD_OUT for row in told], bool)


def _set(bank: Bank, name: str, value: Any) -> None:
    object.__setattr__(bank, name, value)  # frozen: only while it is made
