"""rapidocr's bundled models read real and hard pictures, offline and within bounds."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from shoal.errors import ImageError, MissingExtraError
from shoal.modalities.vision import TextReader, text_reader
from shoal.modalities.vision.read.preparing import overview
from shoal.modalities.vision.read.rows import Piece, joined, rows

ASSETS = Path(__file__).parents[2] / "agents/demo/assets"
SIGN = ["HARBOUR LIBRARY", "Open 9:30 to 18:00", "Closed on Mondays", "Entrance: 12 Mill Lane"]

pytest.importorskip("rapidocr", reason="the extra 'ocr' is not installed")


@pytest.fixture(scope="module")
def reader() -> TextReader:
    return text_reader()


def _page(size: tuple[int, int], *words: tuple[tuple[int, int], str]) -> Image.Image:
    page = Image.new("RGB", size, "white")
    for place, text in words:
        ImageDraw.Draw(page).text(place, text, "black", ImageFont.load_default(28))
    return page


def test_reads_the_sign_in_order(reader: TextReader) -> None:
    lines = reader.read(ASSETS / "sign.png")
    assert [line.text for line in lines] == SIGN
    assert all(line.confidence > 0.9 for line in lines)
    tops = [line.box[1] for line in lines]
    assert tops == sorted(tops)
    left, top, right, bottom = lines[0].box
    assert 100 < left < 140
    assert 80 < top < 110
    assert 660 < right < 700
    assert 145 < bottom < 175


def test_a_photo_without_words_has_none(reader: TextReader) -> None:
    assert reader.read(ASSETS / "cat.jpg") == []
    assert reader.read(Image.new("RGB", (300, 200), "white")) == []


def test_turned_by_exif(reader: TextReader, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side
    stored = Image.open(ASSETS / "sign.png").convert("RGB").transpose(Image.Transpose.ROTATE_90)
    stored.save(tmp_path / "sign.jpg", quality=95, exif=exif)
    assert [line.text for line in reader.read(tmp_path / "sign.jpg")] == SIGN


def test_few_words_on_a_large_page_and_their_place(reader: TextReader) -> None:
    (line,) = reader.read(_page((3000, 2400), ((2100, 1500), "Meet at noon")))
    assert line.text == "Meet at noon"
    assert 2090 < line.box[0] < 2110
    assert 1495 < line.box[1] < 1515


def test_columns_are_read_left_to_right(reader: TextReader) -> None:
    page = _page(
        (700, 220),
        ((400, 32), "second"),
        ((30, 30), "first"),
        ((30, 140), "third"),
        ((400, 138), "fourth"),
    )
    assert [line.text for line in reader.read(page)] == ["first", "second", "third", "fourth"]


def test_pieces_of_a_line_are_joined() -> None:
    pieces = [
        Piece("42", 0.8, (131, 4, 166, 34)),
        Piece("Hello world", 0.9, (0, 5, 138, 37)),
        Piece("far off", 0.9, (400, 6, 500, 36)),
        Piece("below", 0.9, (0, 60, 80, 90)),
    ]
    made = [joined(row) for row in rows(pieces)]
    assert [[line.text for line in row] for row in made] == [
        ["Hello world 42", "far off"],
        ["below"],
    ]
    whole = made[0][0]
    assert (whole.confidence, whole.span) == (0.8, (0, 4, 166, 37))
    assert [part.text for part in whole.parts] == ["Hello world", "42"]


def test_rows_may_rise_or_fall_a_little() -> None:
    falling = [Piece(f"a{i}", 1.0, (100 * i, 6 * i, 100 * i + 60, 6 * i + 20)) for i in range(6)]
    below = [Piece(f"b{i}", 1.0, (100 * i, 6 * i + 25, 100 * i + 60, 6 * i + 45)) for i in range(6)]
    texts = [[piece.text for piece in row] for row in rows([*below, *falling])]
    assert texts == [[f"a{i}" for i in range(6)], [f"b{i}" for i in range(6)]]


@pytest.mark.parametrize("size", [(1, 1), (5, 5), (1, 3000), (3000, 1), (40, 2000), (2000, 40)])
def test_no_shape_makes_it_fail(reader: TextReader, size: tuple[int, int]) -> None:
    assert reader.read(Image.new("RGB", size, "black")) == []


@pytest.mark.parametrize("size", [(40, 3000), (3000, 40), (6000, 5000), (1, 1), (300, 300)])
def test_what_the_detector_gets_is_bounded(size: tuple[int, int]) -> None:
    """A strip of 40 x 2000 as it is would take the detector 5 GB."""
    random = np.random.default_rng(0)
    noise = Image.fromarray(random.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8))
    view = overview(noise)
    assert max(view.picture.size) <= 1280
    assert max(view.picture.size) <= 3 * min(view.picture.size)
    assert 0 < view.scale <= 1
    assert view.corner == (0, 0)


def test_callers_queue(reader: TextReader) -> None:
    pages = [_page((400, 120), ((30, 40), f"ticket {number}")) for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(reader.read, pages))
    assert [lines[0].text for lines in found] == [f"ticket {number}" for number in range(4)]


def test_without_the_extra_the_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shoal.extras.installed", lambda name: name != "rapidocr")
    with pytest.raises(MissingExtraError, match=r"pip install 'shoal\[ocr\]'"):
        TextReader()


def test_a_bad_picture_is_an_image_error(reader: TextReader, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no such file"):
        reader.read(tmp_path / "absent.png")


def test_it_is_silent_and_writes_nothing(tmp_path: Path) -> None:
    code = (
        "import sys; from shoal.modalities.vision import text_reader;"
        "print(text_reader().read(sys.argv[1])[0].text)"
    )
    home = tmp_path / "nobody"
    home.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code, str(ASSETS / "sign.png")],
        capture_output=True,
        text=True,
        check=True,
        cwd=home,
        env={"HOME": str(home), "SHOAL_HOME": str(home / "shoal")},
    )
    assert done.stdout.strip() == SIGN[0]
    assert done.stderr == ""
    assert [path for path in home.rglob("*") if path.is_file()] == []
