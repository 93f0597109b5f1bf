"""Rows to learn from: texts and their labels, read from a file or a dataset folder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shoal.errors import UsageError
from shoal.modalities.text.tune.tables import SUFFIXES, Table, pick_column, read_table

TEXT_COLUMNS = ("text", "question", "utterance", "sentence", "query", "request")
LABEL_COLUMNS = ("label", "category", "intent", "class", "answer")
"""Column names that are found without being told, the first one first."""

SPLITS = {
    "train": ("train",),
    "validation": ("validation", "val", "valid", "dev"),
    "test": ("test",),
}
"""Split -> the names its file may have in a dataset folder."""

_NAMED = "Name the one to use: --{}-column NAME"

FEWEST, MOST = 20, 100_000
"""How many rows a classifier can be trained on."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Labelled texts.

    Attributes:
        texts: `(n,)`.
        labels: `(n,)`, one for each text.
        name: Where they come from, for messages.
        lines: `(n,)`, the line of that file each text stands on.
    """

    texts: tuple[str, ...]
    labels: tuple[str, ...]
    name: str = "the rows"
    lines: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if len(self.texts) != len(self.labels):
            raise UsageError(f"{len(self.texts)} texts but {len(self.labels)} labels")
        if not self.lines:
            object.__setattr__(self, "lines", tuple(range(1, len(self.texts) + 1)))

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, indices: Iterable[int]) -> Rows:
        """Returns the rows at these places, in this order."""
        kept = list(indices)
        return Rows(
            tuple(self.texts[i] for i in kept),
            tuple(self.labels[i] for i in kept),
            self.name,
            tuple(self.lines[i] for i in kept),
        )

    def without(self, label: str) -> Rows:
        """Returns the rows that have another label."""
        return self.take(i for i, own in enumerate(self.labels) if own != label)

    def only(self, label: str) -> Rows:
        """Returns the rows that have this label."""
        return self.take(i for i, own in enumerate(self.labels) if own == label)


def read_rows(path: Path | str, text_column: str = "", label_column: str = "") -> Rows:
    """Reads labelled texts from a CSV, TSV or JSONL file.

    Args:
        path: The file; the first line of CSV and TSV names the columns.
        text_column: Name of the column with the texts; by default one of `TEXT_COLUMNS`.
        label_column: Likewise; by default one of `LABEL_COLUMNS`.

    Raises:
        UsageError: The file can't be read, a column is missing, or a field is empty.
    """
    table = read_table(path)
    text = pick_column(table, text_column, TEXT_COLUMNS, _NAMED.format("text"))
    label = pick_column(table, label_column, LABEL_COLUMNS, _NAMED.format("label"))
    texts, labels = _filled(table, text), _filled(table, label)
    return Rows(texts, labels, table.path.name, table.lines)


def read_texts(path: Path | str, text_column: str = "") -> tuple[str, ...]:
    """Reads texts alone, from a file whose labels, if any, do not matter.

    Raises:
        UsageError: As `read_rows`.
    """
    table = read_table(path)
    return _filled(table, pick_column(table, text_column, TEXT_COLUMNS, _NAMED.format("text")))


def read_dataset(
    path: Path | str, text_column: str = "", label_column: str = ""
) -> dict[str, Rows]:
    """Reads a file, or a folder with train.csv and perhaps validation and test files.

    Returns:
        "train", and "validation" and "test" where the folder has them.

    Raises:
        UsageError: As `read_rows`, or the folder has no train file.
    """
    path = Path(path).expanduser()
    if not path.is_dir():
        return {"train": read_rows(path, text_column, label_column)}
    found = {split: file for split, names in SPLITS.items() if (file := _split_file(path, names))}
    if "train" not in found:
        raise UsageError(
            f"{path} has no train file",
            f"it holds {', '.join(sorted(p.name for p in path.iterdir())[:8]) or 'nothing'}",
            f"Name it train{', train'.join(SUFFIXES)}, or give the file itself",
        )
    return {split: read_rows(file, text_column, label_column) for split, file in found.items()}


def check_rows(rows: Rows) -> Rows:
    """Returns the rows if a classifier can be trained on them.

    Raises:
        UsageError: Too few or too many rows, empty texts, or a single class.
    """
    if not FEWEST <= len(rows) <= MOST:
        raise UsageError(
            f"{rows.name} has {len(rows)} rows", f"tuning takes {FEWEST} to {MOST:,} of them"
        )
    empty = [line for line, text in zip(rows.lines, rows.texts, strict=True) if not text.strip()]
    if empty:
        raise _empty(rows.name, "text", empty)
    classes = sorted(set(rows.labels))
    if len(classes) < 2:
        raise UsageError(
            f"{rows.name} has one class, {classes[0]!r}",
            "a classifier needs two or more to tell apart",
        )
    return rows


def _split_file(folder: Path, names: Sequence[str]) -> Path | None:
    files = [folder / f"{name}{suffix}" for name in names for suffix in SUFFIXES]
    return next((file for file in files if file.is_file()), None)


def _filled(table: Table, column: str) -> tuple[str, ...]:
    values = [_plain(record.get(column)) for record in table.records]
    empty = [line for line, value in zip(table.lines, values, strict=True) if not value]
    if empty:
        raise _empty(table.path.name, column, empty)
    return tuple(values)


def _plain(value: Any) -> str:
    return "" if value is None or isinstance(value, dict | list) else str(value).strip()


def _empty(name: str, column: str, lines: Sequence[int]) -> UsageError:
    shown = ", ".join(map(str, lines[:10])) + (" …" if len(lines) > 10 else "")
    many = f"{len(lines)} rows have" if len(lines) > 1 else "one row has"
    return UsageError(
        f"{many} an empty {column!r} in {name}", f"line {shown}", "Fill them or take them out"
    )
