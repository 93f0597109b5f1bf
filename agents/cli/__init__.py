"""The `shoal` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command line; exit 0 solved, 1 failed or unsure, 2 wrong use."""
    from shoal.agents.cli.app import app
    from shoal.agents.cli.show import fail
    from shoal.errors import ShoalError

    try:
        app()
    except ShoalError as error:
        sys.exit(fail(error))
