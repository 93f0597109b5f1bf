"""What a request asks of the tools: the choice with its probability, and the calls.

The call encoder decides on tools and values in one pass a tool; of many tools only those
most like the request are read. A tool that carries examples is chosen by them: they say
better than any description what it is for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shoal.modalities.text.calls.filling import Filled
from shoal.modalities.text.calls.reader import Reader, asked
from shoal.modalities.text.chooser import NONE, Choice, likeness
from shoal.modalities.text.encoder import TextEncoder
from shoal.modalities.text.tool_spec import ToolSpec

MOST_READ = 8
"""Tools that the call encoder reads for one request."""

_LIKENESS, _UNLIKE = 15.0, 0.35
"""Weight of the description's similarity to the request, and where it speaks for neither
side; chosen on the authored validation cases, where it changes two choices in 220."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """One tool, how likely the request asks for it, and the calls it would get.

    Attributes:
        choice: The tool's name, or `NONE`, and its probability.
        asked: Whether the request asks for this tool beside a likelier one.
        calls: One or several; none for `NONE`.
    """

    choice: Choice
    asked: bool = False
    calls: tuple[Filled, ...] = ()


def propose(
    reader: Reader, encoder: TextEncoder, request: str, specs: Sequence[ToolSpec]
) -> list[Proposal]:
    """Ranks the tools and "none", likeliest first.

    Args:
        reader: The call encoder, or what reads in its place.
        encoder: The sentence encoder.
        request: The user's words.
        specs: The tools on offer.
    """
    like = likeness(encoder, request, specs)
    read = sorted(specs, key=lambda spec: -like[spec.name].score)[:MOST_READ]
    offers = reader.read(request, [function_of(spec) for spec in read])
    logits = [
        like[spec.name].margin
        if spec.examples
        else offer.logit + _LIKENESS * (like[spec.name].described - _UNLIKE)
        for spec, offer in zip(read, offers, strict=True)
    ]
    shares = reader.probabilities(logits)
    best = max((offer.logit for offer in offers), default=0.0)
    ranked = [
        Proposal(Choice(offer.name, share), asked(offer.logit, best), offer.calls)
        for offer, share in zip(offers, shares, strict=True)
    ]
    none = Proposal(Choice(NONE, max(0.0, 1.0 - math.fsum(shares))))
    return sorted([*ranked, none], key=lambda proposal: -proposal.choice.probability)


def function_of(spec: ToolSpec) -> dict[str, Any]:
    """A tool as the call encoder takes it."""
    return {"name": spec.name, "description": spec.description, "parameters": spec.schema}
