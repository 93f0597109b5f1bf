"""A question over a page: the answer is a span of it, or None."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shoal.errors import UsageError
from shoal.modalities.vision.read.extraction import source_of
from shoal.modalities.vision.read.fields import Field, Kind
from shoal.modalities.vision.read.filling import candidates
from shoal.modalities.vision.read.layout import PageSource, layout_of
from shoal.modalities.vision.read.lines import Box
from shoal.modalities.vision.read.naming import words
from shoal.modalities.vision.read.pairs import looked_up, pairs
from shoal.modalities.vision.read.vocabulary import vocabulary

if TYPE_CHECKING:
    from shoal.modalities.vision.opening.images import ImageSource

_OWED = re.compile(
    r"how much .*\b(?:to pay|be paid|owed?|due|altogether|in all)\b|what .* owe\b", re.IGNORECASE
)
_MONEY = re.compile(r"how (?:much|expensive)|what (?:does|do|did) .* cost", re.IGNORECASE)
_COUNT = re.compile(r"how many", re.IGNORECASE)
_CLOCK = re.compile(r"(?:what|which) time|at what hour", re.IGNORECASE)
_DAY = re.compile(r"(?:what|which|on what) (?:date|day)", re.IGNORECASE)
_WHEN = re.compile(r"\b(?:when|until when|since when|how late|how early)\b", re.IGNORECASE)

_NOUN = re.compile(
    r"\W*(?:what|which)\s+(.+?)\s+(?:does|do|did|is|was|are|were|has|have|had)\s+\S", re.IGNORECASE
)
"""A question that says at once what kind of thing is asked for: "which seat does Ann have?"."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A span of a page that answers a question. A stranger's words: data, never orders.

    Attributes:
        text: The words as they stand there.
        confidence: As `Source.confidence`.
        box: As `TextLine.box`.
    """

    text: str
    confidence: float
    box: Box


def ask(page: PageSource, question: str, image: ImageSource | None = None) -> Answer | None:
    """Answers a question from a page's own words.

    The question is read as the name of one field: "when does the library open?" looks for
    a time or date that stands with a label like "open". Reasoning over several values is
    beyond it.

    Args:
        page: A `Page`, its lines, or a picture as `load_image` takes it.
        question: The user's words.
        image: The picture that the lines were read from, to see ruled lines in.

    Returns:
        A span of the page, or None where nothing on it fits.

    Raises:
        UsageError: The question is empty.
        ImageError: The picture can't be read.
        MissingModelError: The sentence encoder's weights are not on this machine.
        MissingExtraError: A picture is to be read, and the reader is not installed.
    """
    if not question.strip():
        raise UsageError("the question is empty", "there is nothing to look for", "Ask in words")
    layout = layout_of(page, image)
    fields = _asked(question)
    if not fields or not layout.rows:
        return None
    offered = [*pairs(layout), *looked_up(layout)]
    for field in fields:  # the surer kinds of value first
        for filling in candidates(layout, [field], offered):
            source = source_of(layout, filling)
            return Answer(source.text, source.confidence, source.box)
    return None


def _asked(question: str) -> list[Field]:
    """The question as fields, one for each kind of value that would answer it."""
    name = topic(question)
    return [Field((name,), kind, {}) for kind in _kinds(question)] if name else []


def _kinds(question: str) -> tuple[Kind, ...]:
    if _MONEY.search(question) or _COUNT.search(question):
        return ("number",)
    if _CLOCK.search(question):
        return ("time",)
    if _WHEN.search(question):
        return ("date", "time")
    return ("date", "string") if _DAY.search(question) else ("string",)


def topic(question: str) -> str:
    """What a question asks for, as a form would name it; "" where it names nothing."""
    if _OWED.search(question):
        return "total"
    noun = _NOUN.match(question)
    pages = "|".join(vocabulary("pages"))
    where = rf"\b(?:on|in|of|at|from|by)\s+(?:the|this|that|my|our)\s+(?:{pages})\b"
    told = [
        word
        for word in words(noun[1] if noun else re.sub(where, " ", question, flags=re.IGNORECASE))
        if word not in vocabulary("asking")
    ]
    if re.match(r"\W*where\b.*\bto\b", question, re.IGNORECASE):
        told.append("destination")
    if _MONEY.search(question) and not vocabulary("money") & set(told):
        told.append("price")
    if _COUNT.search(question) and len(told) > 1:
        told.append("quantity")
    if not told and re.match(r"\W*who\b", question, re.IGNORECASE):
        return "name"
    return " ".join(told)
