"""Folders of pictures: what lies in them, what they show, and an index of each."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

from shoal.errors import ImageError, UsageError
from shoal.files import data_dir
from shoal.modalities.vision.encoder import Glance, VisionEncoder, vision_encoder
from shoal.modalities.vision.find.adding import BATCH, Progress, skipped
from shoal.modalities.vision.find.index import ImageIndex
from shoal.modalities.vision.find.results import Added, Labelled, LabelledFolder, Skipped
from shoal.modalities.vision.find.store import stamp
from shoal.modalities.vision.opening.ahead import in_threads
from shoal.modalities.vision.opening.folders import entries, walked


def files_in(folder: str | Path) -> list[Path]:
    """Lists the files of a folder and the folders in it, as `walked` does.

    Raises:
        UsageError: It is no folder, it can't be listed, or there is no file in it.
    """
    top = Path(folder).expanduser()
    if not top.is_dir():
        why = "it is a file" if top.exists() else "there is no such folder"
        raise UsageError(f"cannot look into {folder}", why, "Check the path")
    entries(top)  # what is wrong with the folder itself is told at once
    found = list(walked(top))
    if not found:
        raise UsageError(f"there is nothing in {folder}", "it has no files", "Name another folder")
    return found


def label_files(
    files: Iterable[Path],
    *,
    k: int = 1,
    encoder: Callable[[], VisionEncoder] = vision_encoder,
    progress: Progress = lambda done, detail: None,
) -> LabelledFolder:
    """Labels pictures; what is no picture is skipped, counted and named.

    Files are decoded in threads while the encoder works on those before them.

    Args:
        files: Of any formats and sizes.
        k: How many labels each.
        encoder: Returns the encoder.
        progress: Is told how many are done, and what came of them.

    Raises:
        UsageError: k is not positive, or the encoder has no classifier.
        MissingModelError: The encoder's weights are not on this machine.
    """
    started = time.perf_counter()
    pictures: list[Labelled] = []
    junk: list[Skipped] = []
    waiting: list[tuple[Path, Glance]] = []
    able = encoder()
    able.label([], k)  # what is wrong with k is said before a file is opened

    def label() -> None:
        _, rows = able.see([glance for _, glance in waiting], k)
        for (path, _), labels in zip(waiting, rows, strict=True):
            pictures.append(Labelled(str(path), tuple(labels)))
        waiting.clear()

    with closing(in_threads(able.glance, files)) as opened:
        for number, (path, glance) in enumerate(opened, start=1):
            if isinstance(glance, ImageError):
                junk.append(skipped(path, number, glance))
            else:
                waiting.append((path, glance))
            if len(waiting) == BATCH:
                label()
            progress(number, f"{len(junk)} skipped" if junk else "")
    label()
    return LabelledFolder(tuple(pictures), tuple(junk), time.perf_counter() - started)


def label_folder(
    folder: str | Path,
    *,
    k: int = 1,
    encoder: Callable[[], VisionEncoder] = vision_encoder,
    progress: Progress = lambda done, detail: None,
) -> LabelledFolder:
    """Labels the pictures of a folder and the folders in it; see `files_in` and `label_files`.

    Raises:
        UsageError: It is no folder, or it has no files.
    """
    return label_files(files_in(folder), k=k, encoder=encoder, progress=progress)


def index_path(folder: str | Path) -> Path:
    """Where the index of a folder is kept: beside Shoal's other data, not among the pictures."""
    name = hashlib.sha256(os.fsencode(Path(folder).expanduser().resolve())).hexdigest()[:16]
    return data_dir() / "pictures" / f"{name}.sqlite"


def pending(index: ImageIndex, folder: str | Path, *, read: bool = False) -> list[Path]:
    """Returns the files of a folder that its index does not know as they are now.

    What is known by its path, size and time of writing is not opened again.

    Args:
        index: Of that folder.
        folder: As for `files_in`.
        read: Whether pictures whose text was not read yet count as unknown.

    Raises:
        UsageError: It is no folder, or it has no files.
    """
    known = index.unchanged(folder, read=read)
    paths = ((path, str(path.absolute())) for path in files_in(folder))
    return [path for path, name in paths if known.get(name) != stamp(name)]


def catch_up(
    index: ImageIndex,
    folder: str | Path,
    *,
    read: bool = False,
    progress: Progress = lambda done, detail: None,
) -> Added:
    """Makes an index hold what a folder holds: adds what is new, removes what is gone.

    Args:
        index: Of that folder.
        folder: As for `files_in`.
        read: Read the text in the pictures, too.
        progress: Is told how many files were looked at.

    Raises:
        UsageError: It is no folder, or it has no files.
        StorageError: The index can't be written.
    """
    added = index.add(pending(index, folder, read=read), read=read, progress=progress)
    index.remove_stale(folder)
    return added
