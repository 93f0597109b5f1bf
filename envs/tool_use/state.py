"""Where a task of the tool-use env stands, as numbers and in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from shoal.envs.tool_use.tasks import ToolTask
from shoal.envs.tool_use.tools import FACTS, ITEMS, TOOLS, WANTED, Tool

ANSWER, ASK = "answer", "ask"
ACTIONS = (*(f"call {tool.name}" for tool in TOOLS), ANSWER, ASK)
"""What can be done, in words; the place is the action's number."""

_AT = len(FACTS)
PARTS: Mapping[str, slice] = {
    "facts": slice(0, _AT),
    "held": slice(_AT, _AT + len(ITEMS)),
    "wanted": slice(_AT + len(ITEMS), _AT + len(ITEMS) + len(WANTED)),
    "failed": slice(_AT + len(ITEMS) + len(WANTED), _AT + len(ITEMS) + len(WANTED) + len(TOOLS)),
    "left": slice(-3, -2),
    "dial": slice(-2, None),
}
"""Part -> its place in the observation."""

SIZE = _AT + len(ITEMS) + len(WANTED) + len(TOOLS) + 3


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
        """Whether a call makes sense: needs are held, its item is not, and it can work."""
        stuck = tool.steady and tool.name in self.failed
        return self.held.issuperset(tool.needs) and tool.makes not in self.held and not stuck

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
        told += [tool.name in self.failed for tool in TOOLS]
        return np.array([*told, left, *dial], np.float32)


def legal(observation: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which actions make sense, read off an observation, bool (14,)."""
    facts, held, wanted, failed = _read(observation)
    state = State(ToolTask((), wanted, facts), held, failed)
    return np.array([*map(state.can, TOOLS), wanted in held, True], bool)


def words(observation: NDArray[np.float32]) -> str:
    """An observation in words: what is wanted and held, the facts, what has failed."""
    facts, held, wanted, failed = _read(observation)
    had = ", ".join(item for item in ITEMS if item in held)
    told = [f"Wanted: {wanted}", f"You have: {had}"]
    told += [f"{name}: {round(100 * value)} percent" for name, value in facts.items()]
    told += [f"Failed: {', '.join(t.name for t in TOOLS if t.name in failed)}"] if failed else []
    return "\n".join(told)


def _read(seen: NDArray[np.float32]) -> tuple[dict[str, float], set[str], str, set[str]]:
    facts = {n: float(v) for n, v in zip(FACTS, seen[PARTS["facts"]], strict=True)}
    held = {item for item, has in zip(ITEMS, seen[PARTS["held"]], strict=True) if has > 0}
    wanted = WANTED[int(np.argmax(seen[PARTS["wanted"]]))]
    names = (tool.name for tool in TOOLS)
    failed = {name for name, has in zip(names, seen[PARTS["failed"]], strict=True) if has > 0}
    return facts, held, wanted, failed
