"""Pictures made small for embedding, and other views of a picture where there are few."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from shoal.modalities.vision.opening.images import ImageSource, open_pixels

if TYPE_CHECKING:
    from PIL import Image

    from shoal.modalities.vision.encoder import VisionEncoder
    from shoal.modalities.vision.transform import Floats

VIEWS = 7
"""Views of one picture: itself, mirrored, its middle and its four corners."""

_SIDE = 512
_LARGEST = 4_200_000
_CROP = 0.7


def small(source: ImageSource) -> Image.Image:
    """Opens a picture and halves it, thirds it … while its short side keeps 512 pixels.

    So many can wait for the encoder at once, which sees fewer pixels of most of them. What is
    still over 4 megapixels, more than 16 times as long as wide, is shortened.

    Raises:
        ImageError: It can't be read.
    """
    pixels = open_pixels(source)
    factor = min(pixels.size) // _SIDE
    if factor > 1:
        pixels = pixels.reduce(factor)
    over = -(-pixels.width * pixels.height // _LARGEST)
    if over > 1:
        pixels = pixels.reduce((over, 1) if pixels.width > pixels.height else (1, over))
    return pixels


def views_of(image: Image.Image) -> list[Image.Image]:
    """Returns `VIEWS` views: the picture, its mirror image, and crops of 70 % a side."""
    from PIL import ImageOps

    places = ((0.5, 0.5), (0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0))
    return [image, ImageOps.mirror(image), *(_part(image, x, y) for x, y in places)]


def embed_views(images: Sequence[ImageSource], encoder: VisionEncoder) -> Floats:
    """Embeds pictures in `VIEWS` views each: float32 (n, VIEWS, d), of unit length.

    Raises:
        ImageError: A picture can't be read.
    """
    import numpy as np

    vectors: Floats = np.stack([encoder.embed(views_of(small(image))) for image in images])
    return vectors


def varied(image: Image.Image, size: tuple[int, int], draw: random.Random) -> Image.Image:
    """Returns a view drawn by chance: a part, perhaps mirrored, in slightly other colours.

    What is drawn does not depend on the picture's size or on `size`, so that a teacher and a
    student of other resolutions may see the same view.

    Args:
        image: The picture.
        size: Width and height of the view, in pixels.
        draw: The same state draws the same view.
    """
    from PIL import Image, ImageEnhance, ImageOps

    share, ratio = draw.uniform(0.35, 1), draw.uniform(0.8, 1.25)
    wide, high = min(1.0, (share * ratio) ** 0.5), min(1.0, (share / ratio) ** 0.5)
    left, top = draw.uniform(0, 1 - wide), draw.uniform(0, 1 - high)
    box = (left * image.width, top * image.height, wide * image.width, high * image.height)
    view = image.resize(
        size, Image.Resampling.BICUBIC, (*box[:2], box[0] + box[2], box[1] + box[3])
    )
    if draw.random() < 0.5:
        view = ImageOps.mirror(view)
    for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        view = enhance(view).enhance(draw.uniform(0.7, 1.3))
    return view


def _part(image: Image.Image, x: float, y: float) -> Image.Image:
    width, height = (max(1, int(_CROP * side)) for side in image.size)
    left, top = int((image.width - width) * x), int((image.height - height) * y)
    return image.crop((left, top, left + width, top + height))
