"""Action masks: which actions an env allows now, as sb3-contrib's MaskablePPO asks for them.

Huang and Ontañón 2022, "A Closer Look at Invalid Action Masking in Policy Gradient Algorithms".
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.errors import RunError, ShoalError, UsageError

_METHOD = "action_masks"
NO_MASKS = (
    "this env does not say which actions make sense",
    "a policy that learnt with action masks has to be told, and there is no action_masks() here",
    "Act in an env like the one it was trained in",
)
"""What happened, why, and what to do: where a policy needs masks that are not offered."""

_FIX = "Mend the env's action_masks(): a bool for each action, True for at least one"


def offers_masks(env: Any) -> bool:
    """Whether an env of discrete actions, wrapped or not, has a method `action_masks()`."""
    return hasattr(env.action_space, "n") and callable(_method(env))


def masks_of(env: Any) -> NDArray[np.bool_]:
    """Asks an env that was reset which actions it allows now, bool (actions,).

    Raises:
        UsageError: The env does not say.
        RunError: It raises, or returns something else.
    """
    ask = _method(env)
    if not callable(ask):
        raise UsageError(*NO_MASKS)
    name = env.spec.id if env.spec else type(env.unwrapped).__name__
    try:
        masks = np.asarray(ask(), bool)
    except ShoalError:
        raise
    except Exception as error:  # an env may be a stranger's code
        told = f"{type(error).__name__} ({str(error)[:300]})"
        raise RunError(f"{name} raised {told}", f"in its {_METHOD}()", _FIX) from error
    if masks.shape != (env.action_space.n,) or not masks.any():
        why = f"they are {masks.tolist()} for {env.action_space.n} actions"
        raise RunError(f"{name} returned wrong action masks", why[:300], _FIX)
    return masks


def check_masks(env: Any, seed: int) -> None:
    """Asks an env once, before it is trained in: a worker process could not tell what is wrong.

    Raises:
        RunError: Its masks are none.
    """
    env.reset(seed=seed)
    masks_of(env)


def _method(env: Any) -> Any:
    if not hasattr(env, "get_wrapper_attr"):
        return getattr(env, _METHOD, None)
    try:
        return env.get_wrapper_attr(_METHOD)
    except AttributeError:
        return None
