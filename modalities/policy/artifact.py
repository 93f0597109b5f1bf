"""Shoal's own format for policies: safetensors, a JSON spec and a card; no pickle."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from shoal.errors import CorruptWeightsError, MissingModelError, StorageError, UsageError
from shoal.files import write_atomic
from shoal.modalities.policy.spec import PolicySpec, first_problem

WEIGHTS, SPEC, CARD = "policy.safetensors", "spec.json", "card.md"
_LONGEST_SPEC, _LARGEST_WEIGHTS = 1_000_000, 2**30

_SHIPPED = Path(__file__).resolve().with_name("checkpoints")

_ENV = re.compile(r"[\w./-]{1,100}")
_TRAINING = re.compile(r"shoal train [\w ./=,:@+\[\]-]{1,500}")
"""A command as `TrainSettings.command` writes it; a spec may come from a stranger."""


def save(model: Any, folder: Path | str, *, name: str, env: str, **facts: Any) -> Path:
    """Saves a stable-baselines3 model's policy as a folder of plain data.

    Args:
        model: A PPO, A2C, DQN, SAC, TD3 or DDPG model.
        folder: Target; an older policy there is replaced as a whole.
        name: What the policy is called.
        env: The env id it was trained in.
        facts: More fields of `PolicySpec`: observation, training, versions, scores.

    Returns:
        The folder, with policy.safetensors, spec.json and card.md.

    Raises:
        UsageError: The model has parts that plain data can't describe.
        StorageError: It can't be written; what was there before is intact.
    """
    from safetensors.numpy import save as to_bytes

    from shoal.modalities.policy.card import card
    from shoal.modalities.policy.rebuild import describe, weights_of

    weights = to_bytes(weights_of(model))
    digest = hashlib.sha256(weights).hexdigest()
    about = {**describe(model), "name": name, "env": env, "weights_sha256": digest, **facts}
    try:
        spec = PolicySpec.model_validate(about)
    except ValidationError as error:
        raise UsageError(f"cannot save policy {name!r}", first_problem(error)) from error
    text = json.dumps(spec.model_dump(mode="json"), indent=1, allow_nan=False) + "\n"
    return _write_folder(Path(folder), {WEIGHTS: weights, SPEC: text, CARD: card(spec)})


def read_spec(folder: Path | str) -> PolicySpec:
    """Reads and checks a policy's spec.

    Raises:
        UsageError: It is a file of stable-baselines3, which is pickle.
        MissingModelError: There is no policy.
        CorruptWeightsError: spec.json is damaged; the first wrong field is named.
    """
    folder = Path(folder).expanduser()
    _refuse_zip(folder)
    path = folder / SPEC
    if not path.is_file():
        raise MissingModelError(
            f"no policy at {folder}", f"it holds no {SPEC}", "Type: shoal train --help"
        )
    try:
        if path.stat().st_size > _LONGEST_SPEC:
            raise ValueError("it is over 1 MB")
        return PolicySpec.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise _corrupt(path, first_problem(error)) from error
    except ValueError as error:
        raise _corrupt(path, str(error)) from error


def read_weights(folder: Path | str, spec: PolicySpec) -> dict[str, NDArray[Any]]:
    """Reads a policy's weights and checks that they are those its spec names.

    Raises:
        CorruptWeightsError: The file is not there, has another hash than in the spec, is not
            safetensors, or holds numbers that are not finite.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    path = Path(folder).expanduser() / WEIGHTS
    if not path.is_file():
        raise _corrupt(path, f"{SPEC} is there, the weights are not", spec)
    if path.stat().st_size > _LARGEST_WEIGHTS:
        raise _corrupt(path, "it is over 1 GB", spec)
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != spec.weights_sha256:
        named = f"its sha256 is {digest[:12]}…, {SPEC} names {spec.weights_sha256[:12]}…"
        raise _corrupt(path, named, spec)
    try:
        weights = load(content)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise _corrupt(path, str(error), spec) from error
    broken = [name for name, array in weights.items() if not _finite(array)]
    if broken:
        raise _corrupt(path, f"{broken[0]} holds numbers that are not finite", spec)
    return weights


def corrupt(folder: Path | str, error: Exception, spec: PolicySpec) -> CorruptWeightsError:
    """Builds the error for a spec and weights that do not fit together."""
    return _corrupt(Path(folder), f"spec and weights do not fit: {str(error)[:300]}", spec)


def _finite(array: NDArray[Any]) -> bool:
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())


def _corrupt(path: Path, why: str, spec: PolicySpec | None = None) -> CorruptWeightsError:
    what = f"{path} is damaged or was changed"
    return CorruptWeightsError(what, why, f"Copy it again, or {_again(path, spec)}")


def _again(path: Path, spec: PolicySpec | None) -> str:
    """What to type; a command from a spec is shown only if it is one that trains."""
    folder = path if spec is None or path.suffix == "" else path.parent
    if folder.resolve().is_relative_to(_SHIPPED):
        return "install Shoal again. Type: pip install --force-reinstall --no-deps shoal"
    command = str(spec.training.get("command", "")) if spec else ""
    if not _TRAINING.fullmatch(command):
        name = (path.parent if path.suffix else path).name
        env = spec.env if spec and _ENV.fullmatch(spec.env) else "ENV"
        command = f"shoal train {env} --name {name}"
    return f"train it anew. Type: {command}"


def _refuse_zip(path: Path) -> None:
    if path.is_file() and path.suffix in (".zip", ".pth", ".pt"):
        raise UsageError(
            f"Shoal does not open {path.name}",
            f"a {path.suffix} of stable-baselines3 holds pickle, which runs whatever code it names",
            f"Take in its tensors alone. Type: shoal import {path} --env ENV",
        )


def _write_folder(folder: Path, files: Mapping[str, bytes | str]) -> Path:
    """Writes all files aside, then swaps the folder in; on an error nothing has changed."""
    folder = folder.expanduser().absolute()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    except OSError as error:
        raise _unsaved(folder, error) from error
    try:
        for name, content in files.items():
            write_atomic(aside / name, content)
        aside.chmod(0o755)
        _swap(aside, folder)
    except OSError as error:
        raise _unsaved(folder, error) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return folder


def _swap(new: Path, folder: Path) -> None:
    """Moves an older folder away first: a rename can't replace one that holds files."""
    old = new.with_name(f"{new.name}-old")
    if folder.exists():
        folder.rename(old)
    try:
        new.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _unsaved(folder: Path, error: OSError) -> StorageError:
    return StorageError(
        f"could not save the policy to {folder}",
        error.strerror or str(error),
        "Nothing was changed. Free some space or choose another folder",
    )
