"""What a request asks of the tools: the choice with its probability, and the calls.

The call encoder decides on tools and values in one pass a tool. Examples that a tool
carries weigh in; of many tools only those most like the request are read.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shoal.modalities.text.calls.filling import Filled
from shoal.modalities.text.calls.reader import CallReader, asked
from shoal.modalities.text.chooser import NONE, Choice, likeness
from shoal.modalities.text.encoder import TextEncoder
from shoal.modalities.text.tool_spec import ToolSpec

MOST_READ = 8
"""Tools that the call encoder reads for one request."""

_EXAMPLES_WEIGHT = 0.5


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
    reader: CallReader, encoder: TextEncoder, request: str, specs: Sequence[ToolSpec]
) -> list[Proposal]:
    """Ranks the tools and "none", likeliest first.

    Args:
        reader: The call encoder.
        encoder: The sentence encoder.
        request: The user's words.
        specs: The tools on offer.
    """
    like = likeness(encoder, request, specs)
    read = sorted(specs, key=lambda spec: -like[spec.name].score)[:MOST_READ]
    offers = reader.read(request, [function_of(spec) for spec in read])
    logits = [
        offer.logit + _EXAMPLES_WEIGHT * like[spec.name].margin
        for spec, offer in zip(read, offers, strict=True)
    ]
    shares = reader.probabilities(logits)
    ranked = [
        Proposal(Choice(offer.name, share), asked(logit, max(logits)), offer.calls)
        for offer, logit, share in zip(offers, logits, shares, strict=True)
    ]
    none = Proposal(Choice(NONE, max(0.0, 1.0 - math.fsum(shares))))
    return sorted([*ranked, none], key=lambda proposal: -proposal.choice.probability)


def _function(spec: ToolSpec) -> dict[str, Any]:
    return {"name": spec.name, "description": spec.description, "parameters": spec.schema}


def function_of(spec: ToolSpec) -> dict[str, Any]:
    """A tool as the call encoder takes it."""
    return {"name": spec.name, "description": spec.description, "parameters": spec.schema}
