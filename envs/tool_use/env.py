"""The env in which using tools is learnt: which to call next, when to answer, when to ask."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from shoal.envs.priced import DIAL, Prices, check_options, check_split, expected_price
from shoal.envs.tool_use.state import ACTIONS, ANSWER, ASK, SIZE, State, legal, words
from shoal.envs.tool_use.tasks import ToolTask, draw
from shoal.envs.tool_use.tools import FACTS, TOOLS, calls_left

_LARGEST = 1000.0
_REFUSED = (0.05, 10.0)
"""Seconds and tokens of a call that can't be made."""


class ToolUse(gymnasium.Env[NDArray[np.float32], np.int64]):
    """Get the wanted item from what is given: call tools, then answer; or ask.

    Twelve tools (`shoal.envs.tool_use.tools.TOOLS`), each with items that it needs, one that
    it makes, seconds, tokens, and a probability of working that may hang on a fact of the
    task: memory is cheap and right where it holds the question, the archive dear but sure. A
    call that failed may be made again; with a "steady" tool (an index without the page) in
    vain. A "silent" tool never fails: its item looks right, and is wrong with that probability,
    as is what is made of it.

    Observation: Box float32 (35,), parts as in `shoal.envs.tool_use.state.PARTS`: 4 facts in
    [0, 1] (remembered, indexed, legible, service); 11 flags of items held; 5 of the wanted one;
    12 affordances, the probability that a call works, 0 where it makes no sense; the share of
    steps left; what a typical call costs at these prices in seconds and in tokens,
    ln(1 + price * mean): the dial. `shoal.envs.make` shows it in words with observation="text".

    Actions: Discrete(14): call one of the tools, "answer", "ask" (in words with
    actions="text": "call search"). `action_masks()` and `info["action_mask"]` leave out calls
    that lack what they need, make what is held, can't lead to what is wanted or must fail
    again, and an answer without the item. What lacks what it needs is refused at 0.05 s and
    10 tokens, and changes nothing.

    Reward: - lam * seconds - mu * tokens of each call; 1 for an answer with an item that is
    right, 0 with a wrong one; `ask` for asking (Chow 1970).

    Success (`terminated`, `info["is_success"]`): an answer with the right item, or it was
    asked where no calls can lead there.

    Limit (`truncated`): 12 steps.

    Info: "task", "prices"; after a call "tool", "worked" (or seems to), "refused" (why,
    or ""), "seconds", "tokens".

    Reset options, for this episode alone: "lam", "mu".

    Args:
        split: "train" or "test": eight of the 35 pairs of given and wanted
            (`shoal.envs.tool_use.tasks.HELD_OUT`) are never drawn in training, and alone in
            testing.
        lam: Price of a second; a pair draws from it anew for each episode, see `Routing`.
        mu: Price of a token; likewise.
        ask: Worth of abstaining.

    Raises:
        UnknownNameError: No such split or reset option.
        UsageError: A price is none.

    Seeding: a seed draws, in this order, whether the task is possible (85 %), its pair, the
    facts, the prices if they are pairs, and whether each call works.
    """

    metadata = {"render_modes": [], "judged_by": "return"}  # noqa: RUF012  # gymnasium's own form
    action_names = ACTIONS
    max_steps = 12

    def __init__(
        self,
        split: str = "train",
        lam: Any = 0.05,
        mu: Any = 0.0002,
        ask: float = 0.3,
    ) -> None:
        self.split, self.prices = check_split(split), Prices(lam, mu, ask)
        self.observation_space = gymnasium.spaces.Box(0.0, _LARGEST, (SIZE,), np.float32)
        self.action_space = gymnasium.spaces.Discrete(len(ACTIONS))
        self._means = _mean([t.seconds for t in TOOLS]), _mean([t.tokens for t in TOOLS])
        self._price = (0.0, 0.0)
        self.state = State(ToolTask((), "total", dict.fromkeys(FACTS, 0.0)), set())

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Draws a task and its prices."""
        super().reset(seed=seed)
        options = check_options(options, DIAL)
        task = draw(self.split, self.np_random)
        self._price = self.prices.draw(self.np_random, options)
        self.state = State(task, set(task.given))
        return self._observed(), self._info()

    def step(self, action: Any) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Calls a tool, answers or asks."""
        self.state.steps += 1
        name, state = ACTIONS[int(action)], self.state
        if name == ASK:
            solved = not state.task.possible
            return self._ended(self.prices.ask, solved=solved)
        if name == ANSWER and state.task.wanted in state.held:
            solved = state.task.wanted not in state.wrong
            return self._ended(float(solved), solved=solved)
        told = _no_answer(state.task.wanted) if name == ANSWER else self._call(int(action))
        cost = self.prices.cost(self._price, told["seconds"], told["tokens"])
        short = state.steps >= self.max_steps
        told |= {"is_success": False} if short else {}
        return self._observed(), -cost, False, short, {**self._info(), **told}

    def action_masks(self) -> NDArray[np.bool_]:
        """Which actions make sense now, (14,), as sb3-contrib's MaskablePPO asks."""
        return legal(self._observed())

    def potential(self) -> float:
        """How near the wanted item is: 1 / (1 + the fewest calls to it); 0 where none do."""
        left = calls_left(frozenset(self.state.held), self.state.task.wanted)
        return 0.0 if left is None else 1 / (1 + left)

    def in_words(self, observation: NDArray[np.float32] | None = None) -> str:
        """An observation in words, by default the present one."""
        return words(self._observed() if observation is None else np.asarray(observation))

    def _call(self, place: int) -> dict[str, Any]:
        tool, state = TOOLS[place], self.state
        lacking = [need for need in tool.needs if need not in state.held]
        if lacking:
            why = f"{tool.name} needs {' and '.join(lacking)}"
            return _told(tool.name, *_REFUSED, refused=why)
        stuck = tool.steady and tool.name in state.failed
        worked = bool(self.np_random.random() < tool.works(state.task.facts)) and not stuck
        seems = state.gets(tool, worked=worked)
        return _told(tool.name, tool.seconds, tool.tokens, worked=seems)

    def _ended(
        self, reward: float, *, solved: bool
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        return self._observed(), reward, True, False, {**self._info(), "is_success": solved}

    def _observed(self) -> NDArray[np.float32]:
        left = 1 - self.state.steps / self.max_steps
        return self.state.observed(left, expected_price(self._price, self._means))

    def _info(self) -> dict[str, Any]:
        task = self.state.task
        told = {"given": task.given, "wanted": task.wanted, "facts": dict(task.facts)}
        return {"task": told, "prices": self._price, "action_mask": self.action_masks()}


def _mean(amounts: list[float]) -> float:
    return sum(amounts) / len(amounts)


def _no_answer(wanted: str) -> dict[str, Any]:
    return _told("", *_REFUSED, refused=f"there is no {wanted} to answer with")


def _told(
    tool: str, seconds: float, tokens: float, *, worked: bool = False, refused: str = ""
) -> dict[str, Any]:
    return {
        "tool": tool, "worked": worked, "refused": refused, "seconds": seconds, "tokens": tokens
    }  # fmt: skip
