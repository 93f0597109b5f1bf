"""Which stretches of a request may be the value of a slot, and what value they give."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.modalities.text.calls.layout import Request
from shoal.modalities.text.calls.quantities import Quantity, quantities
from shoal.modalities.text.calls.slots import Slot

LONGEST = 64
"""Tokens of the longest value."""

_OPENING, _CLOSING = "\"'`\u201c\u2018", "\"'`\u201d\u2019"
"""Quotation marks, the typographic ones too."""

_EDGE = re.compile(r"[,.;:!?]")
_FRACTION = re.compile(r"decimal|fraction|\b0\.\d|between 0 and 1", re.IGNORECASE)
_PERCENT = re.compile(r"percent|per cent|%|out of 100|\b[1-9]\d?(?:\.\d+)? for", re.IGNORECASE)
_RATE = re.compile(r"rate|probab|ratio|yield|return|discount|interest", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mention:
    """A number of the request, in tokens.

    Attributes:
        first: Its first token.
        last: Its last token.
        quantity: Its value and its characters.
    """

    first: int
    last: int
    quantity: Quantity


def text_mask(request: Request) -> NDArray[np.bool_]:
    """(tokens, tokens): True where a text value may begin and end: whole words."""
    n = len(request.ids)
    texts = [request.text[a:b] for a, b in request.offsets]
    edge = np.array([bool(_EDGE.fullmatch(text)) for text in texts], dtype=bool).reshape(n)
    starts = np.array(request.starts, dtype=bool).reshape(n) & ~edge
    ends = np.array(request.ends, dtype=bool).reshape(n) & ~edge
    distance = np.arange(n)[None, :] - np.arange(n)[:, None]
    mask: NDArray[np.bool_] = (
        starts[:, None] & ends[None, :] & (distance >= 0) & (distance < LONGEST)
    )
    return mask


def mentions(request: Request) -> list[Mention]:
    """The request's numbers; those cut off with the request's end are left out."""
    return list(_placed(request))


def _placed(request: Request) -> Iterator[Mention]:
    for quantity in quantities(request.text):
        tokens = [
            i for i, (a, b) in enumerate(request.offsets) if a < quantity.end and b > quantity.start
        ]
        if tokens:
            yield Mention(tokens[0], tokens[-1], quantity)


def number_for(slot: Slot, quantity: Quantity) -> int | float | None:
    """The number that a slot takes from a mention, or None if it can't take it.

    A percentage becomes a fraction where the slot's description asks for one, or where it
    is a rate whose description says nothing of percent.
    """
    value = quantity.value
    if quantity.unit == "month" and "month" not in slot.text:
        return None
    if quantity.unit == "percent" and slot.kind == "number" and _wants_fraction(slot):
        value = round(value / 100, 12)
    if slot.kind == "integer":
        return int(value) if value == int(value) else None
    return int(value) if value == int(value) and abs(value) < 1e15 else value


def _wants_fraction(slot: Slot) -> bool:
    if _PERCENT.search(slot.text):
        return False
    return bool(_FRACTION.search(slot.text) or _RATE.search(slot.text))


def text_of(request: Request, first: int, last: int) -> str:
    """The words from one token to another, without quotation marks around them."""
    start, end = request.offsets[first][0], request.offsets[last][1]
    text = request.text[start:end].strip()
    if len(text) > 1 and text[0] in _OPENING and text[-1] in _CLOSING:
        text = text[1:-1].strip()
    return text


def same_number(a: Any, b: Any) -> bool:
    """Whether two numbers are one, up to rounding."""
    return abs(float(a) - float(b)) <= 1e-9 * max(1.0, abs(float(a)))
