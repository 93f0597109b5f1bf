"""Errors that finish the sentence: what happened, why, and what to type.

One root and three kinds: `UsageError` (the developer's mistake), `RunError` (the run
failed) and `RetryError` (the model is shown the message and may try again).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import NoReturn


class ShoalError(Exception):
    """Root of all of Shoal's errors.

    Args:
        what: What happened, as a clause without a full stop.
        why: The cause.
        fix: What the reader can do or type next.
    """

    def __init__(self, what: str, why: str = "", fix: str = "") -> None:
        self.what, self.why, self.fix = what, why, fix
        body = f"{what}: {why}" if why else what
        end = "" if body.endswith("?") else "."
        super().__init__(f"{body.rstrip('.')}{end} {fix}".strip())

    def __reduce__(self) -> tuple[type[ShoalError], tuple[str, str, str]]:
        return type(self), (self.what, self.why, self.fix)


class UsageError(ShoalError):
    """The caller asked for something that can't be: mend the call."""


class RunError(ShoalError):
    """The run could not go on, through no fault of the call."""


class RetryError(ShoalError):
    """A step failed in a way that the model may mend; it sees the message."""


class UnknownNameError(UsageError):
    """A model, tool, env or setting with that name does not exist."""


class MissingModelError(UsageError):
    """A model's weights are not on this machine."""


class MissingExtraError(UsageError):
    """An optional dependency is not installed."""


class ImageError(UsageError):
    """An image can't be read, or is refused as unsafe."""


class EmptyTaskError(UsageError):
    """The task has no text to work on."""


class CorruptWeightsError(RunError):
    """A weights file is damaged or is not what it says it is."""


class StorageError(RunError):
    """Something could not be saved or read back; what was there before is intact."""


class ToolError(RetryError):
    """A tool raised, timed out, or was called with wrong arguments."""


class ApprovalNeeded(RunError):
    """An irreversible tool waits for a person's approval."""

    def __init__(self, what: str, why: str = "", fix: str = "") -> None:
        super().__init__(what, why, fix)
        self.tool: str = ""
        self.arguments: dict[str, object] = {}

    @classmethod
    def for_tool(cls, tool: str, arguments: dict[str, object]) -> ApprovalNeeded:
        """Builds the error for one waiting call."""
        error = cls(
            f"{tool}({arguments}) waits for approval",
            "the tool declares irreversible side effects",
            "Resume the run with True, or run it with approve=True (--approve)",
        )
        error.tool, error.arguments = tool, arguments
        return error


def unknown(kind: str, name: str, known: Iterable[str], fix: str = "") -> NoReturn:
    """Raises `UnknownNameError` that suggests the nearest known names.

    Args:
        kind: What was looked up: "model", "tool", "env" …
        name: The name that was not found.
        known: All names that exist.
        fix: What to type to see them all.

    Raises:
        UnknownNameError: Always.
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
    more = ", …" if len(names) > 12 else ""
    listing = hint or (f"known: {', '.join(names[:12])}{more}" if names else "there are none")
    raise UnknownNameError(f"unknown {kind} {name!r}", listing, fix)
