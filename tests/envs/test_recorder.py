from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from shoal.envs import Recorder, make
from shoal.errors import RunError, StorageError, UsageError

LEVEL = "BabyAI-GoToLocal-v0"


def _episode() -> Any:
    env = make(LEVEL, observation="text", record=True)
    env.reset(seed=0)
    for action in (0, 1, 2, 2, 6, 6):
        env.step(action)
    return env


def test_the_gif_has_a_frame_per_step_and_the_start(tmp_path: Path) -> None:
    """The two idle actions at the end change nothing but the step in the caption."""
    env = _episode()
    path = env.save_gif(tmp_path / "new" / "episode")
    with Image.open(path) as gif:
        assert gif.format == "GIF"
        assert getattr(gif, "n_frames", 0) == 7
        width, height = gif.size
        assert height > width >= 100
    assert path.name == "episode.gif"
    assert env.actions == [0, 1, 2, 2, 6, 6]
    assert len(env.path) == 7
    assert env.path[0] == env.path[1]


def test_a_reset_starts_anew() -> None:
    env = _episode()
    env.reset(seed=1)
    assert (len(env.frames), len(env.path), env.actions) == (1, 1, [])


def test_any_env_that_draws_can_be_recorded() -> None:
    env: Any = make("CartPole-v1", record=True)
    env.reset(seed=0)
    env.step(1)
    assert len(env.frames) == 2
    assert env.path == []


def test_nothing_recorded_nothing_saved(tmp_path: Path) -> None:
    env: Any = make(LEVEL, record=True)
    with pytest.raises(RunError, match="Run an episode first"):
        env.save_gif(tmp_path / "none.gif")
    assert list(tmp_path.glob("*.gif")) == []


def test_a_recorder_needs_pictures() -> None:
    with pytest.raises(UsageError, match="rgb_array"):
        Recorder(make(LEVEL))


def test_a_gif_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(StorageError, match="Nothing was changed"):
        _episode().save_gif(blocked / "x.gif")
    assert blocked.read_text() == "not a folder"
