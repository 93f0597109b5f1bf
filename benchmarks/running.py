"""What benchmarks that run models share: errors as one line."""

from __future__ import annotations

import sys
from collections.abc import Callable

from shoal.errors import ShoalError


def guarded(main: Callable[[], None]) -> None:
    """Runs a benchmark; what Shoal refuses is said in a line, with exit code 2."""
    try:
        main()
    except ShoalError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from error
