"""Observation and actions in words, for envs that can say what they show and what can be done."""

from __future__ import annotations

import string
from typing import Any, SupportsFloat

import gymnasium
from gymnasium.utils import RecordConstructorArgs

from shoal.envs.text_actions import TextActions
from shoal.errors import UsageError

_LONGEST = 4096
_CHARSET = string.ascii_letters + string.digits + " \n:,_."


def text(env: gymnasium.Env[Any, Any]) -> gymnasium.Env[Any, Any]:
    """Observes an env in words: its own `in_words()`, else minigrid's view.

    Raises:
        UsageError: It has neither.
    """
    from shoal.envs.text_view import TextView

    return Worded(env) if hasattr(env.unwrapped, "in_words") else TextView(env)


def text_actions(env: gymnasium.Env[Any, Any]) -> gymnasium.Env[Any, Any]:
    """Takes an env's actions in words: its own `action_names`, else minigrid's.

    Raises:
        UsageError: It has neither.
    """
    return SaidActions(env) if hasattr(env.unwrapped, "action_names") else TextActions(env)


class Worded(gymnasium.ObservationWrapper[Any, Any, Any], RecordConstructorArgs):
    """Shows an env by its `in_words()`."""

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        super().__init__(env)
        self.observation_space = gymnasium.spaces.Text(_LONGEST, min_length=0, charset=_CHARSET)

    def observation(self, observation: Any) -> str:
        """Asks the env for its words."""
        unwrapped: Any = self.env.unwrapped
        return str(unwrapped.in_words())


class SaidActions(gymnasium.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Takes one of the env's `action_names`, exactly; any other text means its last, "ask".

    `info["action"]` is the action taken, `info["failed_candidate"]` what was said instead, if
    so; `info["legal"]` after a reset or step names the actions that make sense now.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        super().__init__(env)
        unwrapped: Any = env.unwrapped
        self.names: tuple[str, ...] = tuple(unwrapped.action_names)
        if self.names[-1] != "ask":
            raise UsageError("this env takes no words", "its last action is not 'ask'")
        longest = max(map(len, self.names))
        self.action_space = gymnasium.spaces.Text(longest, min_length=0, charset=_CHARSET)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Resets the env."""
        observation, info = self.env.reset(seed=seed, options=options)
        return observation, {**info, "legal": self._legal(info)}

    def step(self, action: str) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Does what is said."""
        done = action if action in self.names else self.names[-1]
        observation, *rest, info = self.env.step(self.names.index(done))
        info = {**info, "action": done, "legal": self._legal(info)}
        if done != action:
            info["failed_candidate"] = action
        return observation, *rest, info

    def _legal(self, info: dict[str, Any]) -> list[str]:
        return [name for name, may in zip(self.names, info["action_mask"], strict=True) if may]
