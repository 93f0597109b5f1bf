"""A language model alone as a policy: it reads the view in words and picks a legal action."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.agents.acting.observed import MISSION, rows
from shoal.errors import UsageError
from shoal.modalities.text import decide

ACTIONS = ("turn left", "turn right", "go forward", "pick up", "drop", "toggle")
"""BALROG's words for minigrid's actions 0 to 5; its seventh, "done", is not offered."""

SLM = "smollm2-135m"

_RULES = (
    "You are in a room seen from above, one square a step. You reach a thing by standing next "
    "to it and facing it. A thing to the left or right has to be turned to."
)


class TextPolicy:
    """Acts by what a language model reads: mission and view in BALROG's words, no training.

    The output is constrained: every legal action is an option, and `decide` gives each its
    probability in one pass over a shared prompt, so no answer can be malformed.

    Args:
        env_id: A minigrid env.
        model: What `decide` takes.
        memory: Earlier steps that it is told, the last ones.
        seed: Of the sampling where `deterministic` is False.

    Attributes:
        observation: The observation wrapper that its env needs.

    Raises:
        UnknownNameError: No such env.
        UsageError: Not a minigrid env.
    """

    observation = "native"

    def __init__(self, env_id: str, *, model: Any = SLM, memory: int = 3, seed: int = 0) -> None:
        from shoal.envs import make
        from shoal.envs.observations import require_minigrid

        env = make(env_id)
        require_minigrid(env, "text")
        self.env_id, self.model = env_id, model
        self._space, self._memory = env.observation_space, memory
        self._random = np.random.default_rng(seed)
        self._told: dict[int, list[str]] = {}
        env.close()

    def predict(
        self,
        observation: Any,
        state: tuple[NDArray[Any], ...] | None = None,
        episode_start: NDArray[Any] | Sequence[bool] | None = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[Any], tuple[NDArray[Any], ...] | None]:
        """Chooses an action for one native observation, or for each of a batch.

        Args:
            observation: Minigrid's image, direction and mission.
            state: Passed through.
            episode_start: Where a new episode begins: what was told before is dropped.
            deterministic: Take the likeliest action instead of sampling.

        Raises:
            UsageError: The observation is not of this env.
            MissingModelError: The language model is not on this machine.
        """
        seen, single = rows(observation, self._space)
        starts = np.broadcast_to(False if episode_start is None else episode_start, len(seen))
        actions = []
        for place, row in enumerate(seen):
            told = self._told.setdefault(place, [])
            if starts[place]:
                told.clear()
            actions.append(self._choose(row, told, deterministic))
        return (np.asarray(actions[0]) if single else np.array(actions)), state

    def probabilities(
        self, mission: str, view: str, before: Sequence[str] = ()
    ) -> dict[str, float]:
        """Returns each action's probability.

        Args:
            mission: What to do.
            view: What is seen, in words.
            before: The last steps, in words.
        """
        parts = [_RULES, f"Mission: {mission}", *before, f"You see:\n{view or 'nothing'}"]
        asked = f"What is the next action to {mission}?"
        decided = decide(asked, self._words, context="\n\n".join(parts), model=self.model)
        return dict(decided.probabilities)

    @cached_property
    def _words(self) -> list[str]:
        return list(ACTIONS)

    def _choose(self, row: Any, told: list[str], deterministic: bool) -> int:
        from shoal.envs.text_view import describe_view

        if not isinstance(row, dict) or MISSION not in row:
            raise UsageError("there is no mission to read", "the observation holds none")
        view = describe_view(np.asarray(row["image"]))
        shares = np.array(list(self.probabilities(row[MISSION], view, told).values()))
        drawn = self._random.choice(len(shares), p=shares / shares.sum())
        action = int(shares.argmax() if deterministic else drawn)
        told.append(f"You saw:\n{view or 'nothing'}\nYou did: {ACTIONS[action]}")
        del told[: max(0, len(told) - self._memory)]
        return action
