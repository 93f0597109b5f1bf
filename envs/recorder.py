"""Keeps an episode's frames and path, and saves them as a GIF or an MP4 film."""

from __future__ import annotations

from pathlib import Path
from typing import Any, SupportsFloat

import gymnasium
import numpy as np
from gymnasium.utils import RecordConstructorArgs
from PIL import Image, ImageDraw

from shoal.envs.film import film
from shoal.errors import RunError, UsageError
from shoal.files import write_atomic

LONGEST = 2000
"""Frames kept at most; a longer episode keeps its first ones."""

_CAPTION = 22  # pixels under the picture: mission and step, so no two frames are equal


class Recorder(gymnasium.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Records the episode since the last reset.

    Attributes:
        frames: One picture per reset and step, with a caption.
        path: The agent's (x, y) cell at each frame, where the env has one.
        actions: The actions taken.

    Raises:
        UsageError: The env was not made with `render_mode="rgb_array"`.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        super().__init__(env)
        if env.render_mode != "rgb_array":
            raise UsageError(
                "cannot record this env",
                f"its render_mode is {env.render_mode!r}",
                "Make it with render_mode='rgb_array'",
            )
        self.frames: list[Image.Image] = []
        self.path: list[tuple[int, int]] = []
        self.actions: list[Any] = []
        self._unseen = ""

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Resets the env and starts a new recording."""
        self.frames, self.path, self.actions, self._unseen = [], [], [], ""
        observation, info = self.env.reset(seed=seed, options=options)
        self._keep()
        return observation, info

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Steps the env and keeps the new frame."""
        result = self.env.step(action)
        self.actions.append(np.asarray(action).tolist())
        self._keep()
        return result

    def save(self, path: Path | str, *, frame_ms: int = 150) -> Path:
        """Writes the recording as a GIF, or as a film where the path ends in ".mp4".

        Raises:
            UsageError: The path ends in another kind of file.
            RunError: Nothing was recorded yet, or the env could not be drawn.
            MissingExtraError: A film needs OpenCV.
            StorageError: It can't be written; nothing half-written is left.
        """
        kind = Path(path).suffix.lower()
        if kind not in ("", ".gif", ".mp4"):
            raise UsageError(
                f"cannot record to {Path(path).name}",
                "an episode is saved as GIF or MP4",
                "End the name in .gif or .mp4",
            )
        save = self.save_mp4 if kind == ".mp4" else self.save_gif
        return save(path, frame_ms=frame_ms)

    def save_mp4(self, path: Path | str, *, frame_ms: int = 150) -> Path:
        """Writes the recording as an MP4 film (MPEG-4 part 2).

        Raises:
            RunError: Nothing was recorded yet, or the env could not be drawn.
            MissingExtraError: OpenCV is not installed.
            StorageError: It can't be written; nothing half-written is left.
        """
        self._check_recorded()
        target, frames = Path(path).with_suffix(".mp4"), self.frames
        return write_atomic(target, lambda file: film(file, frames, 1000 / frame_ms))

    def save_gif(self, path: Path | str, *, frame_ms: int = 150) -> Path:
        """Writes the recording as an animated GIF; the last frame stays for a second.

        Raises:
            RunError: Nothing was recorded yet, or the env could not be drawn.
            StorageError: It can't be written; nothing half-written is left.
        """
        self._check_recorded()
        durations = [frame_ms] * (len(self.frames) - 1) + [1000]
        first, rest = self.frames[0], self.frames[1:]
        target = Path(path).with_suffix(".gif")

        def write(file: Path) -> None:
            first.save(file, "GIF", save_all=True, append_images=rest, duration=durations, loop=0)

        return write_atomic(target, write)

    def _check_recorded(self) -> None:
        if self._unseen:
            raise RunError("no picture of the episode", self._unseen, "Mend the env's render()")
        if not self.frames:
            raise RunError("no episode to save", "reset() was not called", "Run an episode first")

    def _keep(self) -> None:
        if len(self.frames) < LONGEST and not self._unseen:
            self._draw()
        cell = getattr(self.unwrapped, "agent_pos", None)
        if cell is not None:
            self.path.append((int(cell[0]), int(cell[1])))

    def _draw(self) -> None:
        """A picture that can't be drawn must not end the episode: saving it says why."""
        mission = str(getattr(self.unwrapped, "mission", ""))
        try:
            frame: Any = self.env.render()
            self.frames.append(_captioned(frame, f"{mission}  [{len(self.actions)}]"))
        except Exception as error:
            self._unseen = f"rendering raised {type(error).__name__} ({str(error)[:200]})"


def _captioned(frame: Any, text: str) -> Image.Image:
    picture = Image.fromarray(np.asarray(frame, np.uint8))
    canvas = Image.new("RGB", (picture.width, picture.height + _CAPTION), "black")
    canvas.paste(picture, (0, 0))
    ImageDraw.Draw(canvas).text((4, picture.height + 4), text, fill="white")
    return canvas.quantize(64)
