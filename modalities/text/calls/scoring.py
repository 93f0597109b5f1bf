"""From hidden states to scores; the same lines serve numpy (running) and torch (training).

Every score is a logit against "nothing": above 0 the function is called, the span is the
value, the option holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shoal.modalities.text.calls.features import MATCH, OPTION, SPAN, WORD
from shoal.modalities.text.calls.layout import Page

WIDTH = 64
"""Dimensions in which markers and words are compared."""

HIDDEN = 16
"""Hidden units that weigh the words around a value."""

SHAPES: Mapping[str, tuple[int | str, ...]] = {
    "tool": ("hidden", 2),
    "tool_bias": (2,),
    "start_marker": ("hidden", WIDTH),
    "start_word": ("hidden", WIDTH),
    "end_marker": ("hidden", WIDTH),
    "end_word": ("hidden", WIDTH),
    "inside_start": ("hidden", WIDTH),
    "inside_end": ("hidden", WIDTH),
    "null": ("hidden", 2),
    "null_bias": (2,),
    "option_marker": ("hidden", WIDTH),
    "option": ("hidden", WIDTH),
    "option_alone": ("hidden", 1),
    "start_feature": (WORD, WIDTH),
    "end_feature": (WORD, WIDTH),
    "span_feature": (SPAN, 1),
    "before": (MATCH, HIDDEN),
    "before_bias": (HIDDEN,),
    "before_out": (HIDDEN, 1),
    "after": (MATCH, HIDDEN),
    "after_bias": (HIDDEN,),
    "after_out": (HIDDEN, 1),
    "option_feature": (OPTION, 1),
}
"""The heads' matrices; "hidden" is the encoder's width."""

_SCALE = WIDTH**-0.5


@dataclass(frozen=True, slots=True)
class PageScores:
    """Scores of one page (numpy or torch, float32).

    Attributes:
        tool: (): whether the function is called.
        several: (): whether it is called more than once.
        spans: (slots, tokens, tokens): for each slot, first and last token of its value.
        options: (options,): in the order of `Page.options`.
    """

    tool: Any
    several: Any
    spans: Any
    options: Any


def score(
    hidden: Any, page: Page, tokens: int, features: Mapping[str, Any], heads: Mapping[str, Any]
) -> PageScores:
    """Scores one page.

    Args:
        hidden: (length, width) last hidden states.
        page: The page they are of.
        tokens: Number of the request's tokens; they stand after [CLS].
        features: The arrays of `Features` by name.
        heads: Matrices of `SHAPES`.
    """
    function = hidden[page.function] @ heads["tool"] + heads["tool_bias"]
    marked = hidden[list(page.markers)]
    null = marked @ heads["null"] + heads["null_bias"]
    spans = _spans(hidden[1 : 1 + tokens], marked, features, heads) - null[:, :1, None]
    options = (
        _options(hidden, page, heads, null) + (features["options"] @ heads["option_feature"])[:, 0]
    )
    return PageScores(function[0], function[1], spans, options)


def _spans(request: Any, marked: Any, features: Mapping[str, Any], heads: Mapping[str, Any]) -> Any:
    """(slots, tokens, tokens): where it begins, where it ends, and the two together."""
    first = request @ heads["start_word"] + features["words"] @ heads["start_feature"]
    last = request @ heads["end_word"] + features["words"] @ heads["end_feature"]
    starts = (marked @ heads["start_marker"]) @ first.T * _SCALE
    ends = (marked @ heads["end_marker"]) @ last.T * _SCALE
    inside = (request @ heads["inside_start"]) @ (request @ heads["inside_end"]).T * _SCALE
    inside = inside + (features["spans"] @ heads["span_feature"])[:, :, 0]
    starts = starts + _around("before", features, heads)
    ends = ends + _around("after", features, heads)
    return starts[:, :, None] + ends[:, None, :] + inside[None]


def _around(side: str, features: Mapping[str, Any], heads: Mapping[str, Any]) -> Any:
    """(slots, tokens): a small network's opinion on the words on one side of a value."""
    units = features[side] @ heads[side] + heads[f"{side}_bias"]
    return ((units * (units > 0)) @ heads[f"{side}_out"])[:, :, 0]


def _options(hidden: Any, page: Page, heads: Mapping[str, Any], null: Any) -> Any:
    rows = [row for row, _, _ in page.options]
    asked = hidden[[page.markers[row] for row in rows]]
    given = hidden[[position for _, _, position in page.options]]
    fits = ((asked @ heads["option_marker"]) * (given @ heads["option"])).sum(-1) * _SCALE
    return fits + (given @ heads["option_alone"])[:, 0] - null[rows, 1]
