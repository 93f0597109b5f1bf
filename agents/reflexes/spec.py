"""What reflex.json holds: plain data, checked when it is read."""

from __future__ import annotations

import math
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from shoal.agents.reflexes.kinds import Form, Kind

FORMAT = 1


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class KindSpec(_Strict):
    """A `Kind` as JSON."""

    form: Form
    user: str
    thread: str
    subject: str

    def kind(self) -> Kind:
        """The kind."""
        return Kind(self.form, self.user, self.thread, self.subject)


class ClassSpec(_Strict):
    """One thing that a reflex can do: say a label, or call a tool."""

    label: str
    templates: dict[str, dict[str, Any]] = Field(default_factory=dict)
    function: dict[str, Any] = Field(default_factory=dict)


class TierSpec(_Strict):
    """One grain's head: where it is believed, and the hash of its file.

    Attributes:
        threshold: From which it serves; None for never.
        sha256: Of its file.
        features: Length of its vectors.
        strange: Share of a class left out of it that it would have served; None if unknown.
    """

    threshold: float | None
    sha256: str
    features: int
    strange: float | None = None

    @property
    def least(self) -> float:
        """The threshold, infinite where it never serves."""
        return math.inf if self.threshold is None else self.threshold


class PolicyPart(_Strict):
    """The policy that acts: by name, and by the hash of its weights.

    Attributes:
        name: A saved policy's, or what it is called.
        sha256: Of its weights.
        least: Expected success from which it acts.
        own: Whether it was cloned from records, and lies in the reflex's own folder.
    """

    name: str
    sha256: str
    least: float
    own: bool = False


class ReaderPart(_Strict):
    """The tuned adapter that reads arguments, with how it does on calls held out of it.

    Attributes:
        sha256: Of its file.
        calls: How many it was tuned on.
        held_out: How many newer ones the shares are of.
        before: Share that the shipped adapter read right in all arguments.
        after: Share that this one does.
    """

    sha256: str
    calls: int
    held_out: int
    before: float
    after: float


class ReflexSpec(_Strict):
    """One version of a reflex.

    Attributes:
        format: Of this file.
        version: Counted from 1.
        kind: What work it does.
        classes: What it can say or do; a class with the label "" is left to the slow path.
        encoder: The model whose embeddings the deep head reads.
        tiers: By grain.
        policy: Who acts.
        reader: Who reads what no template copies; None for the shipped adapter.
        expected: Share of wrong answers that drift in feedback is measured against.
        differs: Share of answers unlike the slow path's (of an env: of failures) that drift in
            spot checks is measured against.
        spot_check: One in so many tasks goes to the slow path.
        figures: What its card says, as numbers.
    """

    format: int = FORMAT
    version: int
    kind: KindSpec
    classes: list[ClassSpec] = Field(default_factory=list)
    encoder: str = ""
    tiers: dict[str, TierSpec] = Field(default_factory=dict)
    policy: PolicyPart | None = None
    reader: ReaderPart | None = None
    expected: float = 0.01
    differs: float = 0.01
    spot_check: int = 25
    figures: dict[str, Any] = Field(default_factory=dict)

    @property
    def name(self) -> str:
        """The reflex's name."""
        return self.kind.kind().name
