"""The call encoder's file: low-rank updates of MiniLM, its markers and its heads.

{module}.down (rank, in), {module}.up (out, rank)   added to the module's weight
markers (3, width)                                  embeddings of [unused0] to [unused2]
heads.{name}                                        matrices of `scoring.SHAPES`
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.errors import CorruptWeightsError
from shoal.files import write_atomic
from shoal.modalities.text.calls.layout import OPTION
from shoal.modalities.text.calls.scoring import SHAPES

SHIPPED = Path(__file__).with_name("adapter.safetensors")
"""The adapter that comes with Shoal; its `about` says what made it."""

_HEAD = "heads."

Arrays = dict[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Adapter:
    """What training adds to the encoder.

    Attributes:
        updates: For each module's name its `down` and `up` matrices, float32.
        markers: (3, width) embeddings.
        heads: Matrices of `scoring.SHAPES`.
        about: What made it and how it scored; `temperature` calibrates the choice.
    """

    updates: Mapping[str, tuple[NDArray[np.float32], NDArray[np.float32]]]
    markers: NDArray[np.float32]
    heads: Arrays
    about: Mapping[str, Any]

    def save(self, path: Path) -> None:
        """Writes the file, as float16.

        Raises:
            StorageError: The file can't be written.
        """
        from safetensors.numpy import save

        arrays = {"markers": self.markers}
        arrays |= {f"{_HEAD}{name}": matrix for name, matrix in self.heads.items()}
        for name, (down, up) in self.updates.items():
            arrays |= {f"{name}.down": down, f"{name}.up": up}
        halves = {name: np.ascontiguousarray(a, dtype=np.float16) for name, a in arrays.items()}
        write_atomic(path, save(halves, {"about": json.dumps(dict(self.about))}))

    @classmethod
    def load(cls, path: Path) -> Adapter:
        """Reads the file.

        Raises:
            CorruptWeightsError: It can't be read, or lacks a part.
        """
        from safetensors import safe_open

        try:
            with safe_open(path, "np") as file:
                names = list(file.keys())  # the file itself can't be iterated over
                arrays: Arrays = {n: file.get_tensor(n).astype(np.float32) for n in names}
                about = json.loads((file.metadata() or {}).get("about", "{}"))
            adapted = [name.removesuffix(".down") for name in arrays if name.endswith(".down")]
            updates = {name: (arrays[f"{name}.down"], arrays[f"{name}.up"]) for name in adapted}
            heads = {name: arrays[f"{_HEAD}{name}"] for name in SHAPES}
            return cls(updates, arrays["markers"], heads, about)
        except Exception as error:  # safetensors raises its own type and OSError
            raise CorruptWeightsError(
                f"cannot read the call encoder {path}",
                str(error),
                "Install Shoal again, or train it: shoal tune CARDS --calls",
            ) from error

    def merge(self, transformer: Any) -> Any:
        """Adds the updates to a transformers BertModel of the right shape, in place."""
        import torch

        with torch.no_grad():
            for name, (down, up) in self.updates.items():
                weight = transformer.get_submodule(name).weight
                weight += torch.from_numpy(up @ down)
            words = transformer.embeddings.word_embeddings.weight
            words[1 : OPTION + 1] = torch.from_numpy(self.markers)
        return transformer
