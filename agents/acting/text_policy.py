"""A language model alone as a policy: it reads the view in words and picks a legal action."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.agents.acting.observed import rows
from shoal.agents.acting.reading import Scene, offered, reader
from shoal.modalities.text import decide

SLM = "smollm2-135m"


class TextPolicy:
    """Acts by what a language model reads: mission and view in words, no training.

    The words are BALROG's in minigrid, else the env's own: it has `action_names`, and
    `in_words(observation)`. The output is constrained: every legal action is an option, and
    `decide` gives each its probability in one pass over a shared prompt, so no answer can be
    malformed.

    Args:
        env_id: A minigrid env, or one with words of its own, such as "shoal/ToolUse-v0".
        model: What `decide` takes.
        memory: Earlier steps that it is told, the last ones.
        seed: Of the sampling where `deterministic` is False.
        options: Arguments of the env itself.

    Attributes:
        observation: The observation wrapper that its env needs.
        options: Arguments of the env itself, with which `play_episodes` makes it.
        takes_masks: `predict` can be told which actions make sense.

    Raises:
        UnknownNameError: No such env.
        UsageError: An env without words.
    """

    observation = "native"
    takes_masks = True

    def __init__(
        self, env_id: str, *, model: Any = SLM, memory: int = 3, seed: int = 0,
        options: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        from shoal.envs import make

        self.options = dict(options or {})
        env = make(env_id, **self.options)
        self._reader = reader(env)
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
        action_masks: NDArray[np.bool_] | None = None,
    ) -> tuple[NDArray[Any], tuple[NDArray[Any], ...] | None]:
        """Chooses an action for one native observation, or for each of a batch.

        Args:
            observation: The env's own; of minigrid image, direction and mission.
            state: Passed through.
            episode_start: Where a new episode begins: what was told before is dropped.
            deterministic: Take the likeliest action instead of sampling.
            action_masks: Bool (actions,) or (batch, actions): what is False is not offered.

        Raises:
            UsageError: The observation, or a mask, is not of this env.
            MissingModelError: The language model is not on this machine.
        """
        seen, single = rows(observation, self._space)
        starts = np.broadcast_to(False if episode_start is None else episode_start, len(seen))
        masks = [None] * len(seen) if action_masks is None else np.atleast_2d(action_masks)
        actions = []
        for place, (row, mask) in enumerate(zip(seen, masks, strict=True)):
            told = self._told.setdefault(place, [])
            if starts[place]:
                told.clear()
            may = offered(self._reader.names, mask)
            actions.append(self._choose(row, may, told, deterministic))
        return (np.asarray(actions[0]) if single else np.array(actions)), state

    def probabilities(
        self, mission: str, view: str, before: Sequence[str] = (), may: Sequence[str] = ()
    ) -> dict[str, float]:
        """Returns each action's probability.

        Args:
            mission: What to do.
            view: What is seen, in words.
            before: The last steps, in words.
            may: The actions to choose among; by default all.
        """
        rules = [self._reader.rules] if self._reader.rules else []
        parts = [*rules, f"Mission: {mission}", *before, f"You see:\n{view or 'nothing'}"]
        asked, words = f"What is the next action to {mission}?", list(may or self._reader.names)
        decided = decide(asked, words, context="\n\n".join(parts), model=self.model)
        return dict(decided.probabilities)

    def _choose(self, row: Any, may: list[str], told: list[str], deterministic: bool) -> int:
        scene = self._reader.read(row)
        name = may[0] if len(may) == 1 else self._drawn(scene, may, told, deterministic)
        told.append(f"You saw:\n{scene.view or 'nothing'}\nYou did: {name}")
        del told[: max(0, len(told) - self._memory)]
        return self._reader.names.index(name)

    def _drawn(self, scene: Scene, may: list[str], told: list[str], deterministic: bool) -> str:
        decided = self.probabilities(scene.mission, scene.view, told, may)
        shares = np.array([decided[name] for name in may])
        drawn = self._random.choice(len(shares), p=shares / shares.sum())
        return may[int(shares.argmax() if deterministic else drawn)]
