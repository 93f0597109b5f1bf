"""From a name, a path or a hub id to a verified local file; nothing is ever fetched here."""

from __future__ import annotations

import importlib.util
import json
import re
from contextlib import suppress
from pathlib import Path

from shoal.errors import CorruptWeightsError, MissingModelError, StorageError, UsageError
from shoal.files import cache_dir, sha256_file, write_atomic
from shoal.modalities.sources.catalog import FORMATS, Source, catalog, get

_HUB = re.compile(r"hf:(?P<repo>[\w.-]+/[\w.-]+)@(?P<commit>[0-9a-f]{40})(:(?P<file>.+))?$")


def locate(model: str | Path) -> Path:
    """Returns the local weights file (or model folder) of a model.

    Args:
        model: A catalogue name, a path, or "hf:owner/repo@COMMIT[:file]".

    Returns:
        An existing path. A catalogue model's file has the pinned sha256.

    Raises:
        UnknownNameError: Neither a known name nor an existing path.
        MissingModelError: Known, but not on this machine; says how to get it.
        CorruptWeightsError: The file's hash is not the pinned one.
        UsageError: A file format that Shoal does not open.
    """
    if isinstance(model, str) and model.startswith("hf:"):
        return _locate(hub_source(model))
    if isinstance(model, str) and model in catalog():
        return _locate(get(model))
    path = Path(model).expanduser()
    if path.is_dir():
        return _inside(path)
    if path.is_file():
        return _allowed(path)
    if path.suffix.lower() in FORMATS or "/" in str(model):
        raise MissingModelError(
            f"no model at {path}", "the path does not exist", "Type: shoal models"
        )
    get(str(model))
    raise AssertionError("unreachable: get() raises for unknown names")


def _inside(folder: Path) -> Path:
    """The folder itself, or the file that runs where `shoal tune` made the folder."""
    made = folder / "model.gguf"
    return made if made.is_file() and (folder / "generator.json").is_file() else folder


def hub_source(model: str) -> Source:
    """Parses "hf:owner/repo@COMMIT[:file]" into a source.

    Raises:
        UsageError: The text has another form.
    """
    match = _HUB.match(model)
    if not match or ".." in model:
        raise UsageError(
            f"{model!r} is not a pinned hub id",
            "expected hf:owner/repo@COMMIT[:file] with the 40 hex digits of a commit: "
            "what a branch names can change",
            "The commit stands on the repo's page, under its files and versions",
        )
    return Source(
        name=model, role="text", repo=match["repo"], revision=match["commit"],
        file=match["file"] or "",
    )  # fmt: skip


def find(source: Source) -> Path | None:
    """Returns where a source's weights lie on this machine, unverified, or None."""
    return _in_package(source) or _in_hub_cache(source) or _at_path(source)


def verify(source: Source) -> Path:
    """Recomputes the sha256 of a source's weights.

    Returns:
        The file.

    Raises:
        MissingModelError: Not on this machine.
        CorruptWeightsError: The hash differs; both are named.
    """
    path = find(source)
    if path is None:
        raise _missing(source)
    actual = sha256_file(path) if path.is_file() else ""
    if source.sha256 and actual != source.sha256:
        raise CorruptWeightsError(
            f"{path} is damaged or was replaced",
            f"its sha256 is {actual[:12]}…, the catalogue pins {source.sha256[:12]}…",
            f"Type: shoal models pull {source.name} --force",
        )
    return path


def _locate(source: Source) -> Path:
    path = find(source)
    if path is None:
        raise _missing(source)
    if path.is_file() and source.sha256 and not _stamped(path, source.sha256):
        verify(source)
        _stamp(path, source.sha256)
    return path


def _missing(source: Source) -> MissingModelError:
    size = f" ({source.bytes // 10**6} MB)" if source.bytes else ""
    return MissingModelError(
        f"the weights of {source.name!r} are not on this machine",
        "Shoal never downloads on its own",
        f"Type: shoal models pull {source.name}{size}",
    )


def _in_package(source: Source) -> Path | None:
    top = source.module.partition(".")[0]  # looking a submodule up would import its parent
    spec = importlib.util.find_spec(top) if top else None
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / source.file
        if path.is_file():
            return path
    return None


def any_cached(repo: str, file: str) -> Path | None:
    """Returns a hub repo's file from the local cache, the newest commit that is there."""
    found = sorted(_snapshots(repo).glob(f"*/{file}"), key=lambda path: path.stat().st_mtime)
    return _allowed(found[-1]) if found else None


def _in_hub_cache(source: Source) -> Path | None:
    if not source.repo:
        return None
    path = _snapshots(source.repo) / source.revision / source.file
    return _allowed(path) if path.exists() else None


def _snapshots(repo: str) -> Path:
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    folder = repo_folder_name(repo_id=repo, repo_type="model")
    return Path(constants.HF_HUB_CACHE) / folder / "snapshots"


def _at_path(source: Source) -> Path | None:
    path = Path(source.path).expanduser() / source.file if source.path else None
    return _allowed(path) if path is not None and path.exists() else None


def _allowed(path: Path) -> Path:
    if path.is_file() and path.suffix.lower() not in FORMATS:
        raise UsageError(
            f"{path} is not a weights file Shoal opens",
            f"its ending is {path.suffix!r}",
            f"Accepted: {', '.join(FORMATS)} (torch files with weights_only alone)",
        )
    return path


def _stamps() -> Path:
    return cache_dir() / "verified.json"


def _key(path: Path, sha256: str) -> list[str | int]:
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns, sha256]


def _read_stamps() -> dict[str, list[str | int]]:
    try:
        content = json.loads(_stamps().read_text())
    except (OSError, ValueError):
        return {}  # a lost or damaged stamp file only costs hashing again
    return content if isinstance(content, dict) else {}


def _stamped(path: Path, sha256: str) -> bool:
    return _read_stamps().get(str(path)) == _key(path, sha256)


def _stamp(path: Path, sha256: str) -> None:
    stamps = {**_read_stamps(), str(path): _key(path, sha256)}
    with suppress(StorageError):  # a stamp only saves hashing again
        write_atomic(_stamps(), json.dumps(stamps, indent=1))
