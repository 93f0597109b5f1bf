"""Good, odd, broken and hostile pictures, made here; each goes through every door."""

from __future__ import annotations

import io
import os
import socket
import struct
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

RED = (200, 30, 40)
PHOTO = Path(__file__).parents[2] / "agents/demo/assets/cat.jpg"

Maker = Callable[[], bytes]


def file_of(image: Image.Image, kind: str, **options: Any) -> bytes:
    """A picture's file."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def half() -> Image.Image:
    """Wider than high; the left half red, the right half blue."""
    image = Image.new("RGB", (40, 20), RED)
    image.paste((20, 30, 200), (20, 0, 40, 20))
    return image


def noise() -> Image.Image:
    """What compresses badly, so that a part of the file lacks a part of the picture."""
    random = np.random.default_rng(0)
    return Image.fromarray(random.integers(0, 255, (64, 64, 3), dtype=np.uint8))


def png(width: int, height: int, data: bytes = b"", more: bytes = b"") -> bytes:
    """A PNG whose header says any size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [_chunk(b"IHDR", header), more, _chunk(b"IDAT", zlib.compress(data)), _chunk(b"IEND")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _chunk(name: bytes, body: bytes = b"") -> bytes:
    checked = name + body
    return struct.pack(">I", len(body)) + checked + struct.pack(">I", zlib.crc32(checked))


def bmp(width: int, height: int) -> bytes:
    """A BMP whose header says any size."""
    made = bytearray(file_of(half(), "BMP"))
    made[18:26] = struct.pack("<ii", width, height)
    return bytes(made)


def gif(width: int, height: int) -> bytes:
    """A GIF whose header says any size."""
    made = bytearray(file_of(half(), "GIF"))
    made[6:10] = struct.pack("<HH", width, height)
    return bytes(made)


def _jpeg(width: int, height: int) -> bytes:
    made = bytearray(file_of(half(), "JPEG"))
    place = made.index(b"\xff\xc0") + 5
    made[place : place + 4] = struct.pack(">HH", height, width)
    return bytes(made)


def _many_scans() -> bytes:
    """A progressive JPEG that refines itself 5,000 times: hours of work in a small file."""
    plain = file_of(half().resize((800, 600)), "JPEG", progressive=True)
    start = plain.rindex(b"\xff\xda")
    return plain[:start] + 5000 * plain[start:-2] + plain[-2:]


def _torn() -> bytes:
    """A JPEG of a large photo whose lower half was never written."""
    photo = file_of(Image.open(PHOTO).convert("RGB").resize((1600, 1200)), "JPEG")
    return photo[: len(photo) // 2]


def _tiles() -> bytes:
    """A TIFF of 64 x 64 pixels in one tile of 400 megapixels, of which all are there."""
    side = 20_000
    packer = zlib.compressobj(1)
    data = b"".join([*(packer.compress(bytes(side)) for _ in range(side)), packer.flush()])
    start = 8 + 2 + 12 * 10 + 4
    tags = [256, 257, 258, 259, 262, 277, 322, 323, 324, 325]  # in their order
    values = [64, 64, 8, 8, 1, 1, side, side, start, len(data)]
    rows = [struct.pack("<HHII", tag, 4, 1, n) for tag, n in zip(tags, values, strict=True)]
    return b"II*\0" + struct.pack("<IH", 8, len(rows)) + b"".join(rows) + bytes(4) + data


def _deep_text() -> bytes:
    """A PNG whose comment unpacks to 200 MB."""
    body = b"Comment\0\0" + zlib.compress(bytes(200 * 2**20))
    rows = b"".join(b"\0" + bytes(3 * 8) for _ in range(8))
    return png(8, 8, rows, _chunk(b"zTXt", body))


REFUSED: dict[str, Maker] = {
    "empty.jpg": lambda: b"",
    "one byte.png": lambda: b"\x89",
    "text.png": lambda: b"ceci n'est pas une image" * 50,
    "page.jpg": lambda: b"<!DOCTYPE html><html><img src='http://127.0.0.1/x.png'></html>",
    "drawing.svg": lambda: b"<svg xmlns='http://www.w3.org/2000/svg'><rect width='9'/></svg>",
    "paper.pdf": lambda: b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF",
    "script.eps": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) run\n",
    "phone.heic": lambda: struct.pack(">I", 24) + b"ftypheic\0\0\0\0mif1heic" + bytes(400),
    "photo.avif": lambda: file_of(half(), "AVIF"),
    "old.ppm": lambda: file_of(half(), "PPM"),
    "icon.ico": lambda: file_of(half(), "ICO"),
    "archive.png": lambda: b"PK\x03\x04" + bytes(500),
    "program.jpg": lambda: b"\x7fELF" + bytes(500),
    **{
        f"cut.{kind.lower()}": lambda kind=kind: file_of(noise(), kind)[:-2000]  # type: ignore[misc]
        for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
    },
    "torn.jpg": _torn,
    "no size.png": lambda: png(0, 0),
    "no size.bmp": lambda: bmp(0, 0),
    "no size.gif": lambda: b"GIF89a" + bytes(7) + b";",
    "negative.bmp": lambda: bmp(-40, -20),
    "bomb.png": lambda: png(60_000, 60_000),
    "thin bomb.png": lambda: png(2**31 - 1, 1),
    "bomb.bmp": lambda: bmp(30_000, 30_000),
    "bomb.gif": lambda: gif(65_535, 65_535),
    "bomb.jpg": lambda: _jpeg(65_500, 65_500),
    "lying.png": lambda: png(6000, 6000, bytes(99)),
    "bomb of text.png": _deep_text,
    "bomb of time.jpg": _many_scans,
    "bomb of tiles.tiff": _tiles,
    "over.png": lambda: file_of(Image.new("1", (8000, 5001)), "PNG"),
    "deep.tiff": lambda: file_of(Image.fromarray(np.array([[0, 70_000]], np.int32)), "TIFF"),
}
"""File name -> its content, which no door may take for a picture."""


def _turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return file_of(half(), "JPEG", exif=exif)


def _moving(kind: str) -> bytes:
    frames = [Image.new("RGB", (40, 30), colour) for colour in (RED, (20, 200, 30))]
    return file_of(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)


def _palette() -> bytes:
    image = half().convert("P")
    return file_of(image, "PNG", transparency=image.getpixel((0, 0)))


def _deep_grey() -> Image.Image:
    return Image.fromarray(np.linspace(0, 65535, 800).astype(np.uint16).reshape(20, 40))


ODD: dict[str, Maker] = {
    "cmyk.jpg": lambda: file_of(half().convert("CMYK"), "JPEG"),
    "16 bit.png": lambda: file_of(_deep_grey(), "PNG"),
    "float.tiff": lambda: file_of(Image.new("F", (40, 20), 0.5), "TIFF"),
    "palette.png": _palette,
    "bits.png": lambda: file_of(half().convert("1"), "PNG"),
    "clear.png": lambda: file_of(Image.new("RGBA", (30, 20), (0, 0, 0, 0)), "PNG"),
    "grey.jpg": lambda: file_of(half().convert("L"), "JPEG"),
    "moving.gif": partial(_moving, "GIF"),
    "moving.webp": partial(_moving, "WEBP"),
    "moving.png": partial(_moving, "PNG"),
    "pages.tiff": partial(_moving, "TIFF"),
    "turned.jpg": _turned,
    "dot.png": lambda: file_of(Image.new("RGB", (1, 1), RED), "PNG"),
    "tall.png": lambda: file_of(Image.new("RGB", (1, 9000), RED), "PNG"),
    "wide.png": lambda: file_of(Image.new("RGB", (30_000, 2), "navy"), "PNG"),
    "jpeg.txt": lambda: file_of(half().rotate(5), "JPEG"),
    "bad exif.jpg": lambda: file_of(half(), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff"),
    "more behind.jpg": lambda: file_of(half().rotate(9), "JPEG") + b"<?php evil(); ?>" * 99,
    "a\nb 🐈.png": lambda: file_of(Image.new("RGB", (20, 20), "olive"), "PNG"),
}
"""File name -> a sound picture of a kind that is often handled wrongly."""


def refused_places(folder: Path) -> list[Path]:
    """Makes what is no file of a picture at all: links, pipes, a socket, a folder."""
    (folder / "loop.png").symlink_to("loop.png")
    (folder / "gone.png").symlink_to("nowhere.png")
    (folder / "device.png").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe.png")
    return [folder / name for name in ("loop.png", "gone.png", "device.png", "pipe.png")]


def bound_socket(path: Path) -> socket.socket:
    """A socket in the file system; close it when done."""
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(path))
    return made


def write(folder: Path, makers: dict[str, Maker]) -> list[Path]:
    """Writes each into a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, made in makers.items():
        (folder / name).write_bytes(made())
    return [folder / name for name in makers]


def save_large(kind: str, path: Path) -> None:
    """The costliest pictures that are accepted: "progressive JPEG" …"""
    if kind == "progressive JPEG":
        exif = Image.Exif()
        exif[0x0112] = 3
        picture = Image.new("RGB", (8000, 5000), RED)
        picture.save(path, "JPEG", progressive=True, subsampling=0, exif=exif)
    elif kind == "RGBA PNG":
        Image.new("RGBA", (8000, 5000), (*RED, 90)).save(path, "PNG", compress_level=1)
    else:
        frames = [Image.new("RGBA", (5000, 4000), (*RED, alpha)) for alpha in (90, 120)]
        more = {"save_all": True, "append_images": frames[1:]} if "animated" in kind else {}
        frames[0].save(path, "WEBP", lossless="lossless" in kind, method=0, quality=0, **more)
