"""The batch of levels as gymnasium's vector env."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from shoal.envs.batch.codes import ENCODINGS, Ints
from shoal.envs.batch.draw import Source
from shoal.envs.batch.rooms import empty_rooms
from shoal.envs.batch.rules import Rules
from shoal.envs.batch.wording import missions_text
from shoal.envs.levels.arguments import TASKS
from shoal.envs.levels.mixed import MixedTestLocal, MixedTrainLocal

SPLITS = {"train": MixedTrainLocal, "test": MixedTestLocal}


class MixedLocalVector(VectorEnv[Any, Any, Any]):
    """Steps many levels of `shoal/MixedTrainLocal-v0` or its test twin at once.

    Rules, observations, rewards and limits are exactly those of the single env; rooms are
    drawn from the same distribution, but a seed draws others than there. A level that ends
    begins anew on the same step; `infos["final_obs"]` has its last observation and
    `infos["is_success"]` tells whether it succeeded, as far as `infos["_is_success"]` says.

    Args:
        num_envs: How many levels.
        split: "train" or "test".
        task: As for the single env; None draws one at every reset.
        num_dists: As for the single env.
    """

    metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012  # gymnasium's own

    def __init__(
        self, num_envs: int, split: str = "train", task: str | None = None, num_dists: int = 0
    ) -> None:
        single = SPLITS[split](task=task, num_dists=num_dists)
        self.num_envs = num_envs
        self.single_observation_space = single.observation_space
        self.single_action_space = single.action_space
        self.observation_space = batch_space(single.observation_space, num_envs)
        self.action_space = batch_space(single.action_space, num_envs)
        self._source = Source(split, TASKS if task is None else (task,), num_dists)
        self._rooms = empty_rooms(num_envs)
        self._rules = Rules(self._rooms)
        self._texts = np.full(num_envs, "", dtype=object)
        self._all = np.arange(num_envs)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Draws all levels anew; a list of seeds counts as one seed."""
        if seed is not None:
            self._np_random = np.random.default_rng(seed)  # type: ignore[arg-type]
            self._source.forget()
        self._begin(self._all)
        return self._observations(self._all), {"task": self._tasks(self._all)}

    def step(
        self, actions: Any
    ) -> tuple[dict[str, Any], NDArray[np.float64], Any, Any, dict[str, Any]]:
        """Steps all levels; those that end begin anew."""
        done, late = self._rules.step(np.asarray(actions, np.int64))
        rewards = np.where(done, 1 - 0.9 * (self._rooms.time / self._rooms.limit), 0.0)
        ended = np.flatnonzero(done | late)
        infos: dict[str, Any] = {}
        if len(ended):
            infos = self._final(ended, done)
            self._begin(ended)
        return self._observations(self._all), rewards, done, late, infos

    def _begin(self, which: Ints) -> None:
        self._source.draw(self.np_random, self._rooms, which)
        self._rules.begin(which)
        self._texts[which] = missions_text(self._rooms, which)

    def _tasks(self, which: Ints) -> NDArray[Any]:
        return np.array(TASKS, dtype=object)[self._rooms.task[which]]

    def _observations(self, which: Ints) -> dict[str, Any]:
        return {
            "image": ENCODINGS[self._rooms.views()[which]].reshape(len(which), 7, 7, 3),
            "direction": self._rooms.way[which],
            "mission": tuple(self._texts[which]),
        }

    def _final(self, ended: Ints, done: NDArray[np.bool_]) -> dict[str, Any]:
        mask = np.zeros(self.num_envs, bool)
        mask[ended] = True
        last = self._observations(ended)
        final, tasks = np.full((2, self.num_envs), None, dtype=object)
        tasks[ended] = self._tasks(ended)
        for place, row in enumerate(ended):
            final[row] = {name: values[place] for name, values in last.items()}
        return {
            "final_obs": final, "_final_obs": mask, "is_success": done & mask,
            "_is_success": mask, "task": tasks, "_task": mask,
        }  # fmt: skip


def train_levels(num_envs: int, **options: Any) -> MixedLocalVector:
    """Levels of `shoal/MixedTrainLocal-v0`; options as for `MixedLocalVector`."""
    return MixedLocalVector(num_envs, "train", **options)


def test_levels(num_envs: int, **options: Any) -> MixedLocalVector:
    """Levels of `shoal/MixedTestLocal-v0`; options as for `MixedLocalVector`."""
    return MixedLocalVector(num_envs, "test", **options)
