"""The catalogue: one name -> where a model's weights come from."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from shoal.errors import UsageError, unknown
from shoal.files import data_dir

FORMATS = (".safetensors", ".gguf", ".onnx", ".pth", ".pt", ".bin")
"""What Shoal opens. The torch formats are read with `weights_only=True` alone."""


@dataclass(frozen=True, slots=True)
class Source:
    """One model and its origins, tried in the order package, repo, path.

    Attributes:
        name: The name users type.
        role: "text", "text-encoder", "vision", "text-image" or "policy".
        licence: SPDX identifier, or "unknown".
        file: The weights file, relative to the package, the repo or `path`.
        sha256: Expected hash of that file; empty when it is not pinned.
        parameters: Number of weights.
        bytes: Size of the file.
        package: Registry package that carries the weights; `wheel_sha256` pins it.
        module: Import name of that package's folder.
        repo: Hugging Face repo, at the pinned `revision` (40 hex digits).
        path: Local file or folder.
        timm: For a vision model: the timm architecture the weights fit.
        optional: Known, but no part of an installation: nothing is missing without it.
    """

    name: str
    role: str
    licence: str = "unknown"
    about: str = ""
    file: str = ""
    sha256: str = ""
    parameters: int = 0
    bytes: int = 0
    package: str = ""
    version: str = ""
    wheel_sha256: str = ""
    module: str = ""
    repo: str = ""
    revision: str = ""
    path: str = ""
    timm: str = ""
    optional: bool = False


def user_catalog() -> Path:
    """The file for the user's own entries."""
    return data_dir() / "models.toml"


def tuned_folder() -> Path:
    """The folder of the language models that `shoal tune` made, one folder each."""
    return data_dir() / "generators"


def catalog() -> dict[str, Source]:
    """Returns the built-in models, the tuned ones and the user's own, by name.

    Raises:
        UsageError: models.toml is not valid TOML or has an unknown field.
    """
    own = user_catalog()
    entries = {**_builtin(), **_tuned(), **(_read(own) if own.exists() else {})}
    return {name: _source(name, entry) for name, entry in entries.items()}


@cache
def _builtin() -> Mapping[str, Any]:
    return _read(Path(__file__).with_name("catalog.toml"))


def _tuned() -> dict[str, Any]:
    found = {}
    for path in sorted(tuned_folder().glob("[!.]*/generator.json")):
        with suppress(OSError, ValueError, KeyError, TypeError):  # one damaged file hides itself
            entry = json.loads(path.read_text(encoding="utf-8"))["source"]
            found[path.parent.name] = {**entry, "path": str(path.parent)}
    return found


def _read(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"cannot read {path}", str(error), "Mend the file or move it away"
        ) from error


def _source(name: str, entry: Any) -> Source:
    known = {field.name: field.type for field in fields(Source) if field.name != "name"}
    given = entry if isinstance(entry, dict) else {str(entry): ""}
    extra = sorted(set(given) - set(known))
    if extra:
        raise UsageError(
            f"model entry [{name}] has unknown fields {extra}", fix=f"Known: {sorted(known)}"
        )
    wrong = [key for key, value in given.items() if type(value).__name__ != known[key]]
    if wrong:
        raise UsageError(f"model entry [{name}]: {wrong[0]} has to be {known[wrong[0]]}")
    return Source(name=name, **{"role": "text", **given})


def get(name: str) -> Source:
    """Looks a model up by name.

    Raises:
        UnknownNameError: No such model; near names are suggested.
    """
    known = catalog()
    if name not in known:
        unknown("model", name, known, "Type: shoal models")
    return known[name]
