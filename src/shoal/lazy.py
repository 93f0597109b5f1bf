"""Names that a package shows, and the modules they are imported from on first use."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def exports(package: str, names: Mapping[str, str]) -> Callable[[str], Any]:
    """Returns a module-level `__getattr__` (PEP 562) for a package.

    Args:
        package: The package's `__name__`.
        names: Name -> module that holds it.
    """

    def __getattr__(name: str) -> Any:
        if name in names:
            return getattr(importlib.import_module(names[name]), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return __getattr__
