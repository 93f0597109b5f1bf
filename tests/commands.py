"""The command line as a person types it."""

from __future__ import annotations

import shlex
import subprocess
import sys
from typing import Any

from typer.testing import CliRunner, Result

from shoal.agents.cli.app import app


def shoal(*words: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Runs a command in a process of its own; `options` are those of `subprocess.run`."""
    command = [sys.executable, "-m", "shoal.agents.cli", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def typed(command: str, *more: str) -> Result:
    """Runs "shoal …" in this process, which saves the seconds of a start."""
    return CliRunner().invoke(app, [*shlex.split(command)[1:], *more])
