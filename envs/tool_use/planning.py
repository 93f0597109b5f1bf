"""What can be had in the tool-use env: by the best plan, and by one order for all tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from shoal.envs.tool_use.state import ACTIONS, ANSWER, ASK, State
from shoal.envs.tool_use.tasks import ToolTask
from shoal.envs.tool_use.tools import TOOLS, Tool, serving

_Names = frozenset[str]


@dataclass(frozen=True, slots=True)
class FixedOrder:
    """Calls the first tool of an order that makes sense and can lead to what is wanted.

    Answers as soon as it is held, asks where no call is left. It knows the tools, and
    nothing of a task's facts: what is left to learn is when to leave the order.

    Attributes:
        order: Names of tools; those left out are never called.
    """

    order: tuple[str, ...]

    def act(self, state: State) -> int:
        """Returns the action's number."""
        if state.task.wanted in state.held:
            return ACTIONS.index(ANSWER)
        useful = serving(state.task.wanted)
        can = {tool.name for tool in TOOLS if state.can(tool)} & useful
        name = next((f"call {name}" for name in self.order if name in can), ASK)
        return ACTIONS.index(name)


def expected_best(task: ToolTask, price: tuple[float, float], ask: float, steps: int) -> float:
    """Expected return of the best plan, which knows every tool's probability: the ceiling.

    By backward induction over what is held, what has failed and the steps left (Bellman 1957).

    Args:
        task: The task.
        price: Of a second and of a token.
        ask: Worth of asking.
        steps: Limit of the episode.
    """
    tools = [tool for tool in TOOLS if tool.name in serving(task.wanted)]

    @lru_cache(maxsize=None)
    def value(held: _Names, failed: _Names, left: int) -> float:
        if not left:
            return 0.0
        if task.wanted in held:
            return 1.0
        state = State(task, set(held), set(failed))
        return max([ask, *(_called(tool, held, failed, left) for tool in tools if state.can(tool))])

    def _called(tool: Tool, held: _Names, failed: _Names, left: int) -> float:
        works = tool.works(task.facts)
        cost = price[0] * tool.seconds + price[1] * tool.tokens
        stuck = failed | {tool.name} if tool.steady else failed
        gained = works * value(held | {tool.makes}, failed, left - 1)
        return gained + (1 - works) * value(held, stuck, left - 1) - cost

    return value(frozenset(task.given), frozenset(), steps)


def play(env: Any, order: Sequence[str], seeds: Sequence[int]) -> list[float]:
    """Plays a fixed order, one episode a seed.

    Args:
        env: A `ToolUse`, wrapped or not.
        order: Names of tools.
        seeds: Of the episodes.

    Returns:
        Their returns.
    """
    actor, returns = FixedOrder(tuple(order)), []
    for seed in seeds:
        env.reset(seed=seed)
        total, ended = 0.0, False
        while not ended:
            _, reward, terminated, truncated, _ = env.step(actor.act(env.unwrapped.state))
            total, ended = total + float(reward), terminated or truncated
        returns.append(total)
    return returns
