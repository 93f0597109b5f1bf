"""What the vision expert says about text in a task's pictures: all of it, or one answer."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from shoal.modalities.vision.read.asking import Answer, ask, topic
from shoal.modalities.vision.read.lines import Page, TextLine
from shoal.modalities.vision.read.vocabulary import vocabulary
from shoal.types import Outcome, Status, Step, Value

if TYPE_CHECKING:
    from shoal.modalities.vision.opening.images import ImageSource, LoadedImage
    from shoal.modalities.vision.read.reader import TextReader

READABLE = 0.8
"""From this mean confidence on, what was read counts as an answer."""

ANSWERS = 0.5
"""From this confidence on, a span of a page counts as an answer."""


class Seen(NamedTuple):
    """A picture that was read: where it is, its name, and what it says."""

    source: ImageSource
    sha256: str
    page: Page


_ASKS_FOR_TEXT = re.compile(
    r"\b(read|reads|say|says|said|written|writing|write|text|texts|words?|sign|signs|letters?"
    r"|printed|spell|spells)\b",
    re.IGNORECASE,
)
_ALL = re.compile(
    r"\b(?:what|which)\b.*\b(?:say|says|said|read|reads|written|words?|texts?)\b"
    r"|\bwhat is (?:printed|shown)\b",
    re.IGNORECASE,
)
"""Questions that all of the text answers."""

_QUESTION = re.compile(
    r"\W*(?:(?:until|since|from|at|on|in|by|for|to)\s+)?"
    r"(?:what|which|who|whom|whose|when|where|how)\b",
    re.IGNORECASE,
)


def wants_text(text: str, skill: str) -> bool:
    """Whether a task's pictures have to be read."""
    if skill in ("read", "question") or _ASKS_FOR_TEXT.search(text):
        return True
    papers = "|".join(vocabulary("papers"))
    over_page = rf"\b(?:this|the|that|my|our|his|her|their)\s+(?:\w+\s+)?(?:{papers})\b"
    return is_question(text) and bool(re.search(over_page, text, re.IGNORECASE))


def is_question(text: str) -> bool:
    """Whether a text asks for one thing on a page, not for all that it says."""
    return bool(_QUESTION.match(text)) and not _ALL.search(text) and bool(topic(text))


def read_step(reader: TextReader, image: LoadedImage) -> tuple[Page, Step]:
    """Reads a picture, and tells of it."""
    started = time.perf_counter()
    page = reader.read_page(image)
    step = Step(
        kind="ocr",
        name="rapidocr",
        arguments={"image": image.sha256},
        result=Value(page.text or "(no text)", "image"),
        seconds=time.perf_counter() - started,
        confidence=_mean_confidence(page.lines),
    )
    return page, step


def whole_text(pages: Sequence[Page]) -> Outcome:
    """All that was read, as an answer."""
    lines = [line for page in pages for line in page.lines]
    confidence = _mean_confidence(lines)
    readable = confidence >= READABLE
    texts = [line.text for line in lines]
    return Outcome(
        Status.SOLVED if readable else Status.UNSURE,
        Value("\n".join(texts), "image"),
        f"{len(lines)} lines were read with a mean confidence of {confidence:.2f}"
        + ("" if readable else f", under {READABLE:.2f}")
        + _notes(pages),
        confidence=confidence,
        evidence={"findings": texts, "confidence": confidence},
    )


def answered(question: str, seen: Sequence[Seen], steps: list[Step]) -> Outcome:
    """The span of the pages that answers a question, with its box; UNSURE where none does."""
    started = time.perf_counter()
    findings = [line.text for picture in seen for line in picture.page.lines]
    found = [(ask(each.page, question, each.source), each.sha256) for each in seen]
    told = [(answer, sha256) for answer, sha256 in found if answer is not None]
    if not told:
        notes = _notes([each.page for each in seen])
        reason = f"nothing that was read answers the question{notes}"
        return Outcome(Status.UNSURE, None, reason, evidence={"findings": findings})
    answer, sha256 = max(told, key=lambda pair: pair[0].confidence)
    value, arguments = Value(answer.text, "image"), {"question": question, "image": sha256}
    seconds = time.perf_counter() - started
    steps.append(
        Step("ocr", "ask", arguments, value, seconds=seconds, confidence=answer.confidence)
    )
    return _span(answer, sha256, findings)


def _span(answer: Answer, sha256: str, findings: list[str]) -> Outcome:
    sure = answer.confidence >= ANSWERS
    return Outcome(
        Status.SOLVED if sure else Status.UNSURE,
        Value(answer.text, "image"),
        "the answer stands on the page"
        if sure
        else f"it may be that, with a confidence of {answer.confidence:.2f}, under {ANSWERS:.2f}",
        confidence=answer.confidence,
        evidence={"findings": findings, "box": list(answer.box), "image": sha256},
    )


def _notes(pages: Sequence[Page]) -> str:
    return "".join(f"; {page.note}" for page in pages if page.note)


def _mean_confidence(lines: Sequence[TextLine]) -> float:
    return sum(line.confidence for line in lines) / len(lines) if lines else 0.0
