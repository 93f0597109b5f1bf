"""Furnishes an agent's house: the built-in experts and tools, and what the caller adds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from shoal.agents.experts import LargerModel, builtin_experts
from shoal.agents.house import House, abilities_of
from shoal.agents.memory import MemoryStore
from shoal.agents.router import Dial, Router
from shoal.errors import UsageError
from shoal.types import Expert

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool


def furnish(
    memory: MemoryStore,
    router: Router,
    tools: Sequence[Callable[..., Any] | BaseTool],
    experts: Sequence[Expert],
    larger: str | None,
) -> House:
    """Builds the house of an agent; see `Agent`."""
    from shoal.agents.tools import as_tool
    from shoal.agents.tools.builtin import builtin_tools

    added = [as_tool(tool) for tool in tools]
    more = [LargerModel(larger)] if larger else []
    house = House(
        experts={expert.name: expert for expert in (*builtin_experts(), *more, *experts)},
        tools=[*builtin_tools(lambda: house, memory), *added],
        memory=memory,
        router=router,
        artifacts=memory.path.parent / "artifacts",
        abilities=abilities_of(added, experts),
    )
    return house


def router_for(router: Router | None, max_risk: float | None, dial: Dial | None) -> Router:
    """The caller's router, or the shipped one with the caller's wishes.

    Raises:
        UsageError: There are wishes beside a router.
    """
    if router is None:
        return Router(max_risk=max_risk, dial=dial)
    if max_risk is not None or dial is not None:
        raise UsageError(
            "max_risk and dial belong to the router, and one was given",
            fix="Type: Agent(router=Router(max_risk=…, dial=…))",
        )
    return router
