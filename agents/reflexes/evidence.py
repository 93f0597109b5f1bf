"""Which runs a version was learnt from, and its end once one of them is forgotten.

What is fitted on a request keeps something of it: a label, a word's weight, a schema. So a version
goes with the first of its runs that is forgotten, file by file, whether it serves or only waits
for an undo. The slow path answers until the next `shoal learn`, which reads what is left.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from shoal.agents.reflexes.drift import Drift
from shoal.agents.reflexes.shelf import Current, Shelf
from shoal.errors import RunError, StorageError

if TYPE_CHECKING:
    from shoal.agents.memory import MemoryStore

FILE = "evidence.json"

Evidence = Mapping[str, Sequence[str]]
"""Ids of runs: "own" of its kind of work, "others" that it was told apart from."""

_REASON = "what it was learnt from was forgotten; shoal learn starts anew from what is left"

_ABSENT = """
SELECT run.value FROM json_each(?) AS run WHERE NOT EXISTS (
    SELECT 1 FROM store WHERE store.prefix = ? AND store.key = 'run-' || run.value)
"""


def write(folder: Path, evidence: Evidence) -> None:
    """Writes a version's runs beside it.

    Raises:
        OSError: It can't be written.
    """
    told = {name: list(ids) for name, ids in evidence.items()}
    (folder / FILE).write_text(json.dumps(told), encoding="utf-8")


def absent(memory: MemoryStore, runs: Sequence[str]) -> set[str]:
    """Which of these runs the user's memory does not hold."""
    prefix = f"shoal.{memory.user}.run"
    return {row[0] for row in memory.query(_ABSENT, list(runs), prefix)}


def unlearn(memory: MemoryStore, runs: Collection[str]) -> tuple[str, ...]:
    """Takes away every version that was learnt from one of these runs; safe to do again.

    Args:
        memory: The reflexes' beside it; it holds the runs no more.
        runs: Ids.

    Returns:
        What is gone, each "NAME version N".
    """
    from shoal.agents.reflexes.learning import shelf_of

    shelf, gone = shelf_of(memory), list[str]()
    with suppress(RunError), shelf.learning():
        pass  # half a version that a killed learner left goes, too
    for name, held in holding(shelf, runs).items():
        everything = set(held) == set(shelf.versions(name))
        _take_away(shelf, name, held)
        own = {run for found in held.values() for run in (found or {}).get("own", ())}
        if everything and absent(memory, sorted(own)) == own != set():
            _delete(shelf.root / name)  # it may tell what the conversation was called
        gone += [f"{name} version {each}" for each in held]
    return tuple(gone)


def holding(shelf: Shelf, runs: Collection[str]) -> dict[str, dict[int, Evidence | None]]:
    """Returns the versions that were learnt from one of these runs: name -> version -> its runs.

    A version that can't tell its runs (None) counts as if it held them.
    """
    names = sorted(path.name for path in shelf.root.glob("[!.]*") if path.is_dir())
    found = {
        name: {each: _evidence(shelf.folder(name, each)) for each in shelf.versions(name)}
        for name in names
    }
    held = {
        name: {each: told for each, told in its.items() if _holds(told, runs)}
        for name, its in found.items()
    }
    return {name: its for name, its in held.items() if its}


def _holds(found: Evidence | None, runs: Collection[str]) -> bool:
    """Whether one of these runs is among its own."""
    return found is None or any(not set(runs).isdisjoint(ids) for ids in found.values())


def _evidence(folder: Path) -> Evidence | None:
    try:
        told = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return {str(name): [str(run) for run in ids] for name, ids in told.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def _take_away(shelf: Shelf, name: str, doomed: Collection[int]) -> None:
    """First nobody is told to serve them, then their files go."""

    def without(current: Current) -> Current:
        left = tuple(each for each in current.earlier if each not in doomed)
        if current.version not in doomed:
            return replace(current, earlier=left)
        if current.status == "demoted":  # what was right before then may still be wrong
            return replace(current, version=0, reason=_REASON, earlier=left)
        tests = (Drift(0.01), Drift(0.01))
        return Current(0, "off", _REASON, time.time(), left, *tests)

    if name in shelf.names():
        shelf.change(name, without)
    for version in doomed:
        _delete(shelf.folder(name, version))


def _delete(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except OSError as error:
        fix = "Delete it, or open the memory again (shoal memory stats): that goes on with it"
        raise StorageError(f"could not delete {folder}", str(error), fix) from error
