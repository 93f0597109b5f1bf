"""The words of `words.toml`."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any


@cache
def vocabulary(name: str) -> frozenset[str]:
    """One list of words by its name in the file."""
    return frozenset(str(_file()[name]).split())


@cache
def groups() -> tuple[frozenset[str], ...]:
    """Groups of words that stand for one another."""
    return tuple(frozenset(line.split()) for line in _file()["groups"])


@cache
def phrases() -> tuple[tuple[str, str], ...]:
    """Patterns of phrases, and the word each stands for."""
    return tuple(_file()["phrases"].items())


@cache
def _file() -> dict[str, Any]:
    with (Path(__file__).parent / "words.toml").open("rb") as stream:
        return tomllib.load(stream)
