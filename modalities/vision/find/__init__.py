"""Finding pictures: an index on disk, and folders labelled at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoal.lazy import exports

if TYPE_CHECKING:
    from shoal.modalities.vision.find.folder import (
        catch_up,
        files_in,
        index_path,
        label_files,
        label_folder,
        pending,
    )
    from shoal.modalities.vision.find.index import ImageIndex
    from shoal.modalities.vision.find.results import Added, Found, Labelled, LabelledFolder, Skipped

_LAZY = {
    "Added": "shoal.modalities.vision.find.results",
    "Found": "shoal.modalities.vision.find.results",
    "ImageIndex": "shoal.modalities.vision.find.index",
    "Labelled": "shoal.modalities.vision.find.results",
    "LabelledFolder": "shoal.modalities.vision.find.results",
    "Skipped": "shoal.modalities.vision.find.results",
    "catch_up": "shoal.modalities.vision.find.folder",
    "files_in": "shoal.modalities.vision.find.folder",
    "index_path": "shoal.modalities.vision.find.folder",
    "label_files": "shoal.modalities.vision.find.folder",
    "label_folder": "shoal.modalities.vision.find.folder",
    "pending": "shoal.modalities.vision.find.folder",
}
"""Name -> module, imported on first use."""

__all__ = [
    "Added",
    "Found",
    "ImageIndex",
    "Labelled",
    "LabelledFolder",
    "Skipped",
    "catch_up",
    "files_in",
    "index_path",
    "label_files",
    "label_folder",
    "pending",
]

__getattr__ = exports(__name__, _LAZY)
