"""The families in `shoal models`: published architecture, counted and published size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shoal.agents.cli.show import console, plain, print_table
from shoal.modalities.text.families import TOLERANCE, Family, families

_COLUMNS = ("name", "family", "licence", "counted", "published", "differs", "here")


def family_facts(name: str) -> dict[str, Any]:
    """Returns what is known of a model's family, for JSON; nothing where it has none."""
    known = families().get(name)
    if known is None:
        return {}
    return {
        "family": known.family,
        "class": known.model,
        "architecture": dict(known.config),
        "counted": known.parameters(),
        "published": known.published,
        "difference": round(known.difference(), 4),
        "note": known.note,
    }


def print_families(paths: Mapping[str, str | None]) -> None:
    """Prints the table of families, then their hub ids, commits and what was counted.

    Args:
        paths: Name -> where the weights lie, or None.
    """
    listed = families().values()
    with console.status("counting parameters"):
        rows = [_cells(known, paths.get(known.name)) for known in listed]
    console.print()
    print_table("Families, at their published architecture", _COLUMNS, rows)
    console.print()
    for known in listed:
        console.print(f"[dim]{plain(_line(known))}[/dim]", highlight=False, soft_wrap=True)
    console.print("[dim]Fetch one: shoal models pull NAME[/dim]", highlight=False)


def _cells(known: Family, path: str | None) -> tuple[str, ...]:
    counted, published = size(known.parameters()), size(known.published)
    differs, here = f"{known.difference():+.1%}", "yes" if path else "no"
    return (known.name, known.family, known.source.licence, counted, published, differs, here)


def _line(known: Family) -> str:
    source = known.source
    why = "differs: " if abs(known.difference()) > TOLERANCE else ""
    return f"{known.name}: hf:{source.repo}@{source.revision}; {why}{known.note}"


def size(count: int) -> str:
    """Returns a number of parameters as people write it: "3.82B", "124M", "14.4M"."""
    if count >= 10**9:
        return f"{count / 1e9:.3g}B"
    return f"{count / 1e6:.3g}M"
