"""Registers minigrid's and BabyAI's env ids, once, on first use."""

from __future__ import annotations

import importlib
import logging
import os
from functools import cache

_log = logging.getLogger(__name__)


@cache
def register() -> None:
    """Imports minigrid (0.4 s), which registers its ids with gymnasium.

    Two noises are stilled: pygame's greeting, and the lines that a BabyAI level prints
    whenever it draws a room again. They go to the log, so that a program's standard
    output stays its own.
    """
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    importlib.import_module("minigrid")
    levels = importlib.import_module("minigrid.envs.babyai.core.roomgrid_level")
    vars(levels)["print"] = _to_log  # shadows the builtin in that one module


def _to_log(*words: object) -> None:
    _log.debug("%s", " ".join(str(word) for word in words))
