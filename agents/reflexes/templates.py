"""How a reflex fills in a call: values that never change, or that are copied from the request.

What no template can copy is read by the call encoder, one pass for the one tool
(`modalities/text/calls`). Values are grounded in the request of today; nothing is replayed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Template = Mapping[str, Any]
"""`{"constant": v}`, `{"whole": true}`, `{"shape": "code", "length": [4, 5]}`, `{"read": true}`."""

AGREE = 0.9
"""Share of the examples that a template has to fit: a record may be wrong, and where the
request is not as usual, nothing is filled in."""

SHAPES: dict[str, str] = {
    "number": r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.]*\w)",
    "code": r"\b(?=\w*\d)(?=\w*[A-Za-z])[\w-]{3,}\b",
    "address": r"[\w.+-]+@[\w-]+\.[\w.]+",
    "date": r"\b\d{4}-\d{2}-\d{2}\b",
    "time": r"\b\d{1,2}:\d{2}\b",
    "quoted": r"[\"\u201c'\u2018]([^\"\u201d'\u2019]+)[\"\u201d'\u2019]",
}
"""Kinds of spans, copied where the request holds exactly one of a length seen before."""


class Unfilled(Exception):
    """The request does not hold what the call needs, or holds more than one."""


def template_of(pairs: Sequence[tuple[str, Mapping[str, Any]]]) -> dict[str, Template]:
    """Finds for each argument the simplest template that all examples agree with.

    Args:
        pairs: Requests with the right arguments, one or more, of one tool.
    """
    names = sorted({name for _, arguments in pairs for name in arguments})
    return {name: _one(name, pairs) for name in names}


def _one(name: str, pairs: Sequence[tuple[str, Mapping[str, Any]]]) -> Template:
    values = [arguments.get(name) for _, arguments in pairs]
    lengths = sorted({len(str(value)) for value in values})
    tried: list[Template] = [{"constant": values[0]}, {"whole": True}]
    tried += [{"shape": shape, "length": [lengths[0], lengths[-1]]} for shape in SHAPES]
    for template in tried:
        fits = sum(_gives(template, text, arguments.get(name)) for text, arguments in pairs)
        # A value is constant for good, or it is none: a guess would be served with it.
        if fits == len(pairs) or ("constant" not in template and fits >= AGREE * len(pairs)):
            return template
    return {"read": True}


def _gives(template: Template, text: str, value: Any) -> bool:
    try:
        got = filled_one(template, text)
    except Unfilled:
        return False
    return type(got) is type(value) and bool(got == value)


def filled_one(template: Template, text: str) -> Any:
    """Fills one argument in.

    Raises:
        Unfilled: The request lacks it, or the template needs a reader.
    """
    if "constant" in template:
        return template["constant"]
    if "whole" in template:
        return text
    if "shape" not in template:
        raise Unfilled("it has to be read")
    low, high = template["length"]
    spans = dict.fromkeys(re.findall(SHAPES[template["shape"]], text))
    found = [span for span in spans if low <= len(span) <= high]
    if len(found) != 1:
        raise Unfilled(f"{len(found)} {template['shape']}s")
    if template["shape"] == "number":
        return float(found[0]) if "." in found[0] else int(found[0])
    return found[0]


def fill(
    templates: Mapping[str, Template],
    function: Mapping[str, Any],
    text: str,
    adapter: Path | None = None,
) -> dict[str, Any]:
    """Fills in one call.

    Args:
        templates: By argument.
        function: The tool's `name`, `description` and `parameters`, for the call encoder.
        text: The request.
        adapter: The call encoder's; None for the one that is shipped.

    Raises:
        Unfilled: An argument can't be filled in surely.
    """
    made = {n: filled_one(t, text) for n, t in templates.items() if "read" not in t}
    wanted = [n for n, t in templates.items() if "read" in t]
    if wanted:
        made |= _read(wanted, function, text, adapter)
    return {name: value for name, value in made.items() if value is not None}


def _read(
    wanted: Sequence[str], function: Mapping[str, Any], text: str, adapter: Path | None
) -> dict[str, Any]:
    if not function:
        raise Unfilled("the tool's schema was not recorded")
    from shoal.modalities.text.calls.adapter import SHIPPED
    from shoal.modalities.text.calls.engine import call_reader

    offered = call_reader(adapter or SHIPPED).read(text, [function])
    calls = offered[0].calls if offered else ()
    if len(calls) != 1:
        raise Unfilled(f"{len(calls)} calls were read")
    return {name: calls[0].arguments.get(name) for name in wanted}
