"""`shoal import`: a stable-baselines3 file becomes a policy of plain data."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from pydantic import ValidationError

from shoal.errors import UsageError, unknown
from shoal.modalities.policy import library, spaces
from shoal.modalities.policy.adoption import shapes
from shoal.modalities.policy.adoption.archive import (
    LARGEST_WEIGHTS,
    open_zip,
    read_claims,
    read_file,
    read_member,
)
from shoal.modalities.policy.adoption.tensors import read_tensors
from shoal.modalities.policy.artifact import save
from shoal.modalities.policy.card import versions
from shoal.modalities.policy.evaluation import evaluate
from shoal.modalities.policy.policy import Policy
from shoal.modalities.policy.rebuild import build
from shoal.modalities.policy.spec import ACTIVATIONS, ALGORITHMS, PolicySpec, first_problem


@dataclass(frozen=True, slots=True)
class AdoptSettings:
    """What is told about a file from outside.

    Attributes:
        observation: The observation wrapper its env had.
        name: What to call it; by default after the file.
        out: Folder to save to; by default data_dir()/policies/NAME.
        algo: Its algorithm, where the file does not tell.
        activation: Its activation, where the file does not tell.
        episodes: How many it plays afterwards; 0 for none.
    """

    observation: str = "native"
    name: str = ""
    out: Path | None = None
    algo: str = ""
    activation: str = ""
    episodes: int = 20

    def __post_init__(self) -> None:
        if self.algo and self.algo not in ALGORITHMS:
            unknown("algorithm", self.algo, ALGORITHMS)
        if self.activation and self.activation not in ACTIVATIONS:
            unknown("activation", self.activation, ACTIVATIONS)
        if self.episodes < 0:
            raise UsageError(f"episodes is {self.episodes}", "it has to be 0 or more")


def adopt(
    path: Path | str,
    env_id: str,
    *,
    make_env: Callable[..., Any],
    settings: AdoptSettings | None = None,
) -> Path:
    """Takes in a policy that stable-baselines3 saved, without unpickling anything of it.

    Its tensors are read by `torch.load(weights_only=True)` after their pickle was looked
    through; sizes come from the tensors' shapes, spaces from the env, and the two have to
    fit. Of the zip's `data`, what stands there as plain JSON is read; pickled fields are not.

    Args:
        path: A model's .zip, or a .pth of `model.policy.state_dict()`.
        env_id: The env it acts in.
        make_env: Such as `shoal.envs.make`.
        settings: See `AdoptSettings`.

    Returns:
        The folder, with policy.safetensors, spec.json and card.md.

    Raises:
        MissingModelError: There is no such file.
        UsageError: It is unsafe, has parts that only code can rebuild, or does not fit the env.
        CorruptWeightsError: It is damaged.
        StorageError: It could not be saved.
    """
    settings, path = settings or AdoptSettings(), Path(path).expanduser()
    folder = _target(path, settings)
    content = read_file(path)
    state, claims = _read(content, path.name)
    _refuse_normalised(path)
    with closing(make_env(env_id, observation=settings.observation)) as env:
        spec = _spec(state, claims, env, env_id, settings, path.name)
    try:
        model = build(spec, state)
    except ValueError as error:
        raise UsageError(
            f"{path.name} does not fit {env_id}",
            " ".join(str(error).split())[:300],
            "Name the env it was trained in: --env ENV, and its --observation",
        ) from error
    facts = _facts(spec, content, settings)
    save(model, folder, **facts)
    if settings.episodes:
        scores = evaluate(Policy.load(folder), env_id, make_env, settings.episodes)
        save(model, folder, **facts, scores=scores.model_dump())
    return folder


def _read(content: bytes, name: str) -> tuple[dict[str, NDArray[Any]], Mapping[str, Any]]:
    """Tensors and claims of a .zip; of a .pth the tensors, as it claims nothing."""
    if name.lower().endswith((".pth", ".pt")):
        return read_tensors(content, name), {}
    with open_zip(content, name) as archive:
        claims = read_claims(archive, name)
        inner = read_member(archive, "policy.pth", LARGEST_WEIGHTS, name)
    return read_tensors(inner, f"policy.pth in {name}"), claims


def _target(path: Path, settings: AdoptSettings) -> Path:
    name = settings.name or _name(path)
    folder = (settings.out or library.own() / name).expanduser()
    if folder.exists():
        raise UsageError(
            f"{folder} exists", "importing replaces nothing", "Choose another --name or --out"
        )
    return folder


def _name(path: Path) -> str:
    return re.sub(r"[^\w.-]+|^\W+", "-", path.stem).strip("-.")[:64] or "imported"


def _refuse_normalised(path: Path) -> None:
    for beside in (
        path.with_name("vecnormalize.pkl"),
        path.parent / path.stem / "vecnormalize.pkl",
    ):
        if beside.is_file():
            raise UsageError(
                f"{path.name} can't be imported with {beside.name} beside it",
                "its observations were scaled by numbers that are kept in a pickle",
                "Train it anew (shoal train ENV), or move that file away if it is another's",
            )


def _spec(
    state: shapes.State, claims: Mapping[str, Any], env: Any, env_id: str,
    settings: AdoptSettings, name: str,
) -> PolicySpec:  # fmt: skip
    algo = shapes.algorithm(state, claims, settings.algo, name)
    made = shapes.architecture(state, claims, algo, settings.activation, name)
    kind = shapes.policy_class(state, env.observation_space)
    observed = _as_trained(env.observation_space) if kind != "MlpPolicy" else env.observation_space
    _compare(claims, {"observation_space": observed, "action_space": env.action_space}, name)
    fields = {
        "name": settings.name or _name(Path(name)),
        "algo": algo,
        "policy": kind,
        "architecture": made,
        "observation_space": spaces.to_json(observed),
        "action_space": spaces.to_json(env.action_space),
        "env": env_id,
        "observation": settings.observation,
        "weights_sha256": "0" * 64,  # of the file that is yet to be written
    }
    try:
        return PolicySpec.model_validate(fields)
    except ValidationError as error:
        raise UsageError(f"cannot import {name}", first_problem(error)) from error


def _as_trained(space: Any) -> Any:
    """Pictures with the channel axis in front, as stable-baselines3 trains on them."""
    from stable_baselines3.common.preprocessing import is_image_space, is_image_space_channels_first
    from stable_baselines3.common.vec_env import VecTransposeImage

    if is_image_space(space) and not is_image_space_channels_first(space):
        return VecTransposeImage.transpose_space(space)
    return space


def _compare(claims: Mapping[str, Any], offered: Mapping[str, Any], name: str) -> None:
    """Holds the shapes that the zip tells in plain text against the env's."""
    for key, space in offered.items():
        told = claims.get(key)
        told = told if isinstance(told, dict) else {}
        ours = {"n": str(getattr(space, "n", "")), "_shape": str(list(space.shape or ()))}
        for field in ("n", "_shape"):
            if field in told and ours[field] and str(told[field]) != ours[field]:
                raise UsageError(
                    f"{name} does not fit this env",
                    f"its {key.replace('_', ' ')} is {str(told[field])[:60]}, "
                    f"the env's is {ours[field]}",
                    "Name the env it was trained in: --env ENV, and its --observation",
                )


def _facts(spec: PolicySpec, content: bytes, settings: AdoptSettings) -> dict[str, Any]:
    origin = hashlib.sha256(content).hexdigest()
    training = {"imported": "from a file of stable-baselines3", "file_sha256": origin}
    return {
        "name": spec.name,
        "env": spec.env,
        "observation": settings.observation,
        "training": training,
        "versions": versions(),
    }
