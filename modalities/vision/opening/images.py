"""Any picture, from anywhere, as one safe RGB image; or an error that says what to do.

Pictures come from strangers. So: named formats only, the size is checked from the header
before anything is decoded, and no picture makes this module use more than 512 MB.
"""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from shoal.errors import ImageError
from shoal.modalities.freed import give_back
from shoal.modalities.vision.opening.bombs import check_bombs, is_animated, is_costly, quiet_pillow

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

ImageSource: TypeAlias = "str | Path | bytes | Image.Image | np.ndarray[Any, Any] | LoadedImage"
"""What `load_image` takes."""

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
"""What is opened. Pillow's other decoders are old, rarely needed and a risk."""

MAX_PIXELS = 40_000_000
"""Largest picture; half for what takes twice the memory: WebP, animations, greater depths,
progressive CMYK."""

MAX_BYTES = 64 * 2**20
"""Largest file."""

_ACCEPTED = "Accepted: JPEG, PNG, WEBP, GIF, BMP or TIFF"
_LARGE = 4_000_000  # pixels; larger pictures are decoded one at a time, for the memory they take
_one_large = threading.Lock()


@dataclass(frozen=True, slots=True, eq=False)
class LoadedImage:
    """A picture that was read and found sound.

    Attributes:
        pixels: RGB, upright (EXIF orientation applied), transparency laid on white.
        encoded: The file's own bytes; a BMP (PNG if large) when it came from PIL or numpy.
        sha256: Hex hash of `encoded`: the picture's name.
        media_type: For example "image/jpeg".
        width: In pixels, upright.
        height: In pixels, upright.
        animated: Whether there were more frames or pages; only the first is here.
    """

    pixels: Image.Image
    encoded: bytes
    sha256: str
    media_type: str
    width: int
    height: int
    animated: bool = False


def load_image(source: ImageSource) -> LoadedImage:
    """Reads a picture.

    Args:
        source: A path, a file's bytes, a PIL image, or a numpy array: (H, W), (H, W, 1),
            (H, W, 3) or (H, W, 4); uint8, uint16, bool, or float in [0, 1].

    Returns:
        The picture; a `LoadedImage` is returned as it is.

    Raises:
        ImageError: Missing, damaged, too large, of another format, or of a wrong shape.
    """
    if isinstance(source, LoadedImage):
        return source
    if isinstance(source, str | Path):
        return _from_bytes(_read(source), f"the image {str(source)!r}")
    if isinstance(source, bytes | bytearray | memoryview):
        return _from_bytes(bytes(source), "the image bytes")
    return _stored(_from_memory(source))


def open_pixels(source: ImageSource) -> Image.Image:
    """Returns `load_image(source).pixels`, without encoding what came from memory.

    Raises:
        ImageError: As `load_image` does.
    """
    return open_draft(source, 0)[0]


def open_draft(source: ImageSource, shortest: int) -> tuple[Image.Image, bool]:
    """Opens a picture; a large JPEG a half, a quarter or an eighth as large, in less time.

    Args:
        source: As `load_image` takes it.
        shortest: Pixels that its shorter side keeps at least; 0 for its own size.

    Returns:
        The pixels, and whether they are fewer than the file's.

    Raises:
        ImageError: As `load_image` does.
    """
    with drafted(source, shortest) as made:
        return made


@contextmanager
def drafted(source: ImageSource, shortest: int) -> Iterator[tuple[Image.Image, bool]]:
    """As `open_draft`, for threads that make a picture smaller and let go of it in the block.

    Large pictures pass one at a time, so that the memory they take does not add up.

    Raises:
        ImageError: As `load_image` does.
    """
    opened, name = _opened(source, shortest)
    if name is None:
        yield opened, False
        return
    size = opened.size
    if shortest and opened.format == "JPEG":
        opened.draft(None, (shortest, shortest))
    smaller = opened.size != size
    large = opened.width * opened.height > _LARGE
    with _one_large if large else nullcontext():
        if large:
            give_back()
        yield _decode(opened, name), smaller


def _opened(source: ImageSource, shortest: int) -> tuple[Image.Image, str | None]:
    """A picture before it is decoded, and its name; or finished pixels, and None."""
    if isinstance(source, LoadedImage):
        drafts = source.media_type == "image/jpeg"  # no other kind opens smaller in less time
        if not (shortest and drafts) or min(source.pixels.size) < 2 * shortest:
            return source.pixels, None
        return _sound(source.encoded, "the image"), "the image"
    if isinstance(source, str | Path):
        name = f"the image {str(source)!r}"
        return _sound(_read(source), name), name
    if isinstance(source, bytes | bytearray | memoryview):
        return _sound(bytes(source), "the image bytes"), "the image bytes"
    return _from_memory(source), None


def _from_memory(source: Any) -> Image.Image:
    import numpy as np
    from PIL import Image

    from shoal.modalities.vision.opening.pixels import from_array

    if isinstance(source, np.ndarray):
        return from_array(source, MAX_PIXELS)
    if isinstance(source, Image.Image):
        _check_size(source, "the PIL image")
        check_bombs(source, b"", "the PIL image")  # it may be a file that is not decoded yet
        return _decode(source, "the PIL image", keep=True)
    raise ImageError(
        f"cannot read an image from {type(source).__name__}",
        "it is none of the accepted types",
        "Pass a path, bytes, a PIL image or a numpy array",
    )


def _read(source: str | Path) -> bytes:
    if str(source).startswith(("http://", "https://", "data:")):
        raise ImageError(
            f"will not fetch {str(source)[:80]!r}",
            "Shoal reads local images only",
            "Save the picture and pass its path",
        )
    path = Path(source).expanduser()
    try:
        if not path.is_file():
            raise ImageError(
                f"cannot read the image {str(source)!r}", _absence(path), "Check the path"
            )
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a path with a null byte
        gone = isinstance(error, FileNotFoundError)  # deleted between the look and the reading
        why = _absence(path) if gone else str(error)
        raise ImageError(f"cannot read the image {str(source)!r}", why, "Check the path") from error


def _absence(path: Path) -> str:
    if path.is_dir():
        return "it is a folder" + ("" if _listed(path) else " that can't be listed")
    return "it is not a regular file" if path.exists() else "there is no such file"


def _listed(folder: Path) -> bool:
    try:
        next(folder.iterdir(), None)
    except OSError:
        return False
    return True


def _from_bytes(encoded: bytes, name: str) -> LoadedImage:
    opened = _sound(encoded, name)
    animated = is_animated(opened)
    pixels = _decode(opened, name)
    media_type = "image/jpeg" if opened.format == "MPO" else f"image/{opened.format}".lower()
    return _loaded(pixels, encoded, media_type, animated)


def _sound(encoded: bytes, name: str) -> Image.Image:
    """Opens a picture whose size and format are accepted, and decodes nothing yet."""
    if not encoded:
        raise ImageError(f"{name} is empty", "it has 0 bytes", "Pass another copy of the file")
    if len(encoded) > MAX_BYTES:
        raise ImageError(
            f"{name} is too large", f"more than {MAX_BYTES // 2**20} MB", "Save it smaller"
        )
    opened = _open(encoded, name)
    _check_size(opened, name)
    check_bombs(opened, encoded, name)
    return opened


def _open(encoded: bytes, name: str) -> Image.Image:
    """Reads the header alone."""
    from PIL import Image, UnidentifiedImageError

    try:
        with quiet_pillow():
            return Image.open(io.BytesIO(encoded), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(
            f"{name} is refused as a decompression bomb", str(error), "Save it smaller"
        ) from error
    except UnidentifiedImageError as error:
        raise ImageError(
            f"{name} is not a picture that can be read",
            "its content is of no accepted format, whatever its name says, or it is damaged",
            _ACCEPTED,
        ) from error
    except Exception as error:  # decoders raise a dozen unrelated types on damaged files
        raise _damaged(name, error) from error


def _check_size(image: Image.Image, name: str) -> None:
    width, height = image.size
    limit = MAX_PIXELS // 2 if is_costly(image) else MAX_PIXELS
    if width < 1 or height < 1:
        raise ImageError(f"{name} is empty", f"it is {width} x {height} pixels", _ACCEPTED)
    if width * height > limit:
        raise ImageError(
            f"{name} is too large",
            f"{width} x {height} pixels, over the limit of {limit // 10**6} megapixels "
            "(a decompression bomb, or a scan to be made smaller)",
            "Save it smaller",
        )


def _decode(opened: Image.Image, name: str, keep: bool = False) -> Image.Image:
    from shoal.modalities.vision.opening.pixels import to_rgb

    try:
        return to_rgb(opened, keep)
    except ImageError as error:
        raise ImageError(f"cannot use {name}", f"{error.what}: {error.why}", error.fix) from error
    except Exception as error:  # decoders raise a dozen unrelated types on damaged files
        raise _damaged(name, error) from error


def _damaged(name: str, error: Exception) -> ImageError:
    return ImageError(
        f"{name} is damaged or incomplete",
        str(error) or type(error).__name__,
        "Pass another copy of the file",
    )


def _stored(pixels: Image.Image) -> LoadedImage:
    from shoal.modalities.vision.opening.encoding import encoded

    return _loaded(pixels, *encoded(pixels), False)


def _loaded(pixels: Image.Image, content: bytes, media_type: str, animated: bool) -> LoadedImage:
    name = hashlib.sha256(content).hexdigest()
    return LoadedImage(pixels, content, name, media_type, *pixels.size, animated)
