"""The vision expert: says what a task's pictures show, how alike they are, what they say."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from shoal.errors import MissingExtraError, MissingModelError, ShoalError
from shoal.modalities.vision.describe import ImageReport
from shoal.modalities.vision.encoder import VisionEncoder, vision_encoder
from shoal.modalities.vision.labels import Label
from shoal.modalities.vision.opening.images import LoadedImage, load_image
from shoal.modalities.vision.read.answering import (
    Seen,
    answered,
    is_question,
    read_step,
    wants_text,
    whole_text,
)
from shoal.modalities.vision.read.asking import topic
from shoal.modalities.vision.read.lines import Page
from shoal.modalities.vision.read.reader import TextReader, text_reader
from shoal.modalities.vision.wording import (
    Description,
    describe,
    describe_taught,
    listed,
    memory_text,
)
from shoal.types import Context, Cost, Outcome, Status, Step, Task, Value

if TYPE_CHECKING:
    from shoal.modalities.vision.teach.nearest import Match, Nearest

SURE = 0.5
"""From this probability on, a label counts as an answer."""


@dataclass(slots=True)
class _Look:
    """One picture and what was found in it; its pixels are let go of, for large ones add up."""

    path: str
    sha256: str
    size: tuple[int, int]
    labels: list[Label] = field(default_factory=list)
    page: Page = field(default_factory=lambda: Page((), 0.0, 0, 0))
    taught: Match | None = None

    @property
    def seen(self) -> Seen:
        """What was read, and where."""
        return Seen(self.path, self.sha256, self.page)

    @property
    def description(self) -> Description:
        """Its taught name where it has one, else its labels."""
        if self.taught is not None:
            return describe_taught(self.taught, self.labels)
        return describe(self.labels, SURE)


class VisionExpert:
    """Answers about pictures with an encoder and a text reader; both are made on first use.

    Args:
        encoder: Returns the encoder to label and compare with.
        reader: Returns the reader of text in pictures.
    """

    name = "vision"

    def __init__(
        self,
        encoder: Callable[[], VisionEncoder] = vision_encoder,
        reader: Callable[[], TextReader] = text_reader,
    ) -> None:
        self._encoder, self._reader = encoder, reader

    def affordance(self, task: Task, context: Context) -> float:
        """Returns 1.0 when the task has a picture, else 0.0."""
        return 1.0 if task.images else 0.0

    def attempt(self, task: Task, context: Context) -> Outcome:
        """Looks at every picture of the task; reads or compares them when asked to.

        Returns:
            An answer with provenance "image" (text in a picture is a stranger's). SOLVED
            only with a clear label, readable text, a span of it that answers a question
            (its box and picture are in the evidence), or a measured similarity; UNSURE with
            the reason otherwise; FAILED when a picture or a model could not be opened.

        Raises:
            MissingModelError: The weights of an encoder are not on this machine.
            MissingExtraError: The reader is not installed.
        """
        started = time.perf_counter()
        steps: list[Step] = []
        try:
            looks = self._look(task, context, steps)
            verdict = self._verdict(task, context.skill, looks, steps)
        except (MissingModelError, MissingExtraError):
            raise  # the caller's to mend; no other expert can see for this one
        except ShoalError as error:
            verdict = Outcome(Status.FAILED, None, str(error))
            looks = []
        return Outcome(
            status=verdict.status,
            answer=verdict.answer,
            reason=verdict.reason,
            confidence=verdict.confidence,
            steps=tuple(steps),
            cost=Cost(seconds=time.perf_counter() - started),
            evidence=verdict.evidence,
            remember=tuple(_memory(look) for look in looks),
        )

    def _look(self, task: Task, context: Context, steps: list[Step]) -> list[_Look]:
        reads = wants_text(task.text, context.skill)
        names = self._names(context)
        looks = []
        for number, reference in enumerate(task.images, start=1):
            context.emit(f"looking at image {number} of {len(task.images)}")
            path = context.image_path(reference)
            image = replace(load_image(path), sha256=reference.sha256)  # the file may be packed
            look = _Look(path, image.sha256, (image.width, image.height))
            steps.append(self._label(look, image))
            if names is not None:
                steps.append(self._recognise(look, image, names))
            if reads:
                context.emit(f"reading image {number} of {len(task.images)}")
                look.page, step = read_step(self._reader(), image)
                steps.append(step)
            looks.append(look)
            del image  # before the next one is opened
        return looks

    def _label(self, look: _Look, image: LoadedImage) -> Step:
        started = time.perf_counter()
        encoder = self._encoder()
        look.labels = encoder.label([image], k=5)[0]
        return Step(
            kind="encoder",
            name=encoder.model,
            arguments={"image": look.sha256, "k": 5},
            result=Value(listed(look.labels), "image"),
            seconds=time.perf_counter() - started,
            confidence=look.labels[0].probability,
        )

    def _names(self, context: Context) -> Nearest | None:
        taught = context.taught(self._encoder())
        if not taught:
            return None
        from shoal.modalities.vision.teach.nearest import Nearest

        return Nearest(taught)

    def _recognise(self, look: _Look, image: LoadedImage, names: Nearest) -> Step:
        started = time.perf_counter()
        encoder = self._encoder()
        match = names.match(encoder.embed([image], names.close_calls)[0])
        look.taught = match if match.known else None
        said = f"{match.name}: {match.score:.2f}, known from {match.threshold:.2f} on"
        return Step(
            kind="encoder",
            name=encoder.model,
            arguments={"image": look.sha256, "taught": len(names.labels)},
            result=Value(said if match.known else f"none of the taught; {said}", "image"),
            seconds=time.perf_counter() - started,
            confidence=match.probability,
        )

    def _verdict(self, task: Task, skill: str, looks: list[_Look], steps: list[Step]) -> Outcome:
        asks = wants_text(task.text, skill) and is_question(task.text)
        if any(look.page.lines for look in looks):
            if asks:
                return answered(task.text, [look.seen for look in looks], steps)
            return whole_text([look.page for look in looks])
        if skill == "compare" and len(looks) > 1:
            return self._compare(looks, steps)
        if skill == "read" or (skill == "question" and topic(task.text)):
            reason = f"no text was found; it looks like {looks[0].description.text}"
            return Outcome(Status.UNSURE, None, reason, evidence={"findings": []})
        return _label_verdict(looks)

    def _compare(self, looks: list[_Look], steps: list[Step]) -> Outcome:
        started = time.perf_counter()
        encoder = self._encoder()
        value = encoder.similarity(looks[0].path, looks[1].path)
        pair = [look.sha256 for look in looks[:2]]
        text = f"similarity {value:.2f} (cosine: 1 is the same picture, 0 is unrelated)"
        seconds = time.perf_counter() - started
        arguments = {"images": pair, "method": "similarity"}
        steps.append(
            Step("encoder", encoder.model, arguments, Value(text, "image"), seconds=seconds)
        )
        return Outcome(
            Status.SOLVED,
            Value(f"{text}; {_numbered(looks)}", "image"),
            "the similarity was measured",
            confidence=1.0,
            evidence={"similarity": value, "images": pair},
        )


def _label_verdict(looks: list[_Look]) -> Outcome:
    described = [look.description for look in looks]
    weakest = min(described, key=lambda found: found.probability)
    sure = weakest.probability >= SURE
    reason = (
        f"the encoder is sure of it ({weakest.probability:.2f})"
        if sure
        else f"the likeliest label has only {weakest.probability:.2f}, under {SURE:.2f}"
    )
    return Outcome(
        Status.SOLVED if sure else Status.UNSURE,
        Value(_numbered(looks), "image"),
        reason,
        confidence=weakest.probability,
        evidence={
            "top1": weakest.name,
            "probability": weakest.probability,
            "margin": weakest.margin,
        },
    )


def _numbered(looks: list[_Look]) -> str:
    texts = [look.description.text for look in looks]
    if len(texts) == 1:
        return texts[0]
    return "; ".join(f"image {number}: {text}" for number, text in enumerate(texts, start=1))


def _memory(look: _Look) -> dict[str, object]:
    labels, lines = tuple(look.labels), tuple(look.page.lines)
    report = ImageReport(look.sha256, *look.size, labels, lines)
    words = [line.text for line in look.page.lines]
    return {
        "text": memory_text(look.description, words, SURE),
        "data": report.as_data() | ({"taught": look.taught.name} if look.taught else {}),
    }
