"""Labelled pictures: a folder of class folders, or a table with the columns file and label."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from shoal.errors import UsageError
from shoal.modalities.text.tune.data import SPLITS, TEXT_COLUMNS
from shoal.modalities.text.tune.tables import SUFFIXES, Table, pick_column, read_table
from shoal.modalities.vision.opening.folders import entries, walked

FILE_COLUMNS = ("file", "image", "path", "filename")
LABEL_COLUMNS = ("label", "class", "category")
"""Column names that are known, the first one first."""

MOST = 100_000
"""Files that are looked at."""

_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")
_COLUMNS = "Name the columns file and label"


@dataclass(frozen=True, slots=True)
class Pictures:
    """Files that should be pictures, and what they show.

    Attributes:
        files: `(n,)`.
        labels: `(n,)`, one for each file.
        name: Where they come from, for messages.
        classes: All classes, those without any file included; sorted.
        notes: Sentences on what was left aside.
    """

    files: tuple[Path, ...]
    labels: tuple[str, ...]
    name: str
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.files) != len(self.labels):
            raise UsageError(f"{len(self.files)} files but {len(self.labels)} labels")
        every = tuple(sorted({*self.classes, *self.labels}))
        object.__setattr__(self, "classes", every)

    def __len__(self) -> int:
        return len(self.files)

    def take(self, places: Iterable[int]) -> Pictures:
        """Returns the pictures at these places; the classes stay."""
        kept = list(places)
        files, labels = tuple(self.files[i] for i in kept), tuple(self.labels[i] for i in kept)
        return replace(self, files=files, labels=labels)


def is_pictures(source: Path | str) -> bool:
    """Whether `shoal tune` should take a source for pictures, not for rows of text."""
    path = Path(source).expanduser()
    if path.is_dir():
        names = [entry.name.lower() for entry in entries(path)]
        if any(f"train{suffix}" in names for suffix in SUFFIXES):
            return False
        return bool(_folders(path)) or any(name.endswith(_ENDINGS) for name in names)
    if path.suffix.lower() not in SUFFIXES:
        return path.name != "records" and not path.exists()  # to say what is missing
    if not path.is_file():
        return False
    try:
        columns = {name.strip().casefold() for name in read_table(path).columns}
    except UsageError:
        return False  # what is wrong with it, the reader of texts says as well
    return bool(columns & {*FILE_COLUMNS}) and not columns & {*TEXT_COLUMNS}


def read_pictures(source: Path | str, fewest: int = 2) -> dict[str, Pictures]:
    """Lists labelled pictures; none is opened yet.

    Args:
        source: A folder with a folder for each class (nested ones belong to it, hidden files
            are left alone), or with such folders below train/ and val/; or a CSV, TSV or
            JSONL file with the columns file and label, whose paths start at its folder.
        fewest: Classes that there must be.

    Returns:
        "train", and "validation" where there is such a folder.

    Raises:
        UsageError: There is no such source, it has no classes, or an empty or missing field.
    """
    path = Path(source).expanduser()
    if path.suffix.lower() in SUFFIXES and not path.is_dir():
        return {"train": _from_table(read_table(path), fewest)}
    if not path.is_dir():
        why = "it is a single file" if path.exists() else "there is no such file or folder"
        raise UsageError(f"cannot read {path}", why, "Give a folder of class folders, or a CSV")
    folders = {folder.name.casefold(): folder for folder in _folders(path)}
    splits = {
        split: next((folders[name] for name in names if name in folders), None)
        for split, names in SPLITS.items()
    }
    known = {name for names in SPLITS.values() for name in names}
    if splits["train"] is None or not set(folders) <= known:
        return {"train": _from_folder(path, fewest)}
    read = (s for s in ("train", "validation") if splits[s] is not None)
    return {split: _from_folder(folder, fewest) for split in read if (folder := splits[split])}


def _from_folder(root: Path, fewest: int) -> Pictures:
    folders = _folders(root)
    beside = [entry.name for entry in entries(root) if not entry.is_dir()]
    if not folders:
        raise UsageError(
            f"{root} has no class folders",
            f"it holds {len(beside)} files" if beside else "it is empty",
            "Put the pictures of each class into a folder that is named after it",
        )
    pairs = [(file, _text(folder.name)) for folder in folders for file in walked(folder)]
    note = f"{len(beside)} files beside the class folders of {root.name} are left alone"
    return _checked(Pictures(
        tuple(file for file, _ in pairs), tuple(label for _, label in pairs), root.name,
        tuple(_text(folder.name) for folder in folders), (note,) if beside else (),
    ), fewest)  # fmt: skip


def _from_table(table: Table, fewest: int) -> Pictures:
    columns = [pick_column(table, "", names, _COLUMNS) for names in (FILE_COLUMNS, LABEL_COLUMNS)]
    files, labels = (_filled(table, column) for column in columns)
    folder = table.path.parent
    paths = tuple(folder / Path(file).expanduser() for file in files)
    return _checked(Pictures(paths, labels, table.path.name), fewest)


def _checked(pictures: Pictures, fewest: int) -> Pictures:
    if len(pictures) > MOST:
        raise UsageError(f"{pictures.name} has {len(pictures):,} files", f"{MOST:,} are the most")
    if len(pictures.classes) < fewest:
        raise UsageError(
            f"{pictures.name} has one class, {pictures.classes[0]!r}",
            "a classifier needs two or more to tell apart",
            "Add a class of what else it may see",
        )
    return pictures


def _filled(table: Table, column: str) -> tuple[str, ...]:
    values = [str(record.get(column) or "").strip() for record in table.records]
    empty = [str(line) for line, value in zip(table.lines, values, strict=True) if not value]
    if empty:
        shown = ", ".join(empty[:10]) + (" …" if len(empty) > 10 else "")
        raise UsageError(
            f"{len(empty)} rows of {table.path.name} have an empty {column!r}",
            f"line {shown}",
            "Fill them or take them out",
        )
    return tuple(map(_text, values))


def _folders(root: Path) -> Sequence[Path]:
    return [root / entry.name for entry in entries(root) if entry.is_dir()]


def _text(name: str) -> str:
    """A name that can be written as UTF-8, which file names need not be."""
    return name.encode("utf-8", "replace").decode()
