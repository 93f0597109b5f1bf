"""The runtime: agent, graph, router, tools, memory and the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoal.lazy import exports

if TYPE_CHECKING:
    from shoal.agents.acting import TextPolicy, as_policy
    from shoal.agents.agent import Agent
    from shoal.agents.memory import MemoryStore
    from shoal.agents.router import Dial, Route, Router
    from shoal.agents.runner import Event
    from shoal.agents.tools import Toolbox, as_tool

_LAZY = {
    "Agent": "shoal.agents.agent",
    "Dial": "shoal.agents.router",
    "Event": "shoal.agents.runner",
    "MemoryStore": "shoal.agents.memory",
    "Route": "shoal.agents.router",
    "Router": "shoal.agents.router",
    "TextPolicy": "shoal.agents.acting",
    "Toolbox": "shoal.agents.tools",
    "as_policy": "shoal.agents.acting",
    "as_tool": "shoal.agents.tools",
}

__all__ = [
    "Agent",
    "Dial",
    "Event",
    "MemoryStore",
    "Route",
    "Router",
    "TextPolicy",
    "Toolbox",
    "as_policy",
    "as_tool",
]

__getattr__ = exports(__name__, _LAZY)
