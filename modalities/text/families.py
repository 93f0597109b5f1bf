"""Model families: the published architectures, and how many parameters they come to."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any

from shoal.errors import StorageError, unknown
from shoal.files import cache_dir, write_atomic
from shoal.modalities.sources import Source, get
from shoal.modalities.torchvision_fix import ensure_torchvision_imports

TOLERANCE = 0.05
"""A count that differs by more from the published one needs its note to explain it."""


@dataclass(frozen=True, slots=True)
class Family:
    """One family at its published architecture.

    Attributes:
        name: Its name in the catalogue.
        family: What people call it.
        model: The class of transformers that it is.
        config: Values of its config class: the sizes, and what differs from the defaults.
        published: Number of parameters, as its authors name it.
        note: What is counted, and what not.
    """

    name: str
    family: str
    model: str
    config: Mapping[str, Any]
    published: int
    note: str

    @property
    def source(self) -> Source:
        """Hub id, pinned commit and licence."""
        return get(self.name)

    @property
    def generates(self) -> bool:
        """Whether it writes text; otherwise it encodes."""
        return self.source.role == "text"

    def build(self, **changes: Any) -> Any:
        """Makes the model with random weights.

        Args:
            **changes: Config values that replace the published ones, such as small sizes.

        Returns:
            A torch module, on torch's default device.
        """
        ensure_torchvision_imports()
        import transformers

        kind = getattr(transformers, self.model)
        return kind(kind.config_class(**{**self.config, **changes}))

    def parameters(self) -> int:
        """Counts the parameters on the meta device: no memory is taken for any of them.

        Weights that are shared count once. Kept in the cache folder: only the first count
        needs torch.
        """
        counts = _counts()
        if self._key not in counts:
            counts[self._key] = self._count()
            with suppress(StorageError):  # keeping it only saves counting again
                write_atomic(_counts_path(), json.dumps(counts, indent=1))
        return counts[self._key]

    def difference(self) -> float:
        """How far the count lies from the published one, as a share of that."""
        return self.parameters() / self.published - 1

    @property
    def _key(self) -> str:
        facts = [self.model, dict(self.config), version("transformers")]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def _count(self) -> int:
        import torch

        with torch.device("meta"):
            return sum(weights.numel() for weights in self.build().parameters())


@cache
def families() -> Mapping[str, Family]:
    """Returns all families by name, generators first."""
    text = Path(__file__).with_name("families.toml").read_text(encoding="utf-8")
    return MappingProxyType(
        {name: Family(name=name, **entry) for name, entry in tomllib.loads(text).items()}
    )


def family(name: str) -> Family:
    """Looks a family up by its name in the catalogue.

    Raises:
        UnknownNameError: No such family; near names are suggested.
    """
    if name not in families():
        unknown("family", name, families(), "Type: shoal models")
    return families()[name]


def _counts_path() -> Path:
    return cache_dir() / "families.json"


def _counts() -> dict[str, int]:
    try:
        content = json.loads(_counts_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # lost or damaged: counted again
    return content if isinstance(content, dict) else {}
