"""What is kept of an episode: a file of actions and rewards, and where it lies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from shoal.errors import StorageError
from shoal.files import sha256_file, write_atomic

FILE = "trajectory.json"


@dataclass(frozen=True, slots=True)
class Trajectory:
    """An episode as it was played: with env, mission and seed enough to replay it.

    Attributes:
        policy: Name of who played.
        env: A gymnasium id.
        mission: In words; "" where the env has none.
        seed: Of the env and of the policy's sampling.
        actions: In order, JSON-able.
        rewards: One for each of them; empty in records that held the actions alone.
        ended: "success", or why not: "failure", "horizon", "cancelled", "refused".
        goal: What the policy was told, where it was told more.
    """

    policy: str
    env: str
    mission: str
    seed: int
    actions: list[Any]
    rewards: list[float]
    ended: str
    goal: Mapping[str, Any] | None = None

    @property
    def steps(self) -> int:
        """How many env steps were taken."""
        return len(self.actions)

    def save(self, folder: Path) -> Kept:
        """Writes the episode into a folder.

        Raises:
            StorageError: It can't be written; nothing half-written is left.
        """
        path = write_atomic(folder / FILE, json.dumps(asdict(self)) + "\n")
        return Kept(self, str(path), sha256_file(path))

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Trajectory:
        """Reads the episode that a remembered item is about.

        Args:
            data: The item's `data`: by reference, or with the actions in it, as Shoal kept
                them before.

        Raises:
            StorageError: The file is gone, or is not the one that was remembered.
        """
        if "actions" in data:
            ended = "success" if data.get("solved") else "failure"
            return cls(str(data.get("policy", "")), data["env"], data["goal"], data["seed"],
                       list(data["actions"]), [], ended)  # fmt: skip
        path = Path(str(data.get("trajectory", "")))
        if not path.is_file():
            raise StorageError("the episode can't be read", f"{path} is gone")
        if sha256_file(path) != data.get("sha256"):
            raise StorageError("the episode can't be read", f"{path} was changed since")
        return cls(**json.loads(path.read_text(encoding="utf-8")))


@dataclass(frozen=True, slots=True)
class Kept:
    """A trajectory, and where it was saved.

    Attributes:
        trajectory: The episode.
        path: Its file; "" where it could not be saved.
        sha256: Of the file.
    """

    trajectory: Trajectory
    path: str = ""
    sha256: str = ""

    def memory(self, **more: Any) -> dict[str, Any]:
        """The item that memory keeps: a text to find it by, and the reference.

        Args:
            more: Further facts, such as the path of a GIF.
        """
        told = self.trajectory
        solved, plural = told.ended == "success", "s" if told.steps != 1 else ""
        verdict = f"solved in {told.steps} step{plural}"
        if not solved:
            verdict = f"not solved after {told.steps} step{plural} ({told.ended})"
        data = {"kind": "episode", "env": told.env, "goal": told.mission, "seed": told.seed}
        data |= {"solved": solved, "policy": told.policy, "steps": told.steps}
        data |= {"trajectory": self.path, "sha256": self.sha256, **more}
        return {"text": f"episode: {told.mission or 'an episode'} in {told.env}, {verdict}",
                "data": data}  # fmt: skip
