"""The `shoal` command."""

from __future__ import annotations

import sys

STOPPED = 130
"""Exit code after Ctrl-C."""


def main() -> None:
    """Runs the command line; exit 0 solved, 1 failed or unsure, 2 wrong use, 130 stopped."""
    from shoal.agents.cli.app import app
    from shoal.agents.cli.show import errors, fail
    from shoal.errors import ShoalError

    try:
        app()
    except ShoalError as error:
        sys.exit(fail(error))
    except SystemExit as ended:
        if ended.code == STOPPED:
            errors.print("Stopped. What was saved before is as it was.")
        raise
