"""What every benchmark prints beside its figures: machine, versions, confidence interval."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

_PACKAGES = ("shoal", "torch", "transformers", "openvino", "xllamacpp")


def machine() -> str:
    """Kind of processor and number of cores."""
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def versions() -> dict[str, str]:
    """Versions of the packages that decide about the figures."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return {"python": platform.python_version(), **found}


def wilson(right: int, n: int) -> tuple[float, float]:
    """95 % confidence interval of a share (Wilson, 1927)."""
    if n == 0:
        return 0.0, 1.0
    z, share = 1.96, right / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * ((share * (1 - share) + z * z / (4 * n)) / n) ** 0.5 / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)
