"""Actions in words, so that a language model can act: BALROG's protocol for BabyAI."""

from __future__ import annotations

import string
from typing import Any, SupportsFloat

import gymnasium
from gymnasium.utils import RecordConstructorArgs

from shoal.errors import UsageError

ACTIONS = ("turn left", "turn right", "go forward", "pick up", "drop", "toggle")
"""What can be said; the place is minigrid's number of the action."""

DEFAULT = "go forward"
"""What is done when something else was said."""

NOTICE = (
    "\n\nYour previous output did not contain a valid action. "
    f"Defaulted to action: {DEFAULT}\n\nObservation:\n"
)
"""What the next text observation begins with then."""


class Said(gymnasium.Space[str]):
    """Any text; samples are the legal actions."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(None, None, seed)

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        """Draws one of `ACTIONS`; masks are not used."""
        return ACTIONS[int(self.np_random.integers(len(ACTIONS)))]

    def contains(self, x: Any) -> bool:
        """Whether it is a text."""
        return isinstance(x, str)

    @property
    def is_np_flattenable(self) -> bool:
        """Never: it is text."""
        return False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Said)

    def __repr__(self) -> str:
        return f"Said({', '.join(ACTIONS)})"


class TextActions(gymnasium.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Takes "turn left", "turn right", "go forward", "pick up", "drop" or "toggle".

    The match is exact. Any other text becomes "go forward"; the next observation, where
    it is a text, then begins with `NOTICE`. `info["action"]` is the action taken,
    `info["failed_candidate"]` what was said instead, if so. (BALROG, Paglieri et al. 2025.)

    Args:
        env: A minigrid env, best with `observation="text"`.

    Raises:
        UsageError: The env's actions are not minigrid's.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        super().__init__(env)
        space, names = env.action_space, getattr(env.unwrapped, "actions", None)
        if not isinstance(space, gymnasium.spaces.Discrete) or not hasattr(names, "toggle"):
            raise UsageError(
                f"{env.spec.id if env.spec else type(env.unwrapped).__name__} takes no words",
                "'turn left', 'pick up' and the others are minigrid's actions",
                "Leave actions='text' out",
            )
        self.action_space = Said()
        if isinstance(env.observation_space, gymnasium.spaces.Text):
            self.observation_space = _with_notice(env.observation_space)

    def step(self, action: str) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Does what is said."""
        done = action if action in ACTIONS else DEFAULT
        observation, *rest, info = self.env.step(ACTIONS.index(done))
        info = {**info, "action": done}
        if done != action:
            info["failed_candidate"] = action
            observation = NOTICE + observation if isinstance(observation, str) else observation
        return observation, *rest, info


def _with_notice(space: gymnasium.spaces.Text) -> gymnasium.spaces.Text:
    letters = string.ascii_letters + string.digits + " \n"
    return gymnasium.spaces.Text(
        space.max_length + len(NOTICE), min_length=space.min_length, charset=letters + ".:"
    )
