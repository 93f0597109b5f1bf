"""What turns embeddings into labels: a few numpy arrays, saved as safetensors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shoal.files import write_atomic
from shoal.modalities.vision.teach.nearest import Floats


@dataclass(frozen=True, slots=True)
class Head:
    """A linear head on unit embeddings, and the class means that tell what is known.

    Attributes:
        weights: float32 (d, k).
        bias: float32 (k,).
        prototypes: float32 (k, d), of unit length.
    """

    weights: Floats
    bias: Floats
    prototypes: Floats

    @classmethod
    def of_prototypes(cls, prototypes: Floats) -> Head:
        """The head that takes the nearest class mean, float32 (k, d)."""
        means = np.ascontiguousarray(prototypes, np.float32)
        return cls(np.ascontiguousarray(means.T), np.zeros(len(means), np.float32), means)

    def logits(self, vectors: Floats) -> Floats:
        """Returns float32 (n, k) for unit embeddings (n, d)."""
        result: Floats = (vectors @ self.weights + self.bias).astype(np.float32)
        return result

    def scores(self, vectors: Floats) -> Floats:
        """Returns how known pictures look: the largest cosine to a class mean, float32 (n,)."""
        result: Floats = (vectors @ self.prototypes.T).max(axis=1).astype(np.float32)
        return result

    def save(self, path: Path) -> None:
        """Writes the head as safetensors.

        Raises:
            StorageError: The disk is full.
        """
        from safetensors.numpy import save

        arrays = {"weights": self.weights, "bias": self.bias, "prototypes": self.prototypes}
        write_atomic(path, save({name: np.ascontiguousarray(a) for name, a in arrays.items()}))

    @classmethod
    def load(cls, path: Path, classes: int, features: int) -> Head:
        """Reads a head for so many classes on embeddings of so many features.

        Raises:
            ValueError: The arrays are missing or of other shapes.
            SafetensorError: The file is damaged.
        """
        from safetensors.numpy import load_file

        arrays = load_file(path)
        shapes = {
            "weights": (features, classes), "bias": (classes,), "prototypes": (classes, features),
        }  # fmt: skip
        found = {name: array.shape for name, array in arrays.items()}
        if found != shapes or not all(np.isfinite(array).all() for array in arrays.values()):
            raise ValueError(f"{path.name} holds {found}, not finite arrays of {shapes}")
        return cls(**{name: array.astype(np.float32) for name, array in arrays.items()})
