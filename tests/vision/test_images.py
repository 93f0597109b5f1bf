"""Every kind of good and bad picture, built here, goes through `load_image`."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from shoal.errors import ImageError
from shoal.modalities.vision.opening import images
from shoal.modalities.vision.opening.images import load_image, open_pixels
from tests.vision.zoo import RED, bmp, file_of, half, noise, png, save_large


def _near(pixel: Any, expected: tuple[int, int, int], within: int = 12) -> bool:
    return all(abs(a - b) <= within for a, b in zip(pixel, expected, strict=True))


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [
        ("JPEG", "image/jpeg"),
        ("PNG", "image/png"),
        ("WEBP", "image/webp"),
        ("GIF", "image/gif"),
        ("BMP", "image/bmp"),
        ("TIFF", "image/tiff"),
    ],
)
def test_accepted_formats_from_path_and_bytes(kind: str, media_type: str, tmp_path: Path) -> None:
    encoded = file_of(half(), kind)
    path = tmp_path / "picture"  # the content decides, not the name
    path.write_bytes(encoded)
    for source in (path, str(path), encoded):
        loaded = load_image(source)
        assert (loaded.width, loaded.height, loaded.media_type) == (40, 20, media_type)
        assert loaded.pixels.mode == "RGB"
        assert _near(loaded.pixels.getpixel((5, 10)), RED)
        assert loaded.encoded == encoded
        assert loaded.sha256 == hashlib.sha256(encoded).hexdigest()
        assert not loaded.animated


def test_a_loaded_image_is_returned_as_it_is() -> None:
    loaded = load_image(half())
    assert load_image(loaded) is loaded
    assert open_pixels(loaded) is loaded.pixels


def test_pil_and_numpy_are_stored_alike_and_without_loss() -> None:
    from_pil, from_numpy = load_image(half()), load_image(np.asarray(half()))
    assert from_pil.media_type == from_numpy.media_type == "image/bmp"
    assert from_pil.sha256 == from_numpy.sha256
    again = load_image(from_pil.encoded)
    assert np.array_equal(np.asarray(again.pixels), np.asarray(half()))


@pytest.mark.parametrize("size", [(20_000, 3), (2500, 1700)])
def test_what_could_not_be_packed_later_is_stored_as_png(size: tuple[int, int]) -> None:
    pixels = np.zeros((*size, 3), np.uint8)
    pixels[:, :, 1] = np.arange(size[1]) % 256
    stored = load_image(pixels)
    assert stored.media_type == "image/png"
    assert np.array_equal(np.asarray(load_image(stored.encoded).pixels), pixels)


def test_what_is_said_of_a_picture_in_memory_is_heard() -> None:
    picture = Image.new("RGB", (4, 2))
    picture.getexif()[0x0112] = 6
    assert load_image(picture).pixels.size == (2, 4)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_once(orientation: int) -> None:
    upright = Image.new("RGB", (40, 20), "white")
    upright.paste(RED, (0, 0, 20, 10))  # the upper left quarter
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's transpose methods
    stored = (
        upright.transpose(Image.Transpose(undo[orientation])) if orientation in undo else upright
    )
    exif = Image.Exif()
    exif[0x0112] = orientation
    loaded = load_image(file_of(stored, "JPEG", quality=95, exif=exif))
    assert (loaded.width, loaded.height) == (40, 20)
    assert _near(loaded.pixels.getpixel((4, 3)), RED, 30)
    assert _near(loaded.pixels.getpixel((36, 16)), (255, 255, 255), 30)
    assert load_image(loaded.pixels).width == 40


def test_orientation_of_a_pil_image_and_the_original_unchanged() -> None:
    opened = Image.open(io.BytesIO(file_of(half(), "PNG")))
    opened.getexif()[0x0112] = 6
    assert (load_image(opened).width, load_image(opened).height) == (20, 40)
    assert opened.size == (40, 20)


def test_16_bit_grey_is_scaled() -> None:
    deep = np.array([[0, 257 * 100, 65535]], np.uint16)
    for kind in ("PNG", "TIFF"):
        loaded = load_image(file_of(Image.fromarray(deep), kind))
        assert [loaded.pixels.getpixel((x, 0))[0] for x in range(3)] == [0, 100, 255]  # type: ignore[index]
    assert np.asarray(load_image(deep).pixels)[0, :, 1].tolist() == [0, 100, 255]


def test_32_bit_values_beyond_16_bits_are_refused() -> None:
    with pytest.raises(ImageError, match=r"more than 16 bits.*70000"):
        load_image(Image.fromarray(np.array([[0, 70000]], np.int32)))


def test_cmyk() -> None:
    loaded = load_image(file_of(half().convert("CMYK"), "JPEG", quality=95))
    assert _near(loaded.pixels.getpixel((5, 10)), RED, 25)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGBA", "HSV", "YCbCr", "F"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    image = Image.new("F", (8, 6), 0.5) if mode == "F" else half().convert("RGB").convert(mode)
    assert load_image(image).pixels.mode == "RGB"


def test_transparency_is_laid_on_white() -> None:
    clear = Image.new("RGBA", (8, 6), (0, 0, 0, 0))
    palette = half().convert("P")
    palette.info["transparency"] = palette.getpixel((0, 0))
    assert load_image(file_of(clear, "PNG")).pixels.getpixel((3, 3)) == (255, 255, 255)
    from_palette = load_image(file_of(palette, "PNG")).pixels
    assert from_palette.getpixel((0, 0)) == (255, 255, 255)
    assert _near(from_palette.getpixel((30, 5)), (20, 30, 200), 40)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_an_animation_the_first_frame_is_taken_and_that_is_noted(kind: str) -> None:
    frames = [Image.new("RGB", (16, 12), colour) for colour in (RED, (20, 200, 30))]
    encoded = file_of(frames[0], kind, save_all=True, append_images=frames[1:])
    loaded = load_image(encoded)
    assert loaded.animated
    assert _near(loaded.pixels.getpixel((8, 6)), RED)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.full((4, 6), 128, np.uint8), (128, 128, 128)),
        (np.full((4, 6, 1), 128, np.uint8), (128, 128, 128)),
        (np.full((4, 6, 3), (1, 2, 3), np.uint8), (1, 2, 3)),
        (np.full((4, 6, 4), (1, 2, 3, 0), np.uint8), (255, 255, 255)),
        (np.full((4, 6), True), (255, 255, 255)),
        (np.full((4, 6, 3), (0.0, 0.5, 1.0), np.float32), (0, 128, 255)),
        (np.full((4, 6, 4), (0.2, 0.4, 0.6, 1.0), np.float64), (51, 102, 153)),
        (np.full((4, 6), 0.5, np.float16), (128, 128, 128)),
        (np.asfortranarray(np.full((4, 6, 3), (1, 2, 3), np.uint8))[::-1], (1, 2, 3)),
    ],
)
def test_arrays(array: np.ndarray[Any, Any], expected: tuple[int, int, int]) -> None:
    loaded = load_image(array)
    assert (loaded.width, loaded.height) == (6, 4)
    assert loaded.pixels.getpixel((2, 2)) == expected


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.zeros((0, 0), np.uint8), "empty"),
        (np.zeros((5, 0, 3), np.uint8), "empty"),
        (np.zeros((3, 20, 30), np.uint8), r"transpose\(1, 2, 0\)"),
        (np.zeros((4, 4, 2), np.uint8), r"Pass \(H, W\)"),
        (np.zeros(10, np.uint8), "its shape is"),
        (np.zeros((1, 4, 4, 3), np.uint8), "its shape is"),
        (np.zeros((4, 4), np.int64), "its dtype is int64"),
        (np.zeros((4, 4), np.complex64), "its dtype is complex64"),
        (np.zeros((4, 4), object), "its dtype is object"),
        (np.full((4, 4), np.nan), "NaN"),
        (np.array([[0.0, np.inf]]), "infinity"),
        (np.full((4, 4), 200.0), "Divide by 255"),
        (np.full((4, 4), -1.0), r"not 0\.\.1"),
        (np.zeros((10_000, 4_001), np.bool_), "too large"),
    ],
)
def test_arrays_that_are_no_images(array: np.ndarray[Any, Any], says: str) -> None:
    with pytest.raises(ImageError, match=says):
        load_image(array)


def test_missing_folder_and_device(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"cat\.png.*no such file"):
        load_image(tmp_path / "cat.png")
    with pytest.raises(ImageError, match="is a folder"):
        load_image(tmp_path)
    with pytest.raises(ImageError, match="not a regular file"):
        load_image("/dev/zero")
    with pytest.raises(ImageError, match=r"no such file|null"):
        load_image("a\0b.png")
    with pytest.raises(ImageError, match=r"local images only.*Save the picture"):
        load_image("https://example.org/cat.png")
    with pytest.raises(ImageError, match="from list"):
        load_image([1, 2])  # type: ignore[arg-type]


def test_text_file_named_png(tmp_path: Path) -> None:
    path = tmp_path / "notes.png"
    path.write_text("ceci n'est pas une image" * 50)
    with pytest.raises(ImageError, match=r"notes\.png.*whatever its name says.*Accepted: JPEG"):
        load_image(path)


def test_formats_not_named_are_refused() -> None:
    for kind in ("PPM", "TGA", "ICO"):
        with pytest.raises(ImageError, match="no accepted format"):
            load_image(file_of(half(), kind))


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_truncated(kind: str) -> None:
    made = file_of(noise(), kind)
    for part in (len(made) // 2, 40, 12, 3):
        with pytest.raises(ImageError, match=r"damaged|no accepted format"):
            load_image(made[:part])
    with pytest.raises(ImageError, match="0 bytes"):
        load_image(b"")


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, on damaged TIFF tags
def test_damaged_bytes_never_raise_anything_else() -> None:
    random = np.random.default_rng(0)
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"):
        encoded = bytearray(file_of(half(), kind))
        for _ in range(60):
            hurt = bytearray(encoded)
            for place in random.integers(0, len(hurt), 4):
                hurt[place] = random.integers(0, 256)
            with suppress(ImageError):
                assert load_image(bytes(hurt)).pixels.mode == "RGB"


def test_header_of_no_pixels() -> None:
    for empty in (png(0, 0), b"GIF89a" + bytes(7) + b";", bmp(0, 0)):
        with pytest.raises(ImageError, match=r"damaged|no accepted format|0 x 0"):
            load_image(empty)


@pytest.mark.parametrize("size", [(8000, 5001), (12_000, 9_000), (60_000, 60_000), (2**31 - 1, 1)])
def test_decompression_bombs_are_refused_before_decoding(size: tuple[int, int]) -> None:
    with pytest.raises(ImageError, match="bomb"):
        load_image(png(*size))


def test_the_refusal_does_not_depend_on_pillows_own_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    with pytest.raises(ImageError, match="60000 x 60000 pixels"):
        load_image(png(60_000, 60_000))
    with pytest.raises(ImageError, match="too large"):
        load_image(Image.new("1", (8000, 5001)))


def test_file_size_limit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(images, "MAX_BYTES", 2**20)
    path = tmp_path / "big.bmp"
    path.write_bytes(file_of(half(), "BMP") + bytes(2**20))
    with pytest.raises(ImageError, match="more than 1 MB"):
        load_image(path)


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak memory as Linux counts it")
@pytest.mark.parametrize("kind", ["progressive JPEG", "RGBA PNG", "animated WEBP", "lossless WEBP"])
def test_the_largest_pictures_stay_under_512_mb(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "large"
    save_large(kind, path)
    # Not getrusage: its peak counts the forked parent's, before the child's program starts.
    code = (
        "import re, sys; from shoal.modalities.vision.opening.images import load_image;"
        "print(load_image(sys.argv[1]).width);"
        "print(re.search(r'VmHWM:\\s+(\\d+) kB', open('/proc/self/status').read())[1])"
    )
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    width, kilobytes = map(int, done.stdout.split())
    assert width >= 5000
    assert kilobytes < 512 * 1024
