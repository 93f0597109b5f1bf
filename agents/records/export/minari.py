"""Episodes in Minari's layout on disk: one dataset an env, under a root for Minari.

    ROOT/ENV/records-v0/data/metadata.json
    ROOT/ENV/records-v0/data/main_data.hdf5     episode_0/observations, actions, rewards …

`MINARI_DATASETS_PATH=ROOT`, then `minari.load_dataset("ENV/records-v0")`. Where h5py is absent
an episode is an .npz file of the same names instead, which Minari itself can't read.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from shoal.agents.records.export.rows import LeftOut
from shoal.agents.records.export.simulating import Simulated, simulated
from shoal.agents.records.export.spaces import columns, told
from shoal.agents.records.export.writing import Manifest, manifest_path
from shoal.agents.records.record import Record
from shoal.errors import StorageError, UsageError
from shoal.extras import installed
from shoal.files import sync, write_atomic

VERSIONS = ">=0.5"
"""The versions of Minari that know this layout."""

_PLAIN = (
    "h5py is not installed: each episode is an .npz file with Minari's names, which Minari itself "
    "can't read. Type: pip install h5py, and export again"
)


def write_episodes(root: Path, seen: Iterator[Record], manifest: Manifest) -> None:
    """Writes the episodes of records, played again, aside; then puts them in place at once.

    Raises:
        UsageError: The folder holds something else.
        StorageError: It can't be written; what was there before is intact.
    """
    if root.exists() and any(root.iterdir()) and not manifest_path(root).exists():
        raise UsageError(
            f"{root} can't be replaced", "it is not of `shoal export`", "Choose another --to"
        )
    manifest.format = "minari hdf5" if installed("h5py") else "minari's names in .npz"
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root.parent, prefix=f".{root.name}.") as made:
            _fill(Path(made) / "new", seen, manifest)
            for file in (Path(made) / "new").rglob("*"):
                sync(file)
            if root.exists():
                root.rename(Path(made) / "old")
            (Path(made) / "new").rename(root)
    except OSError as error:
        raise StorageError(f"could not save {root}", str(error), "Free some disk space") from error


def _fill(root: Path, seen: Iterator[Record], manifest: Manifest) -> None:
    root.mkdir()
    datasets: dict[str, Dataset] = {}
    with ExitStack() as opened:
        for record in seen:
            try:
                episode = simulated(record)
                name = _name(episode.trajectory.env)
                if name not in datasets:
                    made = Dataset(root / name / "records-v0", episode.env)
                    datasets[name] = made
                    opened.callback(made.close)
                datasets[name].add(episode)
                manifest.written += 1
            except LeftOut as why:
                manifest.leave_out(record, str(why))
    sets = [f"{name}/records-v0 ({each.episodes} episodes)" for name, each in datasets.items()]
    manifest.notes += [f"datasets: {', '.join(sets)}"] if sets else []
    manifest.notes += [] if installed("h5py") else [_PLAIN]


def _name(env: str) -> str:
    """An env's id as Minari names envs: small letters, digits and hyphens."""
    return "".join(c if c.isalnum() else "-" for c in env.lower())


class Dataset:
    """One Minari dataset that grows by episodes.

    Args:
        folder: Where it goes; its last two parts are its id.
        env: Any of the envs, which tells the spaces and the spec.

    Attributes:
        episodes: How many it holds.

    Raises:
        LeftOut: Minari can't tell the env's spaces.
    """

    def __init__(self, folder: Path, env: Any) -> None:
        self._about = {
            "data_format": "hdf5" if installed("h5py") else "npz",
            "dataset_id": "/".join(folder.parts[-2:]),
            "minari_version": VERSIONS,
            "observation_space": json.dumps(told(env.observation_space)),
            "action_space": json.dumps(told(env.action_space)),
            **_spec(env),
            "description": "Episodes of this env that Shoal's policies played, from its records.",
        }
        self.episodes = self._steps = 0
        self._data = folder / "data"
        self._data.mkdir(parents=True)
        self._file = _hdf5(self._data / "main_data.hdf5") if installed("h5py") else None

    def add(self, episode: Simulated) -> None:
        """Adds one episode."""
        steps, seed = len(episode.actions), episode.trajectory.seed
        parts = {
            name: values
            for part in ("observations", "actions", "rewards", "terminations", "truncations")
            for name, values in columns(part, getattr(episode, part))
        }
        about = {"id": self.episodes, "seed": seed, "total_steps": steps}
        if self._file is None:
            self._add_plain(parts, about)
        else:
            _add_group(self._file.create_group(f"episode_{self.episodes}"), parts, about)
        self.episodes, self._steps = self.episodes + 1, self._steps + steps

    def close(self) -> None:
        """Writes what tells of the episodes, and ends the file."""
        if self._file is not None:
            self._file.close()
        size = sum(file.stat().st_size for file in self._data.iterdir()) / 1e6
        counted = {"total_episodes": self.episodes, "total_steps": self._steps}
        about = {**self._about, **counted, "dataset_size": round(size, 1)}
        write_atomic(self._data / "metadata.json", json.dumps(about) + "\n")

    def _add_plain(self, parts: dict[str, Any], about: dict[str, Any]) -> None:
        import numpy as np

        plain: dict[str, Any] = {
            name: np.asarray(values) for name, values in (*parts.items(), *about.items())
        }
        with (self._data / f"episode_{self.episodes}.npz").open("wb") as file:
            np.savez_compressed(file, **plain)


def _hdf5(path: Path) -> Any:
    import h5py

    return h5py.File(path, "w", track_order=True)


def _add_group(group: Any, parts: dict[str, Any], about: dict[str, Any]) -> None:
    import h5py

    group.attrs.update(about)
    for name, values in parts.items():
        texts = h5py.string_dtype(encoding="utf-8") if isinstance(values, list) else None
        shape = () if isinstance(values, list) else values.shape[1:]
        group.create_dataset(name, data=values, dtype=texts, chunks=True, maxshape=(None, *shape))


def _spec(env: Any) -> dict[str, str]:
    spec = getattr(env.unwrapped, "spec", None)
    try:
        return {"env_spec": str(spec.to_json())} if spec else {}
    except (TypeError, ValueError):  # arguments that JSON has no word for
        return {}
