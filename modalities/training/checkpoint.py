"""Checkpoints of a training: one safetensors file each, so that none is half there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from shoal.errors import CorruptWeightsError, UsageError
from shoal.files import write_atomic

Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Tensors by name, and facts that JSON can hold."""

    tensors: Tensors
    facts: dict[str, Any]

    def save(self, path: Path) -> None:
        """Writes the file whole or not at all.

        Raises:
            StorageError: The disk is full; the file that was there is intact.
        """
        from safetensors.torch import save

        tensors = {name: value.detach().cpu().contiguous() for name, value in self.tensors.items()}
        write_atomic(path, save(tensors, {"facts": json.dumps(self.facts)}))

    @classmethod
    def load(cls, path: Path) -> Checkpoint:
        """Reads a checkpoint; nothing in it is executed.

        Raises:
            UsageError: There is none.
            CorruptWeightsError: It can't be read.
        """
        from safetensors import SafetensorError, safe_open

        if not path.is_file():
            raise UsageError(
                f"there is no checkpoint at {path}",
                "no training of that name was broken off",
                "Start one: the same command without --resume",
            )
        try:
            with safe_open(path, framework="pt") as stream:
                facts = json.loads(stream.metadata()["facts"])
                return cls({name: stream.get_tensor(name) for name in stream.keys()}, facts)  # noqa: SIM118
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            raise CorruptWeightsError(
                f"cannot read the checkpoint {path}", str(error), "Train without --resume"
            ) from error


def pack(prefix: str, tensors: Mapping[str, torch.Tensor]) -> Tensors:
    """Puts a prefix before every name, so that several sets fit in one file."""
    return {f"{prefix}:{name}": value for name, value in tensors.items()}


def unpack(prefix: str, tensors: Mapping[str, torch.Tensor]) -> Tensors:
    """Returns the tensors that `pack` put there under this prefix."""
    start = f"{prefix}:"
    return {name[len(start) :]: value for name, value in tensors.items() if name.startswith(start)}


def fill(own: Tensors, tensors: Mapping[str, torch.Tensor]) -> None:
    """Copies values into tensors that stay where they are, on a CPU or a GPU."""
    with torch.no_grad():
        for name, value in own.items():
            value.copy_(tensors[name])


def adam_state(optimizer: torch.optim.Optimizer) -> Tensors:
    """Returns an Adam optimizer's moments and step counts, flat."""
    states = optimizer.state_dict()["state"]
    return {f"{i}.{key}": value for i, state in states.items() for key, value in state.items()}


def restore_adam(optimizer: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor]) -> None:
    """Puts back what `adam_state` returned; rates come from the schedule, not from here."""
    states: dict[int, Tensors] = {}
    for name, value in tensors.items():
        index, _, key = name.partition(".")
        states.setdefault(int(index), {})[key] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": states, "param_groups": groups})
