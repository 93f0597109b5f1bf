"""Who knows labels on this machine: the user's memory, and the library of classifiers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shoal.agents.cli.memory import opened_memory
from shoal.files import data_dir

if TYPE_CHECKING:
    from shoal.modalities.vision import VisionEncoder
    from shoal.modalities.vision.teach import Taught
    from shoal.modalities.vision.teach.head import Rater


def everyone_taught() -> list[Taught]:
    """Returns who knows labels; the memory is open only while it is read."""
    from shoal.modalities.vision.teach import in_library

    return [*_remembered(), *in_library()]


def _remembered() -> list[Taught]:
    if not (data_dir() / "memory.sqlite").exists():
        return []  # looking for a label makes no memory
    from shoal.agents.memory import TaughtNames

    with opened_memory() as memory:
        return [replace(one, open=_opened) for one in TaughtNames(memory).known()]


def _opened() -> tuple[VisionEncoder, Rater]:
    from shoal.agents.memory import TaughtNames

    with opened_memory() as memory:
        return TaughtNames(memory).opened()
