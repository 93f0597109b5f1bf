"""Animations, folders of stills, and whatever yields pictures one after the other."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal.errors import ImageError
from shoal.modalities.vision.frames.shots import Shot, Shots
from shoal.modalities.vision.opening.bombs import quiet_pillow
from shoal.modalities.vision.opening.images import FORMATS, load_image, open_pixels

if TYPE_CHECKING:
    from PIL import Image

    from shoal.modalities.vision.opening.images import ImageSource

_UNTIMED = 0.1  # seconds: how long browsers show a frame that tells no time
_PAGE = 1.0  # seconds: pages and stills have no time, so each stands for one
_NAMED = 5  # files that a note names


def open_animation(source: str | Path | bytes) -> Shots:
    """Opens an animated GIF, WebP or PNG, a TIFF of several pages, or a single picture.

    Raises:
        ImageError: As `load_image` does, for the first frame.
    """
    loaded = load_image(source)
    shots = Shots(iter(()))
    if loaded.animated:
        shots.stream = _animation(loaded.encoded, shots.notes)
    else:
        shots.stream = iter([Shot(0.0, partial(_made, loaded.pixels))])
    return shots


def _animation(encoded: bytes, notes: list[str]) -> Iterator[Shot]:
    from PIL import Image

    seconds, number = 0.0, 0
    with Image.open(BytesIO(encoded), formats=FORMATS) as opened:
        while True:
            try:
                with quiet_pillow():
                    opened.seek(number)
                picture = open_pixels(opened)
            except EOFError:
                return
            except Exception as error:  # decoders raise a dozen unrelated types on damaged files
                why = error.why if isinstance(error, ImageError) else error
                notes.append(f"{number} frames could be read; the next one is damaged: {why}")
                return
            yield Shot(seconds, partial(_made, picture))
            shown = _PAGE if opened.format == "TIFF" else _UNTIMED
            seconds += float(opened.info.get("duration") or 0) / 1000 or shown
            number += 1


def open_folder(folder: Path) -> Shots:
    """Opens a folder of stills, in the order in which people number them; one a second.

    Raises:
        ImageError: It holds no files, or can't be listed.
    """
    try:
        files = [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise ImageError(f"cannot look into {folder}", str(error), "Check the path") from error
    if not files:
        raise ImageError(f"there are no frames in {folder}", "it is empty", "Name another folder")
    shots = Shots(iter(()))
    shots.stream = _folder(sorted(files, key=_numbered), shots.notes)
    return shots


def _folder(files: list[Path], notes: list[str]) -> Iterator[Shot]:
    number, junk = 0, []
    for path in files:
        try:
            shot = Shot(number * _PAGE, partial(_made, open_pixels(path)))
        except ImageError as error:
            junk.append(f"{path.name}: {error.why}")
            continue
        yield shot
        del shot  # a large picture need not wait for the next one to be opened
        number += 1
    if junk:
        more = f"; and {len(junk) - _NAMED} more" if len(junk) > _NAMED else ""
        notes.append(f"{len(junk)} files are no pictures ({'; '.join(junk[:_NAMED])}{more})")


def _numbered(path: Path) -> list[tuple[int, str]]:
    """Sorts frame2 before frame10."""
    parts = re.findall(r"\d+|\D+", path.name)
    return [(int(part), "") if part.isdecimal() else (-1, part.lower()) for part in parts]


def open_stream(pictures: Iterable[ImageSource | tuple[float, ImageSource]]) -> Shots:
    """Takes pictures as they come; each with its seconds, or at the time at which it comes."""
    return Shots(_timed(iter(pictures)))


def _timed(pictures: Iterator[Any]) -> Iterator[Shot]:
    started = time.monotonic()
    for item in pictures:
        if isinstance(item, tuple) and len(item) == 2:
            seconds, picture = float(item[0]), item[1]
        else:
            seconds, picture = time.monotonic() - started, item
        yield Shot(seconds, partial(open_pixels, picture))


def _made(picture: Image.Image) -> Image.Image:
    return picture
