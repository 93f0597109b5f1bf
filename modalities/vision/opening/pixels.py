"""Pixels of every depth and colour model, as upright 8-bit RGB."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shoal.errors import ImageError
from shoal.modalities.vision.opening.bombs import quiet_pillow

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

_SHAPES = "Pass (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)"
_VALUES = "Pass uint8 in 0..255, uint16 in 0..65535, bool, or float in 0..1"


def to_rgb(image: Image.Image, keep: bool = False) -> Image.Image:
    """Returns an image's first frame as upright RGB.

    16-bit greys are scaled to 8 bits, transparency is laid on white, EXIF orientation is
    applied. No metadata is carried over.

    Args:
        image: Opened by Pillow, of any mode.
        keep: Leave `image` itself unchanged, at the price of a copy.

    Raises:
        ImageError: Its values are outside what its mode means.
        Exception: Whatever Pillow raises when the data are damaged.
    """
    from PIL import Image

    image.load()
    if image.mode == "RGB" and type(image) is Image.Image and not (image.info or image._exif):
        return image.copy() if keep else image  # from memory, with nothing said of it
    with quiet_pillow():
        turn = _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    flat = _flatten(image.copy() if keep else image)
    upright = flat if turn is None else flat.transpose(Image.Transpose[turn])
    upright.info.clear()  # else a second reader would turn it again
    return upright


_ORIENTATION = 0x0112
_TURNS = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
"""EXIF orientation -> what sets the picture upright."""


def _flatten(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        return _from_deep(image)
    if image.has_transparency_data:
        return _on_white(image if image.mode == "RGBA" else image.convert("RGBA"))
    return image if image.mode == "RGB" else image.convert("RGB")


def _on_white(image: Image.Image) -> Image.Image:
    from PIL import Image

    canvas = Image.new("RGB", image.size, "white")
    canvas.paste(image, mask=image)
    return canvas


def _from_deep(image: Image.Image) -> Image.Image:
    import numpy as np
    from PIL import Image

    values = np.asarray(image)
    if image.mode == "F":
        return from_array(values, image.width * image.height)
    if values.min() < 0 or values.max() > 65535:
        raise ImageError(
            "the image has more than 16 bits a pixel",
            f"its values reach from {values.min()} to {values.max()}",
            "Save it with 8 or 16 bits",
        )
    return Image.fromarray(_from_16_bits(values)).convert("RGB")


def from_array(array: np.ndarray[Any, Any], max_pixels: int) -> Image.Image:
    """Returns an array as an RGB image.

    Args:
        array: (H, W), (H, W, 1), (H, W, 3) or (H, W, 4); uint8, uint16, bool, or float
            in [0, 1]. A fourth channel is opacity, laid on white.
        max_pixels: Limit of H times W.

    Raises:
        ImageError: Another shape or dtype, no pixels, too many, NaN, or out of range.
    """
    from PIL import Image

    _check_shape(array, max_pixels)
    plain = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
    image = Image.fromarray(_to_uint8(plain))
    return _on_white(image) if image.mode == "RGBA" else image.convert("RGB")


def _check_shape(array: np.ndarray[Any, Any], max_pixels: int) -> None:
    shape = array.shape
    if len(shape) not in (2, 3) or (len(shape) == 3 and shape[2] not in (1, 3, 4)):
        channels_first = len(shape) == 3 and shape[0] in (1, 3, 4) and shape[2] > 4
        hint = "Put channels last: array.transpose(1, 2, 0)" if channels_first else _SHAPES
        raise ImageError("cannot read an image from the array", f"its shape is {shape}", hint)
    if 0 in shape:
        raise ImageError("the array is an empty image", f"its shape is {shape}", _SHAPES)
    if shape[0] * shape[1] > max_pixels:
        raise ImageError(
            "the array is too large an image",
            f"its shape is {shape}, over {max_pixels // 10**6} megapixels",
            "Make it smaller first",
        )


def _to_uint8(array: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    import numpy as np

    kind, name = array.dtype.kind, array.dtype.name
    if name == "uint8":
        return np.ascontiguousarray(array)
    if name == "bool":
        return array.astype(np.uint8) * np.uint8(255)
    if name == "uint16":
        return _from_16_bits(array)
    if kind != "f":
        raise ImageError("cannot read an image from the array", f"its dtype is {name}", _VALUES)
    return _from_float(array)


def _from_16_bits(array: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    import numpy as np

    narrow = np.empty(array.shape, np.uint8)
    np.floor_divide(array, 257, out=narrow, casting="unsafe")
    return narrow


def _from_float(array: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    import numpy as np

    low, high = float(array.min()), float(array.max())
    if not np.isfinite((low, high)).all():
        raise ImageError(
            "the array is not an image", "it holds NaN or infinity", "Try numpy.nan_to_num(array)"
        )
    if low < -1e-3 or high > 1 + 1e-3:
        fix = (
            "Divide by 255, or pass array.astype('uint8')" if low >= 0 and high <= 255 else _VALUES
        )
        raise ImageError(
            "the float array is not an image", f"it holds {low:.4g} to {high:.4g}, not 0..1", fix
        )
    scaled: np.ndarray[Any, np.dtype[np.uint8]] = np.rint(np.clip(array, 0, 1) * 255).astype("u1")
    return scaled
