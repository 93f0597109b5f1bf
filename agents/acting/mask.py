"""Who can do this now? Policies, and tools that play them, by what their critics expect."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from shoal.agents.acting.goal import PolicyGoal, predicate
from shoal.agents.acting.player import Player
from shoal.errors import RunError, UsageError
from shoal.modalities.policy import Policy

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

LEAST = 0.5
"""Expected success from which a policy is offered."""


def affordances(policies: Iterable[Policy | str | Path], goal: PolicyGoal) -> dict[str, float]:
    """Asks policies what they expect of a goal, at its first observation.

    Args:
        policies: Policies, their names or folders.
        goal: What to play; its horizon counts.

    Returns:
        Name -> probability of success in [0, 1]; 0 for a policy that does not fit the env,
        does not understand the mission, or finds no such thing in the room.

    Raises:
        UnknownNameError: No policy of that name.
        CorruptWeightsError: A policy is damaged.
    """
    loaded = [given if isinstance(given, Policy) else Policy.load(given) for given in policies]
    return {policy.spec.name: _affordance(policy, goal) for policy in loaded}


def offered(tools: Sequence[BaseTool], goal: PolicyGoal, least: float = LEAST) -> list[BaseTool]:
    """Leaves out the tools of policies that can't do the goal now; all others stay.

    Args:
        tools: Any; those from `policy_tool` are asked.
        goal: What is wanted, in which room; "" for its env is each tool's own.
        least: Expected success that is enough.
    """
    return [tool for tool in tools if _expected(tool, goal) >= least]


def _expected(tool: BaseTool, goal: PolicyGoal) -> float:
    declared = tool.metadata or {}
    if "policy" not in declared:
        return 1.0
    where = PolicyGoal(goal.mission, goal.env or declared["env"], goal.seed, goal.horizon)
    if where.env != declared["env"]:
        return 0.0
    return _affordance(Policy.load(declared["policy"]), where)


def _affordance(policy: Policy, goal: PolicyGoal) -> float:
    try:
        with closing(Player(policy, goal, predicate("verifier"))) as player:
            return player.expected
    except (UsageError, RunError):
        return 0.0
