"""Frames of real videos, animations, folders and streams; sampled, deduplicated, damaged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shoal.errors import ImageError, UsageError
from shoal.modalities.vision import load_image
from shoal.modalities.vision.frames import frames
from shoal.modalities.vision.frames.unlike import difference_hash

ASSETS = Path(__file__).parents[2] / "agents/demo/assets"


@pytest.fixture(scope="module")
def scenes() -> list[Image.Image]:
    """A cat, a cup of coffee, and a sign."""
    names = ("cat.jpg", "coffee.jpg", "sign.png")
    return [load_image(ASSETS / name).pixels.resize((160, 120)) for name in names]


def _video(path: Path, scenes: list[Image.Image], each: int = 20, coding: str = "mp4v") -> Path:
    """Ten frames a second."""
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed: pip install 'shoal[video]'")
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*coding), 10.0, (160, 120))
    for scene in scenes:
        for shift in range(each):
            moved = np.roll(np.asarray(scene), shift % 3, axis=1)
            writer.write(np.ascontiguousarray(moved[:, :, ::-1]))
    writer.release()
    return path


def _gif(path: Path, scenes: list[Image.Image], milliseconds: int = 500) -> Path:
    scenes[0].save(path, save_all=True, append_images=scenes[1:], duration=milliseconds)
    return path


@pytest.mark.parametrize(
    ("name", "coding"), [("a.mp4", "mp4v"), ("a.avi", "MJPG"), ("a.mkv", "mp4v")]
)
def test_a_video_is_sampled_by_time(
    tmp_path: Path, scenes: list[Image.Image], name: str, coding: str
) -> None:
    path = _video(tmp_path / name, scenes, coding=coding)
    found = frames(path, every=1.0)
    taken = list(found)
    assert [frame.index for frame in taken] == [0, 10, 20, 30, 40, 50]
    assert [frame.seconds for frame in taken] == pytest.approx([0, 1, 2, 3, 4, 5], abs=0.06)
    assert found.note == ""
    assert taken[0].image.size == (160, 120)
    for frame, scene in ((taken[0], scenes[0]), (taken[2], scenes[1]), (taken[4], scenes[2])):
        gap = np.abs(np.asarray(frame.image, float) - np.asarray(scene, float)).mean()
        assert gap < 15  # the right scene, and red is red
    assert len(list(frames(path))) == 60
    assert len(list(frames(path, fps=5))) == 30
    assert [frame.index for frame in frames(path, every=2, most=2)] == [0, 20]


def test_repeats_are_left_out(tmp_path: Path, scenes: list[Image.Image]) -> None:
    path = _video(tmp_path / "a.mp4", [scenes[0], scenes[1], scenes[0], scenes[2]], each=8)
    kept = list(frames(path, unlike=0.8))
    assert [frame.index // 8 for frame in kept] == [0, 1, 3]


def test_plain_frames_of_different_colours_are_not_repeats() -> None:
    red, blue = (Image.new("RGB", (64, 64), name) for name in ("red", "blue"))
    assert difference_hash(red) == difference_hash(blue)
    kept = list(frames([red, red, blue, blue, red], unlike=1.0))
    assert [frame.index for frame in kept] == [0, 2]


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png"])
def test_animations_keep_their_times(tmp_path: Path, scenes: list[Image.Image], name: str) -> None:
    path = _gif(tmp_path / name, scenes)
    taken = list(frames(path))
    assert [frame.seconds for frame in taken] == pytest.approx([0, 0.5, 1.0])
    assert [frame.image.mode for frame in taken] == ["RGB"] * 3
    assert [frame.index for frame in frames(path.read_bytes(), every=1)] == [0, 2]
    assert len(list(frames(ASSETS / "cat.jpg"))) == 1


def test_a_truncated_video_gives_what_could_be_read(
    tmp_path: Path, scenes: list[Image.Image]
) -> None:
    whole = _video(tmp_path / "a.avi", scenes, coding="MJPG").read_bytes()
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole[: len(whole) // 2])
    found = frames(cut)
    count = len(list(found))
    assert 10 < count < 50
    assert "frames could be read" in found.note
    assert "cut.avi" in found.note


def test_a_truncated_animation_gives_what_could_be_read(
    tmp_path: Path, scenes: list[Image.Image]
) -> None:
    whole = _gif(tmp_path / "a.gif", [*scenes, *scenes]).read_bytes()
    found = frames(whole[: len(whole) * 2 // 3])
    assert 2 <= len(list(found)) <= 5
    assert "frames could be read" in found.note


def test_broken_sources_say_so(tmp_path: Path, scenes: list[Image.Image]) -> None:
    video = _video(tmp_path / "a.mp4", scenes).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(video[: len(video) // 2])  # its table came last
    with pytest.raises(ImageError, match=r"cut\.mp4.*damaged or cut off"):
        frames(tmp_path / "cut.mp4")
    playlist = tmp_path / "list.mp4"
    playlist.write_text("#EXTM3U\n#EXTINF:1,\nhttp://example.com/a.ts\n")
    with pytest.raises(ImageError, match="not a picture"):
        frames(playlist)
    with pytest.raises(ImageError, match="no such file"):
        frames(tmp_path / "none.mp4")
    with pytest.raises(ImageError, match="will not fetch"):
        frames("https://example.com/a.mp4")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageError, match="it is empty"):
        frames(tmp_path / "empty")


def test_a_folder_of_stills_is_read_in_peoples_order(
    tmp_path: Path, scenes: list[Image.Image]
) -> None:
    for number in (1, 2, 10):
        Image.new("RGB", (8, 8), (number * 20, 0, 0)).save(tmp_path / f"frame{number}.png")
    (tmp_path / "frame3.png").write_bytes(b"junk")
    found = frames(tmp_path)
    taken = list(found)
    assert [frame.image.getpixel((0, 0)) for frame in taken] == [
        (20, 0, 0),
        (40, 0, 0),
        (200, 0, 0),
    ]
    assert [frame.seconds for frame in taken] == [0, 1, 2]
    assert "frame3.png" in found.note


def test_a_stream_is_taken_one_picture_at_a_time() -> None:
    made: list[int] = []

    def screen() -> Iterator[tuple[float, np.ndarray]]:
        for number in range(10**9):
            made.append(number)
            yield number / 4, np.full((6, 6, 3), number % 250, np.uint8)

    with frames(screen(), every=1, most=3) as found:
        first = next(found)
        assert len(made) == 1
        assert [frame.seconds for frame in (first, *found)] == [0, 1, 2]
    assert len(made) == 9
    clock = list(frames([np.zeros((6, 6), np.uint8)] * 3, every=60))
    assert [frame.index for frame in clock] == [0]


def test_every_frame_goes_through_the_same_limits() -> None:
    with pytest.raises(ImageError, match="too large"):
        list(frames([np.broadcast_to(np.uint8(0), (9000, 9000))]))
    with pytest.raises(ImageError, match="NaN"):
        list(frames([np.full((4, 4, 3), np.nan, np.float32)]))


def test_wrong_use_is_told() -> None:
    source = ASSETS / "cat.jpg"
    for options, words in (
        ({"every": 1.0, "fps": 2.0}, "both"),
        ({"every": 0.0}, "every is 0"),
        ({"fps": float("nan")}, "fps is nan"),
        ({"unlike": 2.0}, "unlike"),
    ):
        with pytest.raises(UsageError, match=words):
            frames(source, **options)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="most is 0"):
        frames(source, most=0)
    with pytest.raises(UsageError, match="one image"):
        frames(np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(UsageError, match="cannot take frames from int"):
        frames(7)  # type: ignore[arg-type]
