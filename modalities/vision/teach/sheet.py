"""A contact sheet: the pictures that were labelled wrong, with their names."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal.errors import ImageError
from shoal.files import write_atomic
from shoal.modalities.vision.teach.views import small

if TYPE_CHECKING:
    from PIL import Image

MOST = 48
"""Pictures that fit on a sheet."""

_COLUMNS, _SIDE, _TEXT, _GAP = 6, 180, 44, 8


def contact_sheet(path: Path, entries: Sequence[tuple[Path, str, str]]) -> None:
    """Draws pictures in rows, each with two lines below it, as PNG.

    Args:
        path: The file to write.
        entries: Picture, first line and second line of each; those after `MOST` are left out,
            as are pictures that can no longer be read.
    """
    from PIL import Image, ImageDraw

    tiles = [(tile, a, b) for file, a, b in entries[:MOST] if (tile := _tile(file)) is not None]
    columns = max(1, min(_COLUMNS, len(tiles)))
    rows = max(1, -(-len(tiles) // columns))
    wide, high = _SIDE + _GAP, _SIDE + _TEXT + _GAP
    sheet = Image.new("RGB", (columns * wide + _GAP, rows * high + _GAP), "white")
    draw, font = ImageDraw.Draw(sheet), _font()
    for place, (tile, first, second) in enumerate(tiles):
        x, y = _GAP + place % columns * wide, _GAP + place // columns * high
        sheet.paste(tile, (x + (_SIDE - tile.width) // 2, y + (_SIDE - tile.height) // 2))
        for line, (text, colour) in enumerate(((first, "black"), (second, "firebrick"))):
            draw.text((x, y + _SIDE + 4 + 19 * line), _fit(text, draw, font), colour, font)
    stream = io.BytesIO()
    sheet.save(stream, "PNG")
    write_atomic(path, stream.getvalue())


def _tile(file: Path) -> Image.Image | None:
    try:
        image = small(file)
    except ImageError:
        return None
    scale = _SIDE / max(image.size)
    return image.resize([max(1, round(side * scale)) for side in image.size])


def _fit(text: str, draw: Any, font: Any) -> str:
    shown = "".join(c if c.isprintable() else " " for c in text)
    while draw.textlength(shown, font) > _SIDE and len(shown) > 1:
        shown = f"{shown[:-2]}…"
    return shown


def _font() -> Any:
    """DejaVu, which knows many scripts, where matplotlib brings it; else Pillow's own."""
    from PIL import ImageFont

    spec = importlib.util.find_spec("matplotlib")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        file = Path(folder) / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
        if file.is_file():
            return ImageFont.truetype(str(file), 14)
    return ImageFont.load_default(14)
