"""A user's memory as a folder or a zip: `items.jsonl`, and the pictures under `blobs/`.

GIFs and trajectories of episodes stay behind: items name them by their paths on this machine, which
`import` takes out. `Exported.artifacts` counts them; an episode's env, seed and goal go along.

Items are read and written one page at a time, so that memory stays bounded whatever their number.
"""

from __future__ import annotations

import json
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal.agents.memory.forgetting import FILES, references
from shoal.agents.memory.names import owned
from shoal.errors import StorageError, UsageError
from shoal.files import write_atomic
from shoal.types import Memory

if TYPE_CHECKING:
    from shoal.agents.memory.store import MemoryStore

ITEMS = "items.jsonl"

Progress = Callable[[int], None]
"""Is told how many items are done."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes:
        path: The folder or file.
        items: How many.
        blobs: How many pictures and other files with them.
        missing: Blobs that items name and that are not here.
        artifacts: GIFs and trajectories that items name, which stay behind.
    """

    path: Path
    items: int
    blobs: int
    missing: int
    artifacts: int = 0


def rows(memory: MemoryStore) -> Iterator[dict[str, Any]]:
    """Yields every item of the user, runs included, as JSON-able dicts with a checksum."""
    for prefix in memory.prefixes():
        thread, kind = owned(prefix, memory.user) or ("", "")
        for key, value, updated, expires in memory.stored(prefix):
            row = {"kind": kind, "key": key, "updated_at": str(updated)}
            row |= {"in_thread": thread} if thread else {}
            row |= {"expires_at": str(expires)} if expires else {}
            row |= json.loads(value)
            yield row | {"sum": checksum(row)}


def checksum(row: Mapping[str, Any]) -> str:
    """Returns the CRC-32 of a row's other fields: it tells damage, not deceit."""
    plain = {name: value for name, value in row.items() if name != "sum"}
    text = json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return f"{zlib.crc32(text.encode('utf-8', 'surrogatepass')):08x}"


def export_to(memory: MemoryStore, to: Path, progress: Progress = lambda done: None) -> Exported:
    """Writes a user's memory: a zip for a name in .zip, items alone for .jsonl, else a folder.

    What is there under that name is replaced when all is written; a folder must be new or empty.

    Args:
        memory: The user's.
        to: Where to.
        progress: Is told how many items are written.

    Raises:
        UsageError: The folder holds something.
        StorageError: The disk is full or not writable; nothing half-written stays.
    """
    target, counts = to.expanduser(), _Counts()
    if target.suffix == ".jsonl":
        write_atomic(target, lambda path: _lines(memory, path, progress, counts))
    elif target.suffix == ".zip":
        write_atomic(target, lambda path: _zip(memory, path, progress, counts))
    else:
        _folder(memory, target, progress, counts)
    return Exported(target, counts.items, counts.blobs, counts.missing, counts.artifacts)


@dataclass(slots=True)
class _Counts:
    items: int = 0
    blobs: int = 0
    missing: int = 0
    artifacts: int = 0


def _encoded(
    memory: MemoryStore, progress: Progress, counts: _Counts, blobs: dict[str, None]
) -> Iterator[bytes]:
    for row in rows(memory):
        for sha256 in _named(row):
            blobs[sha256] = None
        data = row.get("data")
        if isinstance(data, Mapping):
            counts.artifacts += sum(bool(data.get(name)) for name in FILES)
        counts.items += 1
        progress(counts.items)
        yield json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"


def _named(row: Mapping[str, Any]) -> list[str]:
    data = row.get("data") if isinstance(row.get("data"), Mapping) else {}
    return references(Memory((str(row["kind"]),), str(row["key"]), "", data or {}, "memory"))


def _lines(memory: MemoryStore, path: Path, progress: Progress, counts: _Counts) -> None:
    with path.open("wb") as stream:
        for line in _encoded(memory, progress, counts, {}):
            stream.write(line)


def _zip(memory: MemoryStore, path: Path, progress: Progress, counts: _Counts) -> None:
    blobs: dict[str, None] = {}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open(ITEMS, "w", force_zip64=True) as stream:
            for line in _encoded(memory, progress, counts, blobs):
                stream.write(line)
        for sha256, file in _files(memory, blobs, counts):
            archive.write(file, f"blobs/{sha256}", zipfile.ZIP_STORED)


def _folder(memory: MemoryStore, target: Path, progress: Progress, counts: _Counts) -> None:
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        fix = "Give a new folder, or a name in .zip or .jsonl"
        raise UsageError(f"cannot export to {target}", "it holds something already", fix)
    part, blobs = target.with_name(f".{target.name}.part"), dict[str, None]()
    try:
        shutil.rmtree(part, ignore_errors=True)  # of a try that was killed
        (part / "blobs").mkdir(parents=True)
        with (part / ITEMS).open("wb") as stream:
            for line in _encoded(memory, progress, counts, blobs):
                stream.write(line)
        for sha256, file in _files(memory, blobs, counts):
            shutil.copyfile(file, part / "blobs" / sha256)
        if target.exists():
            target.rmdir()
        part.rename(target)
    except OSError as error:
        raise StorageError(
            f"could not export to {target}", str(error), "Free some space, or give another folder"
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _files(
    memory: MemoryStore, blobs: Mapping[str, None], counts: _Counts
) -> Iterator[tuple[str, Path]]:
    for sha256 in blobs:
        try:
            path = memory.blobs.path(sha256)
        except StorageError:
            counts.missing += 1
            continue
        counts.blobs += 1
        yield sha256, path
