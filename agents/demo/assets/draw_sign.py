"""Draws sign.png, the demo's picture with printed words: `python draw_sign.py`."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

LINES = (
    ("HARBOUR LIBRARY", 64),
    ("Open 9:30 to 18:00", 44),
    ("Closed on Mondays", 44),
    ("Entrance: 12 Mill Lane", 44),
)
"""What the sign says, and the height of each line in pixels."""


def draw_sign() -> Image.Image:
    """Returns the sign, 800 x 480 pixels, in the font that ships with Pillow (Aileron, CC0)."""
    sign = Image.new("RGB", (800, 480), "#b9a98c")
    pen = ImageDraw.Draw(sign)
    pen.rounded_rectangle((40, 40, 760, 440), 24, fill="#123b5d", outline="#f4efe2", width=6)
    top = 86
    for text, size in LINES:
        pen.text((400, top), text, "#f4efe2", ImageFont.load_default(size), anchor="ma")
        top += size + 38
    return sign


if __name__ == "__main__":
    draw_sign().save(Path(__file__).with_name("sign.png"), optimize=True)
