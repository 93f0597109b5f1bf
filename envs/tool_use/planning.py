"""What can be had in the tool-use env: by the best plan, and by one order for all tasks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from shoal.envs.tool_use.state import ACTIONS, ANSWER, ASK, State
from shoal.envs.tool_use.tasks import ToolTask
from shoal.envs.tool_use.tools import TOOLS, Tool, serving

_Names = frozenset[str]
_Held = frozenset[tuple[str, float]]


@dataclass(frozen=True, slots=True)
class FixedOrder:
    """Calls the first tool of an order that makes sense, as the action mask has it.

    Answers as soon as what is wanted is held, asks where no call is left. It knows nothing of
    a task's facts: what is left to learn is when to leave the order.

    Attributes:
        order: Names of tools; those left out are never called.
    """

    order: tuple[str, ...]

    def act(self, state: State) -> int:
        """Returns the action's number."""
        if state.task.wanted in state.held:
            return ACTIONS.index(ANSWER)
        can = {tool.name for tool in TOOLS if state.can(tool)}
        name = next((f"call {name}" for name in self.order if name in can), ASK)
        return ACTIONS.index(name)


def expected_best(task: ToolTask, price: tuple[float, float], ask: float, steps: int) -> float:
    """Expected return of the best plan, which knows every tool's probability: the ceiling.

    By backward induction (Bellman 1957) over what has failed, the steps left, and each item
    held with the probability that it is right.

    Args:
        task: The task.
        price: Of a second and of a token.
        ask: Worth of asking.
        steps: Limit of the episode.
    """
    tools = [tool for tool in TOOLS if tool.name in serving(task.wanted)]

    @cache
    def value(held: _Held, failed: _Names, left: int) -> float:
        if not left:
            return 0.0
        if task.wanted in dict(held):
            return dict(held)[task.wanted]
        state = State(task, set(dict(held)), set(failed))
        return max([ask, *(called(tool, held, failed, left) for tool in tools if state.can(tool))])

    def called(tool: Tool, held: _Held, failed: _Names, left: int) -> float:
        works = tool.works(task.facts)
        # No item is made of two that share a source, so their probabilities multiply.
        right = math.prod(dict(held)[need] for need in tool.needs)
        cost = price[0] * tool.seconds + price[1] * tool.tokens
        made = held | {(tool.makes, right * works if tool.silent else right)}
        if tool.silent:
            return value(made, failed, left - 1) - cost
        stuck = failed | {tool.name} if tool.steady else failed
        missed = value(held, stuck, left - 1)
        return works * value(made, failed, left - 1) + (1 - works) * missed - cost

    return value(frozenset((item, 1.0) for item in task.given), frozenset(), steps)


def best_order(env: Any, seeds: Sequence[int], tries: int = 60) -> list[str]:
    """Climbs from order to order of all tools, one of them moved at a time: the baseline.

    Args:
        env: A `ToolUse` of the split "train".
        seeds: Of the episodes that an order is judged by.
        tries: Moves tried.

    Returns:
        The order with the best mean return.
    """
    random, best = np.random.default_rng(0), [tool.name for tool in TOOLS][::-1]
    worth = np.mean(play(env, best, seeds))
    for _ in range(tries):
        order = list(best)
        order.insert(int(random.integers(len(order))), order.pop(int(random.integers(len(order)))))
        if (got := np.mean(play(env, order, seeds))) > worth:
            best, worth = order, got
    return best


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
