"""Learns what tiles look like from random play: `python -m shoal.envs.tiles.learn`.

Each picture of a view comes with the view's cells; every tile that looks new is kept with the
cell it shows. Rooms are those of `shoal/MixedTrainLocal-v0` with distractors, and doors,
keys, balls and boxes of every color are put into sight and into the agent's hands.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from minigrid.core.world_object import Ball, Box, Door, Key
from numpy.typing import NDArray
from safetensors.numpy import save

from shoal.envs.batch.codes import COLORS, codes_of
from shoal.envs.batch.view import AGENT, SIDE
from shoal.envs.levels import TASKS
from shoal.envs.tiles.reader import FILE, TILE

SEED, EPISODES, STEPS = 0, 60, 40
SHIPPED = Path(__file__).with_name(FILE)
_THINGS: list[Any] = [Key, Ball, Box]


def main(path: Path = SHIPPED) -> dict[str, int]:
    """Plays, learns and saves; returns how much of what was seen."""
    known: dict[tuple[bytes, bool], int] = {}
    views = 0
    for picture, codes in _played():
        views += 1
        tiles = picture.reshape(SIDE, TILE, SIDE, TILE, 3).transpose(2, 0, 1, 3, 4)
        for place, tile in enumerate(tiles.reshape(SIDE * SIDE, -1)):
            known[tile.tobytes(), place == AGENT] = int(codes[place])
    order = sorted(known, key=lambda seen: (seen[1], known[seen], seen[0]))
    arrays = {
        "tiles": np.stack([np.frombuffer(tile, np.uint8) for tile, _ in order]),
        "codes": np.array([known[seen] for seen in order], np.uint8),
        "held": np.array([held for _, held in order], np.uint8),
    }
    path.write_bytes(save(arrays))
    return {"views": views, "tiles": len(order), "codes": len(set(known.values()))}


def _played() -> Any:
    random = np.random.default_rng(SEED)
    for episode in range(EPISODES):
        task = TASKS[episode % len(TASKS)]
        env = gymnasium.make("shoal/MixedTrainLocal-v0", task=task, num_dists=10)
        env.reset(seed=SEED + episode)
        level: Any = env.unwrapped
        for step in range(STEPS):
            _stir(level, random)
            if step % 4 == 0:
                _place_door(level, random)
            yield _seen(level)
            level.step(int(random.choice([0, 1, 2, 2, 3, 4, 5])))


def _stir(level: Any, random: np.random.Generator) -> None:
    """Now and then puts anything into the agent's hands, or nothing."""
    if random.random() < 0.3:
        kind = random.choice(len(_THINGS))
        level.carrying = (
            _THINGS[kind](str(random.choice(COLORS))) if random.random() < 0.9 else None
        )


def _place_door(level: Any, random: np.random.Generator) -> None:
    """Puts a door of any color and state into sight, where nothing is."""
    x, y = level.front_pos + level.dir_vec * int(random.integers(0, 3))
    if 0 < x < level.width - 1 and 0 < y < level.height - 1 and level.grid.get(x, y) is None:
        state = random.integers(0, 3)
        door = Door(str(random.choice(COLORS)), is_open=state == 0, is_locked=state == 2)
        level.grid.set(x, y, door)


def _seen(level: Any) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    picture = level.get_frame(tile_size=TILE, agent_pov=True)
    return picture, codes_of(level.gen_obs()["image"]).reshape(-1)


if __name__ == "__main__":
    print(main())
