"""What lies in a folder, however it is made: every file is listed, what can't be is named."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from shoal.errors import UsageError


def walked(top: Path) -> Iterator[Path]:
    """Lists all files below a folder in a fixed order; hidden ones are left out.

    Links to folders are not followed. A folder in it that can't be listed is among the files:
    whoever opens it is told why.
    """
    shut: list[Path] = []
    for where, folders, files in os.walk(top, onerror=lambda error: shut.append(_of(error))):
        folders[:] = sorted(name for name in folders if not hidden(name))
        yield from (Path(where, name) for name in sorted(files) if not hidden(name))
    yield from shut


def entries(folder: Path) -> list[os.DirEntry[str]]:
    """Lists what lies right in a folder, sorted; hidden entries are left out.

    Raises:
        UsageError: It can't be listed.
    """
    try:
        with os.scandir(folder) as found:
            return sorted((e for e in found if not hidden(e.name)), key=lambda e: e.name)
    except OSError as error:
        why = error.strerror or str(error)
        fix = "Check the path and its permissions"
        raise UsageError(f"cannot look into {folder}", why, fix) from error


def hidden(name: str) -> bool:
    """Whether a file is kept out of sight."""
    return name.startswith(".")


def _of(error: OSError) -> Path:
    return Path(os.fsdecode(error.filename))
