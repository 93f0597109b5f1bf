"""Taking in what `export_to` wrote: looked through first, then written some hundred at a time."""

from __future__ import annotations

import json
import re
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, get_args

from langgraph.store.base import PutOp

from shoal.agents.memory.blobs import stands_for
from shoal.agents.memory.expiry import minutes_left
from shoal.agents.memory.exporting import ITEMS, checksum
from shoal.agents.memory.forgetting import FILES
from shoal.agents.memory.names import ASIDE, KINDS, UNSEARCHED, namespace_of
from shoal.agents.memory.strangers import TEACHES, as_strangers
from shoal.errors import UsageError
from shoal.types import Provenance

if TYPE_CHECKING:
    from shoal.agents.memory.store import MemoryStore

_LOT = 256
_LONGEST = 16 << 20  # bytes of a line; a longer one is damaged, or meant to fill the memory
_LARGEST = 1 << 30  # bytes of a blob
_NAMED = 20  # damaged lines that are told
_AHEAD = 366 * 86_400  # seconds that another machine's clock may be ahead
_SHA256 = re.compile(r"[0-9a-f]{64}")

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of it.

    Attributes:
        added: New items.
        replaced: Items that were here and older.
        kept: Items that were here as new or newer, and stay.
        refused: Names for pictures, which nobody here vouches for (not with `trust`).
        expired: Items whose time was over.
        damaged: How many lines were refused.
        named: The first of them, each "line 3: why".
        blobs: Files that came along.
    """

    added: int
    replaced: int
    kept: int
    expired: int
    damaged: int
    named: tuple[str, ...]
    blobs: int
    refused: int = 0


def import_from(
    memory: MemoryStore,
    source: Path,
    *,
    skip_damaged: bool = False,
    trust: bool = False,
    progress: Progress = lambda done: None,
) -> Imported:
    """Adds an export to a user's memory.

    All lines are looked at before the first is written: one damaged line, and nothing is taken,
    unless `skip_damaged` says to keep the rest. A call that is killed can be made again: what
    is here already stays as it is.

    Args:
        memory: The user's.
        source: A folder, .zip or .jsonl.
        skip_damaged: Leave out damaged lines instead of refusing all.
        trust: Believe the file's word on who said what, and on what was approved: for an export
            of one's own. Otherwise what it says the user or the program said counts as "memory",
            which instructs nobody and teaches nothing; runs' records wait for approval here, names
            taught for pictures are left out, and what is here stays, whatever date the file gives
            its own. What was taken so and left as it was is believed once it comes with trust.
        progress: Is told how many lines are done.

    Raises:
        UsageError: It is no export, or lines are damaged; the first are named.
        StorageError: The disk is full; what was written before that is whole.
    """
    with _opened(source.expanduser()) as parts:
        problems = _Problems()
        for _ in _checked(parts, problems):
            pass
        if problems.count and not skip_damaged:
            raise UsageError(
                f"{problems.count} lines of {source} are damaged, so nothing was imported",
                "; ".join(problems.named[:3]),
                "Export anew, or pass --skip-damaged to leave them out",
            )
        taken = _Taker(memory, trust)
        blobs = parts.blobs(memory)
        for number, row in _checked(parts, _Problems()):
            taken.take(row)
            progress(number)
        taken.write()
    return Imported(
        taken.added, taken.replaced, taken.kept, taken.expired, problems.count,
        tuple(problems.named), blobs, taken.refused,
    )  # fmt: skip


class _Problems:
    def __init__(self) -> None:
        self.count, self.named = 0, list[str]()

    def add(self, number: int, why: str) -> None:
        self.count += 1
        if len(self.named) < _NAMED:
            self.named.append(f"line {number}: {why}")


@dataclass(frozen=True, slots=True)
class _Parts:
    """An export that is open."""

    lines: Callable[[], IO[bytes]]
    names: Sequence[str]
    blob: Callable[[str], IO[bytes]]

    def blobs(self, memory: MemoryStore) -> int:
        count = 0
        for name in self.names:
            if not _SHA256.fullmatch(name):
                continue
            with self.blob(name) as stream:
                content = stream.read(_LARGEST)
            if stands_for(content, name):  # else damaged: as if it were missing
                memory.blobs.put(content, name)
                count += 1
        return count


class _Taker:
    """Writes rows in lots; each lot is wholly there or not at all."""

    def __init__(self, memory: MemoryStore, trust: bool) -> None:
        self._memory, self._trust = memory, trust
        self._lot: dict[tuple[tuple[str, ...], str], PutOp] = {}
        self.added = self.replaced = self.kept = self.expired = self.refused = 0

    def take(self, row: Mapping[str, Any]) -> None:
        """Adds one row to the lot."""
        namespace = namespace_of(
            self._memory.user, str(row["kind"]), str(row.get("in_thread") or "")
        )
        value = {name: row[name] for name in ("at", "text", "data", "provenance") if name in row}
        value["data"] = {
            name: each
            for name, each in row["data"].items()
            if name not in FILES or self._is_ours(each)
        }
        if not self._trust:
            if row["kind"] in TEACHES:
                self.refused += 1
                return
            value = as_strangers(row["kind"], value)
        minutes = minutes_left(row.get("expires_at"))
        if minutes is not None and minutes <= 0:
            self.expired += 1
            return
        index: Literal[False] | None = False if row["kind"] in UNSEARCHED else None
        op = PutOp(namespace, str(row["key"]), value, index, minutes)
        self._lot[namespace, op.key] = op
        if len(self._lot) >= _LOT:
            self.write()

    def _is_ours(self, path: object) -> bool:
        # `forget` deletes these files: a line must not name any other of this machine's.
        artifacts = (self._memory.path.parent / "artifacts").resolve()
        return isinstance(path, str) and artifacts in Path(path).resolve().parents

    def write(self) -> None:
        """Writes the lot, without what is here as new or newer."""
        ops = [op for op in self._lot.values() if self._is_news(op)]
        self._lot.clear()
        if ops:
            self._memory.batch(ops)

    def _is_news(self, op: PutOp) -> bool:
        here = self._memory.get(op.namespace, op.key)
        if here is None:
            self.added += 1
        elif not self._replaces(op.value or {}, here.value, op.namespace[-1]):
            self.kept += 1
            return False
        else:
            self.replaced += 1
        return True

    def _replaces(self, new: Mapping[str, Any], here: Mapping[str, Any], kind: str) -> bool:
        if not self._trust:
            return False
        if new != here == as_strangers(kind, new):
            return True
        return float(here.get("at") or 0) < float(new.get("at") or 0)


@contextmanager
def _opened(source: Path) -> Iterator[_Parts]:
    try:
        if source.is_dir():
            folder = source / "blobs"
            names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
            yield _Parts(
                lambda: (source / ITEMS).open("rb"), names, lambda name: (folder / name).open("rb")
            )
        elif source.suffix == ".zip":
            with zipfile.ZipFile(source) as archive:
                names = [
                    name.removeprefix("blobs/")
                    for name in archive.namelist()
                    if name.startswith("blobs/")
                ]
                yield _Parts(
                    lambda: archive.open(ITEMS), names, lambda name: archive.open(f"blobs/{name}")
                )
        else:
            yield _Parts(lambda: source.open("rb"), [], lambda name: source.open("rb"))
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise UsageError(
            f"cannot import {source}", str(error), "Give what shoal memory export --to wrote"
        ) from error


def _checked(parts: _Parts, problems: _Problems) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yields the lines that are whole, with their numbers."""
    with parts.lines() as stream:
        number = 0
        while line := stream.readline(_LONGEST):
            number += 1
            if len(line) == _LONGEST and not line.endswith(b"\n"):
                while (more := stream.readline(_LONGEST)) and not more.endswith(b"\n"):
                    pass
                problems.add(number, "it is too long")
            elif line.strip():
                row, why = _row(line)
                if row is None:
                    problems.add(number, why)
                else:
                    yield number, row


def _row(line: bytes) -> tuple[dict[str, Any] | None, str]:
    try:
        row = json.loads(line.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        return None, "it is no JSON"
    why = _wrong(row) if isinstance(row, dict) else "it is no object"
    return (None, why) if why else (row, "")


def _wrong(row: Mapping[str, Any]) -> str:
    """Says what is wrong with a row; "" for nothing."""
    try:
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return "it holds text that is no Unicode"
    if "sum" in row and row["sum"] != checksum(row):
        return "its checksum is wrong: it was changed or cut"
    if row.get("kind") not in (*KINDS, *ASIDE):
        return f"{str(row.get('kind'))[:40]!r} is no kind of memory"
    for name, kind in (("key", str), ("text", str), ("data", dict)):
        if not isinstance(row.get(name), kind) or (name == "key" and not row[name]):
            return f"{name!r} is missing or of another type"
    if row.get("provenance") not in get_args(Provenance):
        return "it doesn't say who said it ('provenance')"
    if row["kind"] == "run" and row["key"] != f"run-{row['data'].get('id')}":
        return "it is not named by its run"  # forgetting finds by the name what was learnt from it
    at = row.get("at", 0.0)
    if not isinstance(at, int | float) or not 0 <= at <= time.time() + _AHEAD:
        return "'at' is no time that has been"
    return "" if isinstance(row.get("in_thread", ""), str) else "'in_thread' is no text"
