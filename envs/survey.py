"""What envs there are here: who ships each, how it can be observed, and what is missing."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import gymnasium

from shoal.envs.observations import OBSERVATIONS, observe
from shoal.envs.registry import make, names
from shoal.errors import ShoalError, UsageError


@dataclass(frozen=True, slots=True)
class EnvFacts:
    """One env.

    Attributes:
        id: What `make` takes.
        package: Who ships it: the package that its class, or what makes it, lies in.
        installed: Whether it can be made here.
        observations: Keys of `OBSERVATIONS` that fit it; empty where it can't be made.
        missing: Why it can't be made, and what to type; "" where it can.
    """

    id: str
    package: str
    installed: bool
    observations: tuple[str, ...]
    missing: str


def survey(contains: str = "") -> Iterator[EnvFacts]:
    """Yields all registered envs, sorted by id; each is made once, which takes milliseconds.

    Args:
        contains: Only ids that contain this text, in any case.
    """
    for name in names(contains):
        try:
            with _silent():
                env = make(name)
                fits = tuple(key for key in OBSERVATIONS if _fits(env, key))
                env.close()
        except ShoalError as error:
            yield EnvFacts(name, _package(name), False, (), str(error))
        else:
            yield EnvFacts(name, _package(name), True, fits, "")


def _fits(env: gymnasium.Env[object, object], observation: str) -> bool:
    try:
        observe(env, observation)
    except UsageError:
        return False
    return True


def _package(name: str) -> str:
    entry = gymnasium.registry[name].entry_point
    module = entry if isinstance(entry, str) else getattr(entry, "__module__", "")
    return module.partition(":")[0].partition(".")[0]


@contextmanager
def _silent() -> Iterator[None]:
    """Without gymnasium's remarks that an env has a newer version."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
