"""What the settings of all trainings of text share: checks, and what to type again."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from shoal.errors import UsageError

_ASIDE = ("out", "resume", "quiet", "checkpoint_every", "name")
"""Settings that do not shape the weights."""


def check_training(settings: Any, *counts: str) -> None:
    """Checks the name, the seed, the part held out, the learning rate, and some counts.

    Args:
        settings: A dataclass with these attributes.
        counts: Names of the attributes that must be 1 or more where they are not None.

    Raises:
        UsageError: One does not fit.
    """
    if not re.fullmatch(r"\w[\w.-]{0,63}", settings.name):
        raise UsageError(f"{settings.name!r} can't be a name", "use letters, digits, - _ and .")
    given = {name: getattr(settings, name) for name in counts}
    low = [name for name, count in given.items() if count is not None and count < 1]
    if low:
        raise UsageError(f"{' and '.join(low)} must be 1 or more")
    if settings.held_out is not None and not 0 < settings.held_out < 0.9:
        raise UsageError("held_out must lie between 0 and 0.9")
    if settings.learning_rate is not None and not settings.learning_rate > 0:
        raise UsageError("learning_rate must be above 0")
    if settings.seed < 0:
        raise UsageError("seed must be 0 or more")


def typed(settings: Any, default: Any, names: Sequence[str]) -> list[str]:
    """Returns the options to type for those of these settings that are not the default."""
    values = {name: getattr(settings, name) for name in names}
    return [
        f"--{name.replace('_', '-')} {shlex.quote(str(value))}"
        for name, value in values.items()
        if value != getattr(default, name)
    ]


def again(command: str, out: Path | None) -> str:
    """Returns the command that goes on with what `command` began.

    Args:
        command: What makes the model; where it is saved makes no difference to that.
        out: The folder to save to that was asked for, by whose name checkpoints are found.
    """
    return f"{anew(command, out)} --resume"


def anew(command: str, out: Path | None) -> str:
    """Returns the command that starts again what `command` began; see `again`."""
    return f"{command} --out {shlex.quote(str(out))}" if out else command


def slower(rate: float, usual: float) -> float:
    """The learning rate to advise where `rate` diverged: a tenth, at most the usual one."""
    return min(rate / 10, usual)


def shaping(settings: Any, *aside: str) -> dict[str, object]:
    """The settings that shape the weights: a resumed training must have the same.

    Args:
        settings: A dataclass.
        aside: Names of settings that do not, beside those that never do.
    """
    return {k: v for k, v in asdict(settings).items() if k not in (*_ASIDE, *aside)}
