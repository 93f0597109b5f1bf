"""The env that an agent sees while somebody else steps it: actions out, observations in.

The agent's graph wants to act from the first step to the last; a policy is asked for one
action at a time. So the graph runs in a thread of its own, and the two take turns.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from shoal.errors import StorageError, UsageError
from shoal.types import Run


class EpisodeOver(BaseException):
    """Unwinds the graph when the caller's episode has ended; no expert may swallow it."""


_OVER = object()


@dataclass(frozen=True, slots=True)
class Turn:
    """What the graph's thread answers: an action, or how the run ended.

    Attributes:
        action: The chosen action; None where the graph has ended.
        run: The run that ended before the episode did.
        error: What the graph raised.
    """

    action: Any = None
    run: Run | None = None
    error: BaseException | None = None


class Relay(gymnasium.Env[Any, Any]):
    """An env without a world: it shows what it is handed, and hands on the actions.

    `reset` never rewinds: it returns the present observation, so that a second expert goes
    on from where the first one left. Rewards and success stay with the caller.

    Args:
        like: An env of the same id, for its spaces and spec.

    Attributes:
        masks: Which actions make sense now, bool (actions,), as the caller said; or None.
    """

    def __init__(self, like: gymnasium.Env[Any, Any]) -> None:
        self.observation_space, self.action_space = like.observation_space, like.action_space
        self.spec = like.spec
        self.mission = ""
        self.masks: NDArray[np.bool_] | None = None
        self._seen: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._turns: queue.SimpleQueue[Turn] = queue.SimpleQueue()
        self._now: Any = None  # set by `begin`, before anybody looks

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Returns the present observation."""
        return self._now, {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Hands the action to the caller and waits for what came of it.

        Raises:
            EpisodeOver: The caller's episode has ended.
        """
        self._turns.put(Turn(action))
        seen = self._seen.get()
        if seen is _OVER:
            raise EpisodeOver
        self._now = seen
        return seen, 0.0, False, False, {}

    def action_masks(self) -> NDArray[np.bool_]:
        """Which actions make sense now.

        Raises:
            UsageError: The caller did not say.
        """
        if self.masks is None:
            raise UsageError(
                "nobody said which actions make sense",
                "the policy that acts here learnt with action masks",
                "Call predict(observation, action_masks=env.action_masks())",
            )
        return self.masks

    @property
    def agent_view_size(self) -> int:
        """Cells of a minigrid view's side."""
        return len(self._now["image"])

    def get_frame(self, *, tile_size: int, agent_pov: bool = True) -> NDArray[np.uint8]:
        """Draws the view of a minigrid env, which is all that is known here.

        Args:
            tile_size: Pixels per cell.
            agent_pov: Has to be True.

        Raises:
            UsageError: All of the level is asked for.
        """
        from shoal.envs.pixels import draw_view

        if not agent_pov:
            raise UsageError("the level can't be drawn", "its env belongs to the caller")
        return draw_view(np.asarray(self._now["image"]), tile_size)

    def begin(self, observation: Any, mission: str, run: Callable[[], Run]) -> threading.Thread:
        """Starts a run on the first observation, in a thread of its own."""
        self._now, self.mission = observation, mission

        def work() -> None:
            try:
                self._turns.put(Turn(run=run()))
            except EpisodeOver:
                pass
            except BaseException as error:  # raised again in the caller's thread
                self._turns.put(Turn(error=error))

        thread = threading.Thread(target=work, daemon=True, name="shoal-episode")
        thread.start()
        return thread

    def show(self, observation: Any) -> None:
        """Hands in what came of the last action."""
        self._seen.put(observation)

    def end(self) -> None:
        """Tells the graph, which waits for an observation, that there is none."""
        self._seen.put(_OVER)

    def turn(self) -> Turn:
        """Waits for the graph's answer."""
        return self._turns.get()


class Unrecorded(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Stands where a recorder would: somebody else's env can't be filmed from here."""

    def save_gif(self, path: object, **options: Any) -> Any:
        """Says that there is no film.

        Raises:
            StorageError: Always.
        """
        raise StorageError("there is no recording", "the env belongs to the caller")
