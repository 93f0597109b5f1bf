"""Schemas of tools that a correction names, where no agent is at hand: as in `shoal feedback`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, NoReturn

from shoal.agents.records.keeping import functions_of
from shoal.agents.records.reading import everything
from shoal.errors import UsageError

if TYPE_CHECKING:
    from shoal.agents.memory import MemoryStore

Schema = Mapping[str, Any]

LOOKED_AT = 5_000
"""Records that are looked through for a call of the tool, the latest ones."""


def known_functions(memory: MemoryStore, name: str) -> list[Schema]:
    """Returns the schema of a tool, as the last run that called it had it, or a built-in one's.

    Args:
        memory: Whose records; those that may not be learnt from tell nothing.
        name: The tool's.

    Returns:
        One schema, as a record holds it; none if nobody here knows the tool.
    """
    from shoal.agents.tools.builtin import builtin_tools

    called = next(_called(memory, name), None)
    return [called] if called else list(functions_of(builtin_tools(_nowhere, memory), [name]))


def _called(memory: MemoryStore, name: str) -> Iterator[Schema]:
    for record in islice(everything(memory, newest_first=True), LOOKED_AT):
        if record is not None and record.usable("decision"):
            yield from (each for each in record.functions if each.get("name") == name)


def _nowhere() -> NoReturn:
    raise UsageError("these tools are only described here", "there is no agent to call them")
