"""Views read off pictures: the same cells as the env's own, in rooms never seen before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

import shoal.envs  # noqa: F401  # registers the levels
from shoal.envs.batch.codes import codes_of
from shoal.envs.goal_map.wrappers import GoalMap, PixelMap
from shoal.envs.levels import TASKS
from shoal.envs.tiles.learn import main
from shoal.envs.tiles.reader import FILE, TILE, tile_reader


def test_every_cell_of_new_rooms_is_read() -> None:
    random, read = np.random.default_rng(1), 0
    for seed in range(1000, 1030):
        env: Any = gymnasium.make(
            "shoal/MixedTestLocal-v0", task=TASKS[seed % len(TASKS)], num_dists=8
        )
        seen, _ = env.reset(seed=seed)
        for _ in range(20):
            picture = env.unwrapped.get_frame(tile_size=TILE, agent_pov=True)
            assert np.array_equal(tile_reader().read(picture), codes_of(seen["image"]).ravel())
            seen, _, terminated, truncated, _ = env.step(int(random.integers(0, 6)))
            read += 1
            if terminated or truncated:
                break
    assert read > 300


def test_a_noisy_picture_is_still_read() -> None:
    env: Any = gymnasium.make("shoal/MixedTrainLocal-v0", task="putnext", num_dists=8)
    seen, _ = env.reset(seed=5)
    picture = env.unwrapped.get_frame(tile_size=TILE, agent_pov=True).astype(int)
    noise = np.random.default_rng(0).integers(-12, 13, picture.shape)
    read = tile_reader().read(np.clip(picture + noise, 0, 255).astype(np.uint8))
    assert np.array_equal(read, codes_of(seen["image"]).ravel())


def test_pixels_give_the_same_map_as_cells() -> None:
    both = [
        kind(gymnasium.make("shoal/MixedTrainLocal-v0", task="open", num_dists=4))
        for kind in (GoalMap, PixelMap)
    ]
    seen = [env.reset(seed=7)[0] for env in both]
    for action in np.random.default_rng(0).integers(0, 6, 100):
        assert np.array_equal(seen[0], seen[1])
        seen = [env.step(int(action))[0] for env in both]


def test_the_shipped_tiles_are_what_the_command_learns(tmp_path: Path) -> None:
    made = tmp_path / FILE
    told = main(made)
    shipped = Path(__file__).parents[2] / "envs" / "tiles" / FILE
    assert made.read_bytes() == shipped.read_bytes()
    assert told["codes"] == 39
