"""Numbers as a page says them."""

from __future__ import annotations

import time


def duration(seconds: float | None) -> str:
    """Seconds in the unit that is easiest to read; a dash for none."""
    if seconds is None:
        return "–"
    for least, unit, name in ((90.0, 60.0, "min"), (1.0, 1.0, "s"), (0.001, 0.001, "ms")):
        if seconds >= least:
            return f"{_three(seconds / unit)} {name}"
    return f"{_three(seconds * 1e6)} µs"


def share(part: float | None, digits: int = 0) -> str:
    """A share as per cent; a dash for none."""
    return "–" if part is None else f"{100 * part:.{digits}f} %"


def moment(at: float | None) -> str:
    """Local date and time; a dash for none."""
    return "–" if at is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(at))


def size(count: int) -> str:
    """Bytes in the unit that is easiest to read."""
    for least, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "KB")):
        if count >= least:
            return f"{_three(count / least)} {name}"
    return f"{count} bytes"


def times(ratio: float | None) -> str:
    """How many times; a dash for none."""
    return "–" if ratio is None else f"{ratio:,.0f}×" if ratio >= 10 else f"{ratio:.1f}×"


def _three(number: float) -> str:
    """About three digits."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"
