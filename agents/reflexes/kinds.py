"""Kinds of repeated work: what a task looks like from outside, before anything is computed."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from shoal.types import Task

Form = Literal["call", "decide", "sort", "act"]
"""A request to a tool's call, a request to an answer, a picture to a label, an env to actions."""

ANY = "*"
"""Stands for the conversations that are too short to be a kind of their own."""


@dataclass(frozen=True, slots=True, order=True)
class Kind:
    """Work that repeats.

    Attributes:
        form: What comes in and what goes out.
        user: Whose records; one user's reflex never serves another.
        thread: The conversation, or `ANY`.
        subject: The env to act in, or the instruction that comes with a picture; else "".
    """

    form: Form
    user: str
    thread: str = ANY
    subject: str = ""

    @property
    def name(self) -> str:
        """A name for a folder: readable, and different for different kinds."""
        return _name(self)

    def takes(self, task: Task) -> bool:
        """Whether a task could be of this kind, by its outside alone."""
        same = self.thread in (ANY, task.thread)
        return same and self.form in forms_of(task) and self.subject == subject_of(task)


@lru_cache(maxsize=1024)
def _name(kind: Kind) -> str:
    whole = "\n".join((kind.form, kind.user, kind.thread, kind.subject))
    said = re.sub(r"[^a-z0-9]+", "-", (kind.subject or kind.thread).lower()).strip("-")[:32]
    return f"{kind.form}-{said or 'any'}-{hashlib.sha256(whole.encode()).hexdigest()[:6]}"


def forms_of(task: Task) -> tuple[Form, ...]:
    """The forms that a task can have; none where nothing learns such tasks."""
    if task.env is not None:
        return ("act",)
    if task.images:
        return ("sort",) if len(task.images) == 1 else ()
    return ("call", "decide")


def subject_of(task: Task) -> str:
    """What sets kinds of one form apart."""
    if task.env is not None:
        return task.env
    return " ".join(task.text.casefold().split())[:200] if task.images else ""
