from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from shoal.envs import Recorder, make
from shoal.errors import MissingExtraError, RunError, StorageError, UsageError

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


def test_a_film_has_the_same_frames(tmp_path: Path) -> None:
    cv2: Any = pytest.importorskip(
        "cv2", reason="OpenCV is not installed: pip install 'shoal[video]'"
    )
    env = _episode()
    path = env.save(tmp_path / "new" / "episode.mp4", frame_ms=100)
    film = cv2.VideoCapture(str(path))
    frames = []
    while (read := film.read())[0]:
        frames.append(read[1][..., ::-1])
    assert len(frames) == 7
    assert film.get(cv2.CAP_PROP_FPS) == pytest.approx(10)
    for frame, kept in zip(frames, env.frames, strict=True):
        exact = np.asarray(kept.convert("RGB"), np.int16)
        shown = frame[: exact.shape[0], : exact.shape[1]]
        assert np.abs(shown - exact).mean() < 8  # colors in order, compressed
    assert [file.name for file in path.parent.iterdir()] == ["episode.mp4"]


def test_a_film_without_opencv_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = _episode()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'shoal\[video\]'"):
        env.save(tmp_path / "episode.mp4")
    assert list(tmp_path.glob("*episode*")) == []


def test_the_name_decides_the_kind_of_file(tmp_path: Path) -> None:
    env = _episode()
    assert env.save(tmp_path / "a").name == "a.gif"
    assert env.save(tmp_path / "b.GIF").name == "b.gif"
    with pytest.raises(UsageError, match=r"\.gif or \.mp4"):
        env.save(tmp_path / "c.avi")


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
