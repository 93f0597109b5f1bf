"""Where tuned models are kept by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from shoal.files import data_dir
from shoal.modalities.training.place import Place


@dataclass(frozen=True, slots=True)
class Library:
    """The saved models of one kind, each a folder.

    Attributes:
        kind: "classifier" or "image_classifier"; each folder holds a file KIND.json.
    """

    kind: str

    @property
    def folder(self) -> Path:
        """The folder that holds them."""
        return data_dir() / f"{self.kind}s"

    def names(self) -> list[str]:
        """Returns the names of all saved ones, sorted."""
        found = self.folder.glob(f"*/{self.kind}.json")
        return sorted(path.parent.name for path in found if not path.parent.name.startswith("."))

    def find(self, name: Path | str) -> Path | None:
        """Returns the folder of a model by its name or its folder; None where there is none."""
        folders = (Path(name).expanduser(), self.folder / name)
        return next((own for own in folders if (own / f"{self.kind}.json").is_file()), None)

    def place(self, name: str, out: Path | None) -> Place:
        """Where a model of that name is saved, if not in a folder that was asked for."""
        return Place((out or self.folder / name).absolute(), self.kind)
