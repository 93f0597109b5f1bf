"""A model's own input transform, in plain PIL and numpy.

It does what `timm.data.create_transform` does at evaluation (resize, centre crop,
normalise), so that a converted model runs without importing timm or torch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

    Bytes = np.ndarray[Any, np.dtype[np.uint8]]
    Floats = np.ndarray[Any, np.dtype[np.float32]]

_PLENTY = 1.5
"""So many times the size it is resized to, a picture holds more than the model sees."""


@dataclass(frozen=True, slots=True)
class Transform:
    """How one model wants its pictures.

    Attributes:
        height: Input height in pixels.
        width: Input width in pixels.
        mean: Subtracted from each channel, after scaling to 0..1.
        std: Each channel is divided by it.
        crop_pct: Part of the resized picture that the crop keeps.
        crop_mode: "center", "squash" or "border", as in timm.
        interpolation: "bicubic", "bilinear", "nearest", "lanczos", "box" or "hamming".
    """

    height: int
    width: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    crop_pct: float
    crop_mode: str
    interpolation: str

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Transform:
        """Rebuilds what `to_json` returned."""
        return cls(**{**data, "mean": tuple(data["mean"]), "std": tuple(data["std"])})

    def to_json(self) -> dict[str, Any]:
        """Returns a JSON-able form."""
        return asdict(self)

    def __call__(self, images: Sequence[Image.Image]) -> Floats:
        """Returns a batch for the model: `crop`, then `normalise`.

        Args:
            images: RGB pictures of any sizes.

        Returns:
            float32 (n, 3, height, width).
        """
        return self.normalise(self.crop(images))

    def crop(self, images: Sequence[Image.Image]) -> Bytes:
        """Resizes and crops pictures.

        Args:
            images: RGB pictures of any sizes.

        Returns:
            uint8 (n, height, width, 3).
        """
        import numpy as np

        made = np.empty((len(images), self.height, self.width, 3), np.uint8)
        for row, image in zip(made, images, strict=True):
            row[:] = np.asarray(self._fit(image))
        return made

    def normalise(self, pixels: Bytes) -> Floats:
        """From `crop`'s uint8 (n, height, width, 3) to float32 (n, 3, height, width)."""
        import numpy as np

        scaled = pixels.astype(np.float32) / np.float32(255)
        scaled -= np.asarray(self.mean, np.float32)
        scaled /= np.asarray(self.std, np.float32)
        return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))

    @property
    def shortest(self) -> int:
        """Length in pixels of the shorter side from which on more detail changes little."""
        return math.ceil(_PLENTY * max(self.height, self.width) / self.crop_pct)

    def frame(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Returns which part of a picture fills the model's input.

        Args:
            width: The picture's, in pixels.
            height: The picture's, in pixels.

        Returns:
            Left, top, right and bottom in the picture's pixels; beyond its edges where the
            input is padded.
        """
        wide, high = self._resized(width, height)
        left, top = _offset(wide, self.width), _offset(high, self.height)
        x, y = width / wide, height / high
        return left * x, top * y, (left + self.width) * x, (top + self.height) * y

    def _fit(self, image: Image.Image) -> Image.Image:
        """Resizes and crops to (width, height)."""
        from PIL import Image

        wide, high = self._resized(image.width, image.height)
        left, right = _span(wide, self.width)
        top, bottom = _span(high, self.height)
        # Resizing only what the crop keeps: a 1 x 40,000,000 picture must not become 256 times
        # as large first. Pillow still filters across the box's edges, so the pixels are the same.
        x, y = image.width / wide, image.height / high
        part = image.resize(
            (right - left, bottom - top),
            Image.Resampling[self.interpolation.upper()],
            box=(left * x, top * y, right * x, bottom * y),
        )
        return part if part.size == (self.width, self.height) else self._padded(part)

    def _resized(self, width: int, height: int) -> tuple[int, int]:
        """Size the whole picture is resized to, before the crop."""
        high = math.floor(self.height / self.crop_pct)
        wide = math.floor(self.width / self.crop_pct)
        if self.crop_mode == "squash":
            return wide, high
        if self.crop_mode == "border":
            ratio = max(height / high, width / wide)
        elif high == wide:  # torchvision rounds down here, timm's own resize to nearest
            short = min(width, height)
            return int(wide * width / short), int(high * height / short)
        else:
            ratio = min(height / high, width / wide)
        return max(1, round(width / ratio)), max(1, round(height / ratio))

    def _padded(self, part: Image.Image) -> Image.Image:
        from PIL import Image

        red, green, blue = (round(255 * value) for value in self.mean)
        canvas = Image.new("RGB", (self.width, self.height), (red, green, blue))
        canvas.paste(part, ((self.width - part.width) // 2, (self.height - part.height) // 2))
        return canvas


def _offset(size: int, crop: int) -> int:
    """Where the crop starts; negative where it is padded."""
    return -((crop - size) // 2) if size <= crop else _span(size, crop)[0]


def _span(size: int, crop: int) -> tuple[int, int]:
    """First and last pixel of a centred crop; the whole when it is smaller than the crop."""
    if size <= crop:
        return 0, size
    start = round((size - crop) / 2.0)
    return start, start + crop
