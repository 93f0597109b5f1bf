"""Where a task of the tool-use env stands, as numbers and in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from shoal.envs.tool_use.tasks import ToolTask
from shoal.envs.tool_use.tools import FACTS, ITEMS, TOOLS, WANTED, Tool, serving

ANSWER, ASK = "answer", "ask"
ACTIONS = (*(f"call {tool.name}" for tool in TOOLS), ANSWER, ASK)
"""What can be done, in words; the place is the action's number."""

_SIZES = {"facts": len(FACTS), "held": len(ITEMS), "wanted": len(WANTED), "affordances": len(TOOLS)}
_ENDS = dict(zip(_SIZES, accumulate(_SIZES.values()), strict=True))
SIZE = sum(_SIZES.values()) + 3
PARTS: Mapping[str, slice] = {
    **{name: slice(_ENDS[name] - size, _ENDS[name]) for name, size in _SIZES.items()},
    "left": slice(SIZE - 3, SIZE - 2),
    "dial": slice(SIZE - 2, SIZE),
}
"""Part -> its place in the observation."""


@dataclass(slots=True)
class State:
    """What is held and what has failed.

    Attributes:
        task: The task.
        held: Items.
        failed: Names of tools whose last call failed.
        wrong: Items held that are not what they look like; nobody is told.
        steps: Actions taken.
    """

    task: ToolTask
    held: set[str]
    failed: set[str] = field(default_factory=set)
    wrong: set[str] = field(default_factory=set)
    steps: int = 0

    def can(self, tool: Tool) -> bool:
        """Whether a call makes sense.

        Its needs are held, its item is not, it leads to what is wanted, and it can still work.
        """
        stuck = tool.steady and tool.name in self.failed
        fits = self.held.issuperset(tool.needs) and tool.makes not in self.held
        return fits and not stuck and tool.name in serving(self.task.wanted)

    def affordance(self, tool: Tool) -> float:
        """Probability that a call works; 0 where it makes no sense."""
        return tool.works(self.task.facts) if self.can(tool) else 0.0

    def gets(self, tool: Tool, *, worked: bool) -> bool:
        """Takes the item of a call, wrong if it did not work silently or was made of a wrong one.

        Returns:
            Whether the call seems to have worked.
        """
        if not worked and not tool.silent:
            if tool.makes not in self.held:
                self.failed.add(tool.name)
            return False
        self.failed.discard(tool.name)
        if tool.makes not in self.held:
            self.held.add(tool.makes)
            right = worked and self.wrong.isdisjoint(tool.needs)
            self.wrong |= set() if right else {tool.makes}
        return True

    def observed(self, left: float, dial: NDArray[np.float32]) -> NDArray[np.float32]:
        """As numbers, float32 (SIZE,), see `PARTS`.

        Args:
            left: Share of the steps that is left.
            dial: (2,), see `shoal.envs.priced.expected_price`.
        """
        told = [self.task.facts[name] for name in FACTS]
        told += [item in self.held for item in ITEMS]
        told += [item == self.task.wanted for item in WANTED]
        told += [self.affordance(tool) for tool in TOOLS]
        return np.array([*told, left, *dial], np.float32)


def legal(observation: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which actions make sense, read off an observation, bool (14,)."""
    held = observation[PARTS["held"]] > 0
    has = bool(held[ITEMS.index(wanted_of(observation))])
    return np.array([*(observation[PARTS["affordances"]] > 0), has, True], bool)


def wanted_of(observation: NDArray[np.float32]) -> str:
    """The wanted item, read off an observation."""
    return WANTED[int(np.argmax(observation[PARTS["wanted"]]))]


def words(observation: NDArray[np.float32]) -> str:
    """An observation in words: what is wanted and held, the facts, what can be called."""
    held = [item for item, has in zip(ITEMS, observation[PARTS["held"]], strict=True) if has > 0]
    facts = zip(FACTS, observation[PARTS["facts"]], strict=True)
    able = zip(TOOLS, observation[PARTS["affordances"]], strict=True)
    told = [f"Wanted: {wanted_of(observation)}", f"You have: {', '.join(held)}"]
    told += [f"{name}: {_percent(value)}" for name, value in facts]
    told += [f"call {tool.name} works in {_percent(p)} of cases" for tool, p in able if p > 0]
    return "\n".join(told)


def _percent(share: float) -> str:
    return f"{round(100 * float(share))} percent"
