"""Policies for other runtimes: an OpenVINO graph from observations to actions' scores."""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.errors import MissingExtraError, StorageError, UsageError, unknown
from shoal.files import write_atomic
from shoal.modalities.openvino_import import compile_aside, import_openvino
from shoal.modalities.policy import spaces
from shoal.modalities.policy.policy import Policy

FORMATS = ("openvino", "onnx")
_PURPOSE = "exporting a policy"
_PROBED = 256


@dataclass(frozen=True, slots=True)
class Parity:
    """How an exported policy compares with the policy, on random valid observations.

    Attributes:
        observations: How many.
        same_actions: The share on which both choose the same, in [0, 1].
        largest_difference: Between any two outputs.
    """

    observations: int
    same_actions: float
    largest_difference: float


def export(policy: Policy, folder: Path | str, format: str = "openvino") -> Parity:
    """Writes a policy as a graph, and compares it with the policy.

    The graph's input is a batch of observations as the policy's space says; its output is,
    for discrete actions, a score for each (the best is the policy's deterministic action),
    else the action, as the network gives it in the policy's own scale of -1 to 1 where it
    squashes (SAC, TD3, DDPG).

    Args:
        policy: A policy over one Box of numbers.
        folder: Gets policy.xml, policy.bin and export.json, which tells the parity.
        format: "openvino".

    Raises:
        UnknownNameError: No such format.
        MissingExtraError: openvino is not installed; or "onnx", which needs packages that
            are no part of Shoal.
        UsageError: The policy's observations or actions are of another kind.
        StorageError: It could not be written.
    """
    if format not in FORMATS:
        unknown("format", format, FORMATS)
    if format == "onnx":
        raise MissingExtraError(
            "cannot export to ONNX",
            "torch writes ONNX through packages that are no part of Shoal",
            "Export to OpenVINO instead: --format openvino",
        )
    module, space = _module(policy)
    graph = _convert(module, space)
    parity = _compare(policy, graph, space)
    _write(Path(folder).expanduser(), graph, policy, parity)
    return parity


def _module(policy: Policy) -> tuple[Any, Any]:
    """The torch module from a batch of observations to scores or actions."""
    import torch

    space = spaces.from_json(policy.spec.observation_space)
    kind = policy.spec.action_space.get("type")
    if type(space).__name__ != "Box" or kind not in ("Discrete", "Box"):
        raise UsageError(
            f"cannot export {policy.spec.name!r}",
            f"it maps {type(space).__name__} observations to {kind} actions",
            "One Box of numbers, to Discrete or Box actions, can be exported",
        )
    chosen: Callable[[Any], Any] = _outputs(policy)

    class Outputs(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.policy = policy.sb3.policy

        def forward(self, observation: Any) -> Any:
            return chosen(observation)

    return Outputs().eval(), space


def _outputs(policy: Policy) -> Callable[[Any], Any]:
    network: Any = policy.sb3.policy
    if policy.spec.algo == "DQN":
        return lambda seen: network.q_net(seen)
    if policy.spec.algo in ("SAC", "TD3", "DDPG"):
        return lambda seen: network._predict(seen, deterministic=True)

    def actor(seen: Any) -> Any:
        features = network.extract_features(seen, network.pi_features_extractor)
        return network.action_net(network.mlp_extractor.forward_actor(features))

    return actor


def _convert(module: Any, space: Any) -> Any:
    import torch

    example = torch.from_numpy(space.sample()[None])
    with warnings.catch_warnings(), torch.no_grad():  # it speaks to whoever traces: us
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(module, example, check_trace=False)
        shape = [-1, *space.shape]
        return import_openvino(_PURPOSE).convert_model(traced, example_input=example, input=shape)


def _compare(policy: Policy, graph: Any, space: Any) -> Parity:
    import torch

    core = import_openvino(_PURPOSE).Core()
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    compiled = compile_aside(core, graph, "CPU", settings)
    space.seed(0)
    seen = np.stack([space.sample() for _ in range(_PROBED)])
    with torch.no_grad():
        wanted = _outputs(policy)(torch.from_numpy(seen)).numpy()
    given = np.asarray(compiled(seen)[0])
    return Parity(
        observations=_PROBED,
        same_actions=float(np.mean(_same(policy, seen, given))),
        largest_difference=float(np.abs(wanted - given).max()),
    )


def _same(policy: Policy, seen: NDArray[Any], given: NDArray[Any]) -> NDArray[np.bool_]:
    """Where the graph's choice is what `predict` returns."""
    actions, _ = policy.predict(seen, deterministic=True)
    if policy.spec.action_space.get("type") == "Discrete":
        start = int(policy.spec.action_space.get("start") or 0)  # type: ignore[arg-type]
        same: NDArray[np.bool_] = actions == given.argmax(axis=1) + start
        return same
    space: Any = spaces.from_json(policy.spec.action_space)
    if policy.sb3.policy.squash_output:
        given = policy.sb3.policy.unscale_action(given)
    close = np.isclose(actions, np.clip(given, space.low, space.high), atol=1e-4)
    whole: NDArray[np.bool_] = close.reshape(len(close), -1).all(axis=1)
    return whole


def _write(folder: Path, graph: Any, policy: Policy, parity: Parity) -> None:
    """The description comes last and vouches for the other two."""
    told = {
        "policy": policy.spec.name,
        "weights_sha256": policy.spec.weights_sha256,
        "observation": policy.spec.observation,
        "observation_space": policy.spec.observation_space,
        "action_space": policy.spec.action_space,
        "parity": asdict(parity),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as aside:
            made = Path(aside) / "policy.xml"
            import_openvino(_PURPOSE).save_model(graph, made, compress_to_fp16=False)
            for ending in (".bin", ".xml"):
                write_atomic(folder / f"policy{ending}", made.with_suffix(ending).read_bytes())
    except (OSError, RuntimeError) as error:  # openvino's own writer raises the latter
        raise StorageError(
            f"could not export to {folder}", str(error).strip().splitlines()[-1],
            "Free some space, or choose another folder with --out",
        ) from error  # fmt: skip
    write_atomic(folder / "export.json", json.dumps(told, indent=1) + "\n")
