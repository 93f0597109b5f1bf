"""An agent as a policy: the whole graph chooses the actions in an env that others step."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from shoal.agents.acting.observed import mission_of, rows
from shoal.agents.acting.relay import Relay, Unrecorded
from shoal.agents.graph.progress import LISTENER
from shoal.types import Run, Task

if TYPE_CHECKING:
    from shoal.agents.agent import Agent

NO_MISSION = "play the env until the episode ends"
"""The task where an env names no mission."""


def as_policy(
    agent: Agent, env_id: str, *, text: str = "", seed: int = 0,
    options: Mapping[str, Any] | None = None,
) -> AgentPolicy:  # fmt: skip
    """Makes a policy of an agent: `predict` runs its whole graph, one run an episode.

    Works where a stable-baselines3 model does: in `evaluate_policy`, with envs of
    `gymnasium.vector` and with a `VecEnv`. Make the env with its native observations; for
    stable-baselines3's vector envs, and `AsyncVectorEnv`'s shared memory, wrap one with a
    mission in `MissionBytes`. Pass `episode_start` with an episode's first observation: by
    gymnasium's default (`AutoresetMode.NEXT_STEP`) that is the one after the step that ended
    the last. Another mission begins a new episode in any case.

    Args:
        agent: Its models load on first use; it has to stay open.
        env_id: The env that it will act in.
        text: The task; by default the mission in the observation. May name "{mission}"
            and "{env}".
        seed: Of the first episode; the next ones follow one by one.
        options: Arguments of the env itself.

    Raises:
        UnknownNameError: No such env.
        UsageError: The options don't fit it.
    """
    return AgentPolicy(agent, env_id, text=text, seed=seed, options=options)


class AgentPolicy:
    """An agent that predicts; see `as_policy`.

    What the runs did is not remembered: how an episode ended is known to the caller alone.
    Where the graph ends before the episode (it abstains, an expert fails), `idle` is
    played until the next one, and `gave_up` counts the reasons.

    Attributes:
        observation: The observation wrapper that its env needs.
        options: Arguments of the env itself, with which `play_episodes` makes it.
        gave_up: Reason -> in how many episodes.
        takes_masks: `predict` can be told which actions make sense.
    """

    observation = "native"
    takes_masks = True

    def __init__(
        self, agent: Agent, env_id: str, *, text: str = "", seed: int = 0,
        options: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        from shoal.envs import make

        self.agent, self.env_id, self.options = agent, env_id, dict(options or {})
        self.gave_up: Counter[str] = Counter()
        self._text, self._seed, self._episodes = text, seed, 0
        self._like = make(env_id, **self.options)
        self._seats: list[_Seat] = []

    def __enter__(self) -> AgentPolicy:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the episodes that still run."""
        for seat in self._seats:
            seat.leave()
        self._like.close()

    @cached_property
    def idle(self) -> NDArray[Any]:
        """What is played where the agent has given up: the space's first action."""
        space = self._like.action_space
        if isinstance(space, gymnasium.spaces.Box):
            return np.clip(np.zeros(space.shape, space.dtype), space.low, space.high)
        first = np.zeros(space.shape or (), np.int64)
        return first + getattr(space, "start", 0)

    def predict(
        self,
        observation: Any,
        state: tuple[NDArray[Any], ...] | None = None,
        episode_start: NDArray[Any] | Sequence[bool] | None = None,
        deterministic: bool = True,
        action_masks: NDArray[np.bool_] | None = None,
    ) -> tuple[NDArray[Any], tuple[NDArray[Any], ...] | None]:
        """Chooses an action for one observation, or for each of a batch.

        Args:
            observation: Of the env; a batch has one axis more, its missions are a sequence.
            state: Passed through; each place in the batch has its own running graph.
            episode_start: Where a new episode begins; without it, only the first call does.
            deterministic: Unused: the experts choose in their own ways.
            action_masks: Bool (actions,) or (batch, actions): what makes sense now, for
                experts that have to be told.

        Raises:
            UsageError: The observation is not of this env; a model is missing.
        """
        seen, single = rows(observation, self._like.observation_space)
        starts = np.broadcast_to(False if episode_start is None else episode_start, len(seen))
        while len(self._seats) < len(seen):
            self._seats.append(_Seat(self))
        masks = [None] * len(seen) if action_masks is None else np.atleast_2d(action_masks)
        actions = [
            seat.act(row, mask, start=bool(start))
            for seat, row, mask, start in zip(self._seats, seen, masks, starts, strict=False)
        ]
        return (np.asarray(actions[0]) if single else np.stack(actions)), state

    def task(self, observation: Any) -> Task:
        """Returns the next episode's task: the mission that its first observation names."""
        mission = mission_of(observation)
        form = self._text or ("{mission}" if mission else NO_MISSION)
        text = form.replace("{mission}", mission).replace("{env}", self.env_id)
        self._episodes += 1
        return Task(text, env=self.env_id, seed=(self._seed + self._episodes - 1) % 2**32)


@dataclass
class _Seat:
    """One place in the batch: an episode, its relay and the graph that plays it."""

    policy: AgentPolicy
    relay: Relay = field(init=False)
    thread: threading.Thread | None = None
    waits: bool = False
    mission: str = ""

    def __post_init__(self) -> None:
        self.relay = Relay(self.policy._like)

    def act(
        self, observation: Any, masks: NDArray[np.bool_] | None, *, start: bool
    ) -> NDArray[Any]:
        self.relay.masks = masks
        if start or self.thread is None or mission_of(observation) != self.mission:
            self._begin(observation)
        elif self.waits:
            self.relay.show(observation)
        else:
            return self.policy.idle
        turn = self.relay.turn()
        self.waits = turn.action is not None
        if turn.error is not None:
            self.thread = None
            raise turn.error
        if turn.run is not None:
            self.policy.gave_up[f"{turn.run.expert}: {turn.run.reason}"] += 1
            return self.policy.idle
        return np.asarray(turn.action)

    def leave(self) -> None:
        """Ends the episode that runs here, if one does."""
        if self.waits:
            self.relay.end()
            self.waits = False
        if self.thread is not None:
            self.thread.join()
            self.thread = None

    def _begin(self, observation: Any) -> None:
        self.leave()
        task = self.policy.task(observation)
        self.mission = mission_of(observation)
        self.thread = self.relay.begin(observation, self.mission, lambda: self._run(task))

    def _run(self, task: Task) -> Run:
        from langsmith import tracing_context

        LISTENER.set(lambda line: None)  # of this thread alone
        with tracing_context(enabled=False):
            ended = self._graph.invoke({"task": task, "approved": [], "interactive": False})
        run: Run = ended["run"]
        return run

    @cached_property
    def _graph(self) -> Any:
        from shoal.agents.graph.build import build

        return build(replace(self.policy.agent.house, make_env=self._make, remembers=False))

    def _make(
        self, env_id: str, *, observation: str = "native", goal: str | None = None,
        record: bool = False, **options: Any,
    ) -> gymnasium.Env[Any, Any]:  # fmt: skip
        """As `shoal.envs.make`; the episode's own env is the caller's, its mission included."""
        from shoal.envs import make, parse
        from shoal.envs.observations import observe

        if env_id != self.policy.env_id:
            return make(env_id, observation=observation, goal=goal, record=record, **options)
        if goal is not None:
            parse(goal)
        env = observe(self.relay, observation)
        return Unrecorded(env) if record else env
