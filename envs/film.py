"""Writes pictures as an MP4 film, with OpenCV (the `video` extra)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from shoal.extras import require


def film(path: Path, frames: Sequence[Image.Image], per_second: float) -> None:
    """Writes an MP4 (MPEG-4 part 2); every frame gets the size of the first, made even.

    Raises:
        MissingExtraError: OpenCV is not installed.
        OSError: This OpenCV can't write such files, or not there.
    """
    cv2: Any = require("cv2", "recording an MP4 film")
    width, height = frames[0].size
    size = (width + width % 2, height + height % 2)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), per_second, size)
    if not writer.isOpened():
        raise OSError("OpenCV cannot write an MP4 film there")
    try:
        for frame in frames:
            picture = ImageOps.pad(frame.convert("RGB"), size, centering=(0, 0))
            writer.write(np.ascontiguousarray(np.asarray(picture)[..., ::-1]))  # OpenCV: BGR
    finally:
        writer.release()
