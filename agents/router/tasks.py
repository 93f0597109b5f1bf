"""Tasks of anyone's, with the right expert for each: JSONL of text, images, env and expert."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shoal.errors import UsageError
from shoal.types import ImageRef, Task

_PICTURE = ImageRef("0" * 64, "image/png", 1, 1)
"""Stands for a picture: the router reads no more of one than that it is there."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One task and who should get it.

    Attributes:
        text: The request.
        images: How many pictures come with it.
        env: The env it comes with, or None.
        expert: The right one; "ask" where there is none.
    """

    text: str
    images: int
    env: str | None
    expert: str

    def task(self) -> Task:
        """As a task; its pictures are placeholders."""
        return Task(self.text, (_PICTURE,) * self.images, self.env)


def read_tasks(path: Path) -> list[Asked]:
    """Reads a file of tasks.

    Raises:
        UsageError: It can't be read, is empty, or a line is no task; the line is named.
    """
    try:
        return list(_checked(path)) or _empty(path)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}", str(error)) from error


def _empty(path: Path) -> list[Asked]:
    raise UsageError(f"there are no tasks in {path}", "it is empty")


def _checked(path: Path) -> Iterator[Asked]:
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, 1):
            if line.strip():
                yield _asked(line, f"line {number} of {path} is no task")


def _asked(line: str, what: str) -> Asked:
    try:
        row: Any = json.loads(line)
        text, expert, env = row["text"], row["expert"], row.get("env") or None
        if not all(isinstance(part, str) and part for part in (text, expert, env or "-")):
            raise TypeError("text, expert and env have to be texts")
        return Asked(text, _count(row.get("images")), env, expert)
    except KeyError as error:
        raise UsageError(
            what, f"it has no {error.args[0]}", "Fields: text, images, env, expert"
        ) from error
    except (ValueError, TypeError, AttributeError) as error:
        raise UsageError(what, str(error), "Fields: text, images, env, expert") from error


def _count(images: Any) -> int:
    """Pictures come as a list of names, a number, one name, or true and false."""
    if isinstance(images, list):
        return len(images)
    return int(images) if isinstance(images, bool | int) else int(bool(images))
