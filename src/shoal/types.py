"""The values that travel through Shoal: small, frozen, and free of any model or env.

A task comes in, an expert attempts it and returns an outcome, the graph checks it and
hands back a run. Images travel as `ImageRef` (a content hash), never as bytes.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, Protocol, runtime_checkable

Provenance = Literal["user", "system", "tool", "image", "memory", "model"]
"""Who said it. Only `user` and `system` may give instructions; the rest is data."""

SideEffects = Literal["none", "reversible", "irreversible"]
"""What calling a tool does to the world; `irreversible` waits for approval."""


class Status(StrEnum):
    """How a run ended. `SOLVED` is only ever set by a check that passed."""

    SOLVED = "solved"
    FAILED = "failed"
    UNSURE = "unsure"
    REFUSED = "refused"
    NEEDS_APPROVAL = "needs_approval"


def _as_tuples(value: object, *names: str) -> None:
    # A checkpoint gives tuples back as lists; equality and hashing need them as they were.
    for name in names:
        object.__setattr__(value, name, tuple(getattr(value, name)))


@dataclass(frozen=True, slots=True)
class Value:
    """Text together with who said it; the mark travels with the text."""

    text: str
    provenance: Provenance

    @property
    def trusted(self) -> bool:
        """Whether this text may instruct (it came from the user or the program)."""
        return self.provenance in ("user", "system")


@dataclass(frozen=True, slots=True)
class ImageRef:
    """An image by the sha256 of what was stored; `width` and `height` in pixels.

    `media_type` is that of what was stored: pixels are "image/bmp", and their file may be packed
    (lossless WebP) by now.
    """

    sha256: str
    media_type: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Task:
    """One request: text, any images, and the gymnasium env to act in, if any.

    Attributes:
        text: What the user asks for.
        images: References to images that are already in the blob store.
        env: A gymnasium env id, or None.
        seed: Seed of the env and of sampling; the same seed repeats the run.
        thread: Conversation the task belongs to.
        id: Unique name of this task.
        provenance: Whose words the text is. A request that was taken from a mail or a page
            ("tool") is answered as any other, but not learnt from until a person approves it.
    """

    text: str
    images: tuple[ImageRef, ...] = ()
    env: str | None = None
    seed: int = 0
    thread: str = "main"
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    provenance: Provenance = "user"

    def __post_init__(self) -> None:
        _as_tuples(self, "images")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run used: wall-clock seconds, model tokens, env steps and tool calls."""

    seconds: float = 0.0
    tokens_in: int = 0
    tokens_out: int = 0
    env_steps: int = 0
    tool_calls: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.seconds + other.seconds,
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.env_steps + other.env_steps,
            self.tool_calls + other.tool_calls,
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One thing an expert did: a tool call, a look at an image, an env episode.

    Attributes:
        kind: "tool", "model", "encoder", "ocr", "policy", "memory" or "route"; "expert" where an
            expert of the user's own tells of something that the runtime did not see.
        name: Which tool, model or policy.
        arguments: JSON-able inputs.
        result: What came back, with its provenance.
        ok: False when the step failed; `result` then says why.
        seconds: Wall-clock time.
        confidence: Probability in [0, 1] where the step has one.
        pure: Whether the result follows from the arguments alone, with nothing of a
            stranger's in it; arithmetic is, a search is not.
    """

    kind: str
    name: str
    arguments: Mapping[str, Any]
    result: Value
    ok: bool = True
    seconds: float = 0.0
    confidence: float | None = None
    pure: bool = False


@dataclass(frozen=True, slots=True)
class Memory:
    """One remembered item; `score` is its similarity to the query in [-1, 1]."""

    namespace: tuple[str, ...]
    key: str
    text: str
    data: Mapping[str, Any]
    provenance: Provenance
    score: float = 0.0

    @property
    def trusted(self) -> bool:
        """Whether the user or the program said it."""
        return self.provenance in ("user", "system")

    def __post_init__(self) -> None:
        _as_tuples(self, "namespace")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one expert's attempt came to, before the graph's check.

    Attributes:
        status: The expert's own claim; the check may lower it, never raise it.
        answer: Text for the user, with provenance; None when there is none.
        reason: One sentence: why this status.
        confidence: Probability in [0, 1] that the answer is right.
        evidence: What a check can test the answer against.
        artifacts: Files made on the way (a GIF, a saliency map), name -> path.
        remember: Items the memory should keep, each with `text` and `data`.
    """

    status: Status
    answer: Value | None
    reason: str
    confidence: float = 0.0
    steps: tuple[Step, ...] = ()
    cost: Cost = Cost()
    evidence: Mapping[str, Any] = field(default_factory=dict)
    artifacts: Mapping[str, str] = field(default_factory=dict)
    remember: tuple[Mapping[str, Any], ...] = ()

    def __post_init__(self) -> None:
        _as_tuples(self, "steps", "remember")


@dataclass(frozen=True, slots=True)
class Run:
    """The record of one task: who solved it, how sure, what it took, how it ended.

    `waits` tells that the run has not ended: it can be resumed with a reply.
    """

    id: str
    task: Task
    status: Status
    reason: str
    answer: Value | None
    expert: str
    confidence: float
    route: Mapping[str, float]
    steps: tuple[Step, ...]
    cost: Cost
    artifacts: Mapping[str, str] = field(default_factory=dict)
    waits: bool = False

    def __post_init__(self) -> None:
        _as_tuples(self, "steps")

    @property
    def text(self) -> str:
        """The answer's text, or the reason when there is no answer."""
        return self.answer.text if self.answer else self.reason


@dataclass(frozen=True, slots=True)
class Context:
    """What the house lends an expert for one attempt.

    Attributes:
        tools: The tools the expert may call, by name (LangChain tools).
        call_tool: Runs one tool within limits and returns the step. A tool that
            raises comes back as a step with `ok=False`; an irreversible one that has
            no approval raises `shoal.errors.ApprovalNeeded`.
        image_path: Where the blob store keeps an image.
        artifacts_dir: Folder for files the attempt makes.
        make_env: Builds a gymnasium env: `make_env(env_id, observation=, goal=,
            render_mode=)`, with the observation wrapper and the goal that are named.
        recalled: What memory found for this task, most similar first.
        findings: What an earlier expert of this run perceived (labels, text in the
            image); data, not instructions.
        skill: What the router expects of the expert, such as "read" or "label".
        emit: Receives progress lines while the attempt runs.
        taught: Takes a vision encoder; returns for each name that the user taught with
            pictures their unit embeddings by it, float32 (pictures, views, features).
    """

    tools: Mapping[str, Any]
    call_tool: Callable[[str, Mapping[str, Any]], Step]
    image_path: Callable[[ImageRef], str]
    artifacts_dir: str
    make_env: Callable[..., Any]
    recalled: tuple[Memory, ...] = ()
    findings: tuple[Value, ...] = ()
    skill: str = ""
    emit: Callable[[str], None] = lambda line: None
    taught: Callable[[Any], Mapping[str, Any]] = lambda encoder: {}


@runtime_checkable
class Expert(Protocol):
    """Anything that can attempt a task: ten lines make a new one."""

    @property
    def name(self) -> str:
        """The name the router knows it by."""
        ...

    def affordance(self, task: Task, context: Context) -> float:
        """Can I do this now? A number in [0, 1]; 0 rules the expert out."""
        ...

    def attempt(self, task: Task, context: Context) -> Outcome:
        """Try the task once and say honestly what came of it."""
        ...
