"""Writes an export: streamed, written aside, fsynced, renamed, with a manifest beside it."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal.agents.records.export.kinds import KINDS, Kind, field_values
from shoal.agents.records.export.rows import LeftOut, Row
from shoal.agents.records.export.spool import Spool
from shoal.agents.records.reading import everything
from shoal.agents.records.record import Record
from shoal.errors import UsageError, unknown
from shoal.files import sha256_file, write_atomic
from shoal.version import __version__

if TYPE_CHECKING:
    from shoal.agents.memory import MemoryStore

EPISODES = "minari"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which records are looked at: all since a time (seconds of the epoch), of these experts."""

    since: float | None = None
    experts: tuple[str, ...] = ()


@dataclass(slots=True)
class Manifest:
    """What an export holds and what it leaves out.

    Attributes:
        kind: What was exported.
        records: How many records were looked at.
        written: How many of them gave something.
        left_out: Reason -> how many for that reason.
        origins: Untrusted origin -> how many records were left out because of it.
        sha256: Of the file.
        notes: Sentences on what to know before use.
        format: How the data is laid out.
    """

    kind: str
    records: int = 0
    written: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    origins: Counter[str] = field(default_factory=Counter)
    sha256: str = ""
    notes: list[str] = field(default_factory=list)
    format: str = ""

    def facts(self) -> dict[str, Any]:
        """As JSON."""
        counted = {"left_out": dict(self.left_out), "origins": dict(self.origins)}
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        return {**plain, **counted, "made_by": f"shoal {__version__}", "at": time.time()}

    def leave_out(self, record: Record | None, reason: str) -> None:
        """Counts a record that gives nothing."""
        self.left_out[reason] += 1
        if record is not None and reason.startswith("untrusted"):
            self.origins.update(record.origins())


def export(
    memory: MemoryStore,
    kind: str,
    to: Path,
    wanted: Filter | None = None,
    report: Callable[[int], None] = lambda seen: None,
) -> Manifest:
    """Exports records as training data.

    What a stranger had a hand in is left out until a person approves it, as is what people
    disagree about.

    Args:
        memory: Whose records.
        kind: One of `KINDS`, or "minari".
        to: The file, for "minari" the folder; the manifest goes to `TO.manifest.json`.
        wanted: Which records; by default all.
        report: Told how many records were looked at.

    Returns:
        The manifest.

    Raises:
        UnknownNameError: No such kind.
        UsageError: The place holds something else, or no record is of an expert that is wanted.
        StorageError: It can't be written; what was there before is intact.
    """
    if kind not in KINDS and kind != EPISODES:
        unknown("kind of export", kind, (*KINDS, EPISODES))
    _check_place(to, folder=kind == EPISODES)
    told = Manifest(kind)
    seen = _looked_at(memory, wanted or Filter(), told, report)
    if kind == EPISODES:
        from shoal.agents.records.export.minari import write_episodes

        write_episodes(to, seen, told)
    else:
        with Spool() as spool:
            made = _rows(KINDS[kind], seen, spool, told)
            write_atomic(to, lambda path: KINDS[kind].write(path, made))
        told.sha256, told.format = sha256_file(to), f"read by {KINDS[kind].reads}"
    write_atomic(manifest_path(to), json.dumps(told.facts(), indent=2, ensure_ascii=False) + "\n")
    return told


def manifest_path(to: Path) -> Path:
    """Where the manifest of an export lies."""
    return to.with_name(f"{to.name}.manifest.json")


def _looked_at(
    memory: MemoryStore, wanted: Filter, told: Manifest, report: Callable[[int], None]
) -> Iterator[Record]:
    names = set[str]()
    for place, record in enumerate(everything(memory, since=wanted.since), 1):
        report(place)
        names |= {record.run.expert} if record else set()
        if record is None:
            told.records += 1
            told.leave_out(None, "the record is damaged")
        elif not wanted.experts or record.run.expert in wanted.experts:
            told.records += 1
            yield record
    if nobody := set(wanted.experts) - names:
        raise UsageError(
            f"no record is of the expert {' or '.join(sorted(nobody))}, so nothing was written",
            f"those here are of {', '.join(sorted(names)) or 'nobody'}",
            "Leave out --expert, or name one of these",
        )


def _rows(kind: Kind, seen: Iterator[Record], spool: Spool, told: Manifest) -> Iterator[Row]:
    for record in seen:
        try:
            row = kind.row(record)
        except LeftOut as why:
            told.leave_out(record, str(why))
            continue
        if kind.same and not spool.is_new(field_values(row, kind.same)):
            told.leave_out(record, "duplicate")
            continue
        told.written += 1
        yield row


def _check_place(to: Path, *, folder: bool) -> None:
    if to.exists() and to.is_dir() != folder:
        what = "a folder" if to.is_dir() else "a file"
        raise UsageError(f"cannot export to {to}", f"it is {what}", "Choose another --to")
