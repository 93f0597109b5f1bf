"""Which head serves: the shipped one, or one tuned here, which can be undone."""

from __future__ import annotations

import time
from pathlib import Path

from shoal.agents.router.head import SHIPPED
from shoal.errors import UsageError
from shoal.files import data_dir, write_atomic


def folder() -> Path:
    """Where tuned heads are kept, each with its card."""
    return data_dir() / "router"


def current() -> Path:
    """The head that serves: the latest of the tuned ones, else the shipped one."""
    return next(reversed(_tuned()), SHIPPED)


def promote(content: bytes, card: str) -> Path:
    """Lets a head serve from now on; a crash at any point leaves the old one serving.

    Args:
        content: Its file.
        card: Its Markdown.

    Raises:
        StorageError: It can't be written; what served before still does.
    """
    path = folder() / f"head-{time.time_ns():020}.safetensors"
    write_atomic(path.with_suffix(".md"), card)
    return write_atomic(path, content)


def undo() -> Path:
    """Sets the head aside that serves; returns the one that served before it.

    Raises:
        UsageError: The shipped one serves.
    """
    tuned = _tuned()
    if not tuned:
        raise UsageError("there is nothing to undo", "the shipped head serves")
    tuned[-1].replace(tuned[-1].with_suffix(".undone"))
    return current()


def _tuned() -> list[Path]:
    return sorted(folder().glob("head-*.safetensors"))
