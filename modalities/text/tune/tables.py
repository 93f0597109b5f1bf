"""Tables from disk: CSV, TSV and JSON lines, each record with the line it stands on."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shoal.errors import UsageError

SUFFIXES = (".csv", ".tsv", ".jsonl")
"""The endings that `read_table` opens."""


@dataclass(frozen=True, slots=True)
class Table:
    """A file's records.

    Attributes:
        path: Where they come from.
        columns: The column names, in the order of their first appearance.
        lines: `(n,)`, the line of the file each record begins or ends on, from 1.
        records: `(n,)`, column name to value.
    """

    path: Path
    columns: tuple[str, ...]
    lines: tuple[int, ...]
    records: tuple[dict[str, Any], ...]


def read_table(path: Path | str) -> Table:
    """Reads a whole table.

    Raises:
        UsageError: No such file, another format, not UTF-8, no rows below the columns, or a
            line that can't be read.
    """
    path = Path(path).expanduser()
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"cannot read {path}", f"its ending is {path.suffix!r}", f"Known: {', '.join(SUFFIXES)}"
        )
    text = _text(path)
    read = _json_lines if path.suffix.lower() == ".jsonl" else _delimited
    numbered = list(read(path, text))
    columns = tuple(dict.fromkeys(name for _, record in numbered for name in record))
    lines = tuple(line for line, _ in numbered)
    return Table(path, columns, lines, tuple(record for _, record in numbered))


def pick_column(table: Table, wanted: str, aliases: Sequence[str], fix: str) -> str:
    """Finds the column to use: the named one, or the first alias that is there.

    Args:
        table: The table.
        wanted: A column's name; empty to look for the aliases.
        aliases: Names to try, without regard to case.
        fix: What to do where there is none, such as "Name it: --text-column NAME".

    Raises:
        UsageError: There is none; the message names the columns that are there.
    """
    if not table.columns:
        raise UsageError(f"{table.path.name} is empty", "it has no header and no rows", fix)
    folded = {name.strip().casefold(): name for name in table.columns}
    tried = [wanted] if wanted else list(aliases)
    for name in tried:
        if name.casefold() in folded:
            return folded[name.casefold()]
    raise UsageError(
        f"{table.path.name} has no column {' or '.join(map(repr, tried))}",
        f"its columns are {', '.join(map(repr, table.columns)) or 'none'}",
        fix,
    )


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise UsageError(f"there is no file {path}", fix="Check the path") from error
    except OSError as error:
        raise UsageError(f"cannot read {path}", error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UsageError(
            f"{path} is not UTF-8",
            f"line {line} holds the byte 0x{error.object[error.start]:02x}",
            f"Convert it, for example: iconv -f WINDOWS-1252 -t UTF-8 {path.name} > new.csv",
        ) from error


def _delimited(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    empty = True
    try:
        for record in reader:
            empty = False
            if None in record:
                raise UsageError(
                    f"{path.name}, line {reader.line_num}, has more fields than the header",
                    fix="Put a text that holds the delimiter in double quotes",
                )
            yield reader.line_num, record
    except csv.Error as error:
        raise UsageError(f"cannot read {path.name}, line {reader.line_num}", str(error)) from error
    if empty and reader.fieldnames:
        raise UsageError(
            f"{path.name} has columns but no rows",
            f"its first line names {', '.join(map(repr, reader.fieldnames))}",
            "Add rows below it",
        )


def _json_lines(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            raise UsageError(f"{path.name}, line {number}, is not JSON", str(error)) from error
        if not isinstance(record, dict):
            raise UsageError(f"{path.name}, line {number}, is no JSON object")
        yield number, record
