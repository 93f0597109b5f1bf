"""Frames of a video, an animation, a folder of stills or a screen: sampled, and without repeats."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from shoal.errors import UsageError
from shoal.modalities.vision.encoder import VisionEncoder, vision_encoder
from shoal.modalities.vision.frames.shots import Shots
from shoal.modalities.vision.frames.stills import open_animation, open_folder, open_stream
from shoal.modalities.vision.frames.unlike import Unlike
from shoal.modalities.vision.frames.video import is_video, open_video

if TYPE_CHECKING:
    from PIL import Image

    from shoal.modalities.vision.opening.images import ImageSource

    FrameSource: TypeAlias = str | Path | bytes | Iterable[ImageSource | tuple[float, ImageSource]]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of many.

    Attributes:
        index: Its place in the source, from 0; what was left out counts.
        seconds: Since the source's start.
        image: RGB, upright.
    """

    index: int
    seconds: float
    image: Image.Image


class Frames(Iterator[Frame]):
    """Frames one by one; only the present one is in memory.

    Leaving a `with` block, or `close`, frees the source before its end.
    """

    def __init__(self, shots: Shots, stream: Generator[Frame]) -> None:
        self._shots, self._stream = shots, stream

    def __next__(self) -> Frame:
        return next(self._stream)

    def __enter__(self) -> Frames:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Frees the source."""
        self._stream.close()
        self._shots.close()  # a generator that has not begun does not come to its end

    @property
    def note(self) -> str:
        """What could not be read, once the frames have ended; empty when all could."""
        return "; ".join(self._shots.notes)


def frames(
    source: FrameSource,
    *,
    every: float | None = None,
    fps: float | None = None,
    most: int | None = None,
    unlike: float | None = None,
    encoder: Callable[[], VisionEncoder] = vision_encoder,
) -> Frames:
    """Opens a source of pictures over time.

    Args:
        source: A video file (MP4, MOV, MKV, WebM, AVI …; needs the "video" extra), an animated
            GIF, WebP or PNG as file or bytes, a folder of stills (one a second, by name), or
            anything that yields pictures as `load_image` takes them, or (seconds, picture):
            a screen grabber. Without seconds, a picture has the time at which it comes.
        every: Seconds between two frames.
        fps: The same as frames a second.
        most: End after so many.
        unlike: Leave out frames whose embedding has a cosine of this or more with one of the
            last 32 that were kept; 0.9 tells scenes apart.
        encoder: Returns the encoder that compares.

    Returns:
        An iterator; its `note` tells what was damaged, such as the end of a truncated file.
        A video is decoded in a process of its own, which ends with the iterator. Once it was
        opened, nothing in it raises: a frame that can't be decoded, a decoder that crashes,
        takes too much memory or says nothing for 30 seconds ends the frames with a note.

    Raises:
        UsageError: An option is out of range.
        ImageError: The source can't be read at all; a single picture that is refused, in a
            stream. In a folder, what is no picture is left out and noted.
        MissingExtraError: It is a video, and OpenCV is not installed.
        RunError: It is a video, and the process that decodes it can't be started.
    """
    step = _step(every, fps)
    _check(most, unlike)
    shots = _open(source)
    new = Unlike(unlike, encoder) if unlike is not None else None
    return Frames(shots, _sampled(shots, step, most, new))


def _sampled(
    shots: Shots, step: float, most: int | None, new: Callable[[Image.Image], bool] | None
) -> Generator[Frame]:
    due, kept = -math.inf, 0
    try:
        for index, shot in enumerate(shots.stream):
            if shot.seconds < due:
                continue
            due = _next_due(shot.seconds, step)
            pixels = shot.pixels()
            if pixels is None:
                return
            if new is None or new(pixels):
                yield Frame(index, shot.seconds, pixels)
                kept += 1
            if kept == most:
                return
            del shot, pixels  # a large picture need not wait for the next one to be opened
    finally:
        shots.close()


def _next_due(seconds: float, step: float) -> float:
    """The next multiple of the step; a hair earlier, as files round their times."""
    hair = min(1e-3, step / 10)
    return (math.floor((seconds + hair) / step) + 1) * step - hair if step else seconds


def _open(source: FrameSource) -> Shots:
    if isinstance(source, str | Path):
        path = Path(source).expanduser()
        if path.is_dir():
            return open_folder(path)
        return open_video(path) if is_video(path) else open_animation(source)
    if isinstance(source, bytes):
        return open_animation(source)
    if getattr(source, "ndim", 4) < 4 or hasattr(source, "getbands"):
        raise UsageError("one image was passed", "many are expected", "Pass [image]")
    if not isinstance(source, Iterable):
        kind = type(source).__name__
        fix = "Pass a path, bytes, or an iterable of pictures"
        raise UsageError(f"cannot take frames from {kind}", "it yields no pictures", fix)
    return open_stream(source)


def _step(every: float | None, fps: float | None) -> float:
    if every is not None and fps is not None:
        raise UsageError("every= and fps= were both given", "they say the same", "Pass one of them")
    value = every if every is not None else fps
    if value is not None and not 0 < value < math.inf:
        name = "every" if every is not None else "fps"
        raise UsageError(f"{name} is {value}", "it must be over 0", f"Pass {name}=1, or so")
    return 0.0 if value is None else value if every is not None else 1 / value


def _check(most: int | None, unlike: float | None) -> None:
    if most is not None and most < 1:
        raise UsageError(f"most is {most}", "at least one frame is needed", "Pass most=1 or more")
    if unlike is not None and not 0 < unlike <= 1:
        raise UsageError(f"unlike is {unlike}", "it is a cosine", "Pass unlike=0.9, or so")
