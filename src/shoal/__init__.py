"""Shoal: local agents made of small models. This module is the table of contents."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from shoal.lazy import exports

# Before any langgraph import: checkpoints may then name no code to load.
os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")

from shoal.errors import ShoalError
from shoal.types import (
    Context,
    Cost,
    Expert,
    ImageRef,
    Memory,
    Outcome,
    Run,
    Status,
    Step,
    Task,
    Value,
)
from shoal.version import __version__

if TYPE_CHECKING:
    from shoal.agents import Agent, as_policy
    from shoal.modalities.text import decide


_LAZY = {
    "Agent": "shoal.agents",
    "as_policy": "shoal.agents",
    "decide": "shoal.modalities.text",
}
"""Name -> module that holds it, imported on first use."""

__all__ = [
    "Agent",
    "Context",
    "Cost",
    "Expert",
    "ImageRef",
    "Memory",
    "Outcome",
    "Run",
    "ShoalError",
    "Status",
    "Step",
    "Task",
    "Value",
    "__version__",
    "as_policy",
    "decide",
]

__getattr__ = exports(__name__, _LAZY)
