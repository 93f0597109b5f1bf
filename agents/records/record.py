"""One record: the run as it was stored, and what people said of it since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shoal.agents.records.trust import Part, origins
from shoal.types import Run, Status, Step

Correction = str | Mapping[str, Any]
"""What the answer should have been: words, or a call as `{"name": …, "arguments": {…}}`."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """What one speaker says of a run; a speaker's newest word replaces the earlier one.

    Attributes:
        ok: Whether the run was right; None withdraws what was said.
        correction: What it should have been, if told.
        by: Who says so.
        at: When, in seconds of the epoch.
    """

    ok: bool | None
    correction: Correction | None = None
    by: str = "user"
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Review:
    """A person's decision whether a record may be learnt from, with who and when."""

    approved: bool
    by: str = "user"
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Record:
    """What a run left behind.

    Attributes:
        run: The run: task (text, images by hash, env, seed, thread), route, expert, steps,
            status, answer, confidence, cost.
        at: When it ended, in seconds of the epoch.
        feedback: The newest word of each speaker.
        review: Whether a person approved or rejected it as training data; None: nobody looked.
        decision: The router's decision: expert, skill, confidence, reason, probabilities;
            empty where the run ended before it, or the record is older than this field.
        functions: The tools that were called: name, description, parameters (JSON schema) and
            examples.
        encoder: Which text encoder the router embedded the request with; "" if unknown.
        episode: Reference to the episode that was played (`trajectory`, `sha256`, `env`,
            `goal`, `seed`); empty where none was. `Trajectory.of` reads it.
    """

    run: Run
    at: float
    feedback: tuple[Feedback, ...] = ()
    review: Review | None = None
    decision: Mapping[str, Any] = field(default_factory=dict)
    functions: tuple[Mapping[str, Any], ...] = ()
    encoder: str = ""
    episode: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The run's id."""
        return self.run.id

    @property
    def text(self) -> str:
        """The request."""
        return self.run.task.text

    @property
    def calls(self) -> tuple[Step, ...]:
        """The tool calls, in order."""
        return tuple(step for step in self.run.steps if step.kind == "tool")

    @property
    def contradictory(self) -> bool:
        """Whether two speakers disagree: on right or wrong, or on the correction."""
        said = {word.ok for word in self.feedback if word.ok is not None}
        mended = [word.correction for word in self.feedback if word.correction is not None]
        return len(said) > 1 or any(other != mended[0] for other in mended[1:])

    def said_since(self, moment: float) -> bool:
        """Whether anybody said something new of it since a moment of the epoch."""
        return any(word.at >= moment for word in self.feedback)

    @property
    def verdict(self) -> bool | None:
        """What people say: right, wrong, or None where they say nothing or disagree."""
        if self.contradictory:
            return None
        return next((word.ok for word in self.feedback if word.ok is not None), None)

    @property
    def correction(self) -> Correction | None:
        """What the answer should have been; None if nobody said, or they disagree."""
        if self.contradictory:
            return None
        return next((w.correction for w in self.feedback if w.correction is not None), None)

    @property
    def success(self) -> bool | None:
        """The verdict where there is one, else what the run's own check found.

        None where people disagree, and where the run ended unsure or refused.
        """
        if self.contradictory:
            return None
        if self.verdict is not None:
            return self.verdict
        return {Status.SOLVED: True, Status.FAILED: False}.get(self.run.status)

    @property
    def trusted(self) -> bool:
        """Whether nothing of it came from a stranger; see `shoal.agents.records.trust`."""
        return not self.origins("answer")

    @property
    def approved(self) -> bool:
        """Whether a person approved it as training data."""
        return self.review is not None and self.review.approved

    @property
    def rejected(self) -> bool:
        """Whether a person said that nothing may be learnt from it."""
        return self.review is not None and not self.review.approved

    @property
    def waits(self) -> bool:
        """Whether something of it is a stranger's, and no person has decided about it yet."""
        return self.review is None and not self.trusted

    def origins(self, part: Part = "answer") -> tuple[str, ...]:
        """The strangers' hands in it: "tool NAME", "image", "memory" …; empty if trusted."""
        return origins(self.run, part)

    def usable(self, part: Part = "answer") -> bool:
        """Whether this part of it may become training data: trusted or approved, not rejected."""
        return not self.rejected and (self.approved or not self.origins(part))
