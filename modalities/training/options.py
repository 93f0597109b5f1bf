"""What the settings of all trainings share: checks, and what to type again."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from shoal.errors import UsageError, unknown

REPEATED = ("epochs", "batch", "learning_rate", "held_out", "patience")
"""Options of every training of a classifier that shape what comes of it."""

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


def check_classifier(settings: Any, methods: Collection[str]) -> None:
    """Checks the settings by which a classifier is trained.

    Raises:
        UnknownNameError: The method is none of `methods`.
        UsageError: Another one does not fit.
    """
    if settings.method not in methods:
        unknown("method", settings.method, methods)
    check_training(settings, "epochs", "batch", "patience", "checkpoint_every")
    if not 0 <= settings.in_scope_loss < 1:
        raise UsageError("in_scope_loss must be 0 or more, and below 1")


def check_student(settings: Any, sizes: Collection[str]) -> None:
    """Checks what only a distillation is told.

    Raises:
        UnknownNameError: The size is none of `sizes`.
        UsageError: There are fewer than no copies.
    """
    if settings.size not in sizes:
        unknown("size", settings.size, sizes, f"Choose one: --size {' | '.join(sizes)}")
    if settings.copies is not None and settings.copies < 0:
        raise UsageError("copies must be 0 or more")


def command_of(start: str, settings: Any, names: Sequence[str], more: str, *flags: str) -> str:
    """Returns the shell command that repeats a training.

    Args:
        start: What is always typed, but for the seed.
        settings: A dataclass.
        names: Names of the settings to type where they are not the default.
        more: Options that are no part of the settings; may be empty.
        flags: Options without a value; empty ones are left out.
    """
    words = [start, *_typed(settings, names), more, *flags, f"--seed {settings.seed}"]
    return " ".join(filter(None, words))


def _typed(settings: Any, names: Sequence[str]) -> list[str]:
    default = {field.name: field.default for field in fields(settings)}
    values = {name: getattr(settings, name) for name in names}
    return [
        f"--{name.replace('_', '-')} {shlex.quote(str(value))}"
        for name, value in values.items()
        if value != default[name]
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
