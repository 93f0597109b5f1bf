"""Turned, skewed and small print is read, with boxes in the picture as it was given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from shoal.errors import ImageError
from shoal.modalities.vision import Page, TextLine, text_reader
from shoal.modalities.vision.read.detection import united
from shoal.modalities.vision.read.geometry import Frame, direction, frame_of, points_of
from shoal.modalities.vision.read.preparing import overview, tiles
from tests.vision.drawn import font_of

pytest.importorskip("rapidocr", reason="the extra 'ocr' is not installed")

LINES = ["Harbour notice 2041", "Gates open at half past nine", "Tickets 12.50 and 8.00", "Page 3"]


def _page(name: str = "DejaVuSans", size: int = 26) -> Image.Image:
    page = Image.new("RGB", (760, 420), "white")
    for row, line in enumerate(LINES):
        ImageDraw.Draw(page).text((60, 50 + 80 * row), line, "black", font_of(size, name))
    return page


def _turned(page: Image.Image, degrees: float) -> Image.Image:
    return page.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor="white")


def _texts(page: Page) -> list[str]:
    return [line.text for line in page.lines]


@pytest.mark.parametrize("name", ["DejaVuSans", "DejaVuSerif", "DejaVuSansMono"])
@pytest.mark.parametrize(("degrees", "angle"), [(90, -90.0), (180, 180.0), (270, 90.0)])
def test_turned_pages(name: str, degrees: int, angle: float) -> None:
    page = text_reader().read_page(_turned(_page(name), degrees))
    assert _texts(page) == LINES
    assert page.angle == angle
    assert all(line.quad is not None for line in page.lines)


def test_boxes_are_in_the_picture_as_given() -> None:
    level = text_reader().read_page(_page())
    assert level.angle == 0
    assert all(line.quad is None for line in level.lines)
    turned = text_reader().read_page(_turned(_page(), 90))
    assert (turned.width, turned.height) == (420, 760)
    for flat, tall in zip(level.lines, turned.lines, strict=True):
        left, top, right, bottom = flat.box
        expected = (top, 760 - right, bottom, 760 - left)
        assert np.abs(np.subtract(tall.box, expected)).max() <= 6
        assert tall.quad is not None
        begin = tall.quad[0]  # the text's top left corner is low on the left
        assert abs(begin[0] - top) <= 6
        assert abs(begin[1] - (760 - left)) <= 6


@pytest.mark.parametrize("degrees", [-5.0, 2.0, 8.0, 94.0])
def test_skewed_pages(degrees: float) -> None:
    picture = _turned(_page(), degrees)
    page = text_reader().read_page(picture)
    assert _texts(page) == LINES
    assert abs((page.angle + degrees + 180) % 360 - 180) < 1.2
    for line in page.lines:
        assert line.quad is not None
        xs, ys = zip(*line.quad, strict=True)
        assert np.abs(np.subtract(line.box, (min(xs), min(ys), max(xs), max(ys)))).max() <= 2
    assert page.value.provenance == "image"


def test_worn_and_upside_down() -> None:
    grain = np.random.default_rng(1).normal(0, 12, (420, 760, 1))
    soft = np.asarray(_page().filter(ImageFilter.GaussianBlur(0.6)), dtype=np.float32)
    worn = Image.fromarray(np.clip(soft + grain, 0, 255).astype(np.uint8)).rotate(180)
    page = text_reader().read_page(worn)
    assert page.text.replace(" ", "").splitlines() == [line.replace(" ", "") for line in LINES]
    assert page.angle == 180


def test_small_print_in_two_corners_of_a_large_page() -> None:
    sheet = Image.new("RGB", (2480, 3508), "white")
    pen, font = ImageDraw.Draw(sheet), font_of(10)
    above = ["Delivery within three days", "Keep this slip until then", "Counter 4 closes at 18:30"]
    below = ["Terms: see the notice board", "Printed on both sides 0417", "Page 2 of 9 in volume 3"]
    for row, line in enumerate(above):
        pen.text((150, 150 + 18 * row), line, "black", font)
    for row, line in enumerate(below):
        pen.text((2000, 3200 + 18 * row), line, "black", font)
    lines = text_reader().read(sheet)
    assert [line.text for line in lines] == above + below
    assert abs(lines[0].box[0] - 150) < 8
    assert abs(lines[-1].box[1] - 3236) < 8


def test_a_large_title_over_small_print_is_read_once() -> None:
    sheet = Image.new("RGB", (2400, 1700), "white")
    pen = ImageDraw.Draw(sheet)
    pen.text((150, 120), "HARBOUR MUSEUM OF TOOLS", "black", font_of(90, "DejaVuSans-Bold"))
    pen.text((150, 1600), "Catalogue number 7718, second edition", "black", font_of(11))
    lines = text_reader().read(sheet)
    assert [line.text for line in lines] == [
        "HARBOUR MUSEUM OF TOOLS", "Catalogue number 7718, second edition",
    ]  # fmt: skip


def test_a_photo_is_not_searched_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves and fur are full of blots; two closer looks without words are enough."""
    random = np.random.default_rng(0)
    noise = random.integers(0, 255, (1500, 2000, 3), dtype=np.uint8)
    photo = Image.fromarray(noise).resize((4000, 3000))
    reader = text_reader()
    looks: list[tuple[int, ...]] = []
    plain = reader._engine.detect

    def counted(pixels: Any) -> Any:
        looks.append(pixels.shape)
        return plain(pixels)

    monkeypatch.setattr(reader._engine, "detect", counted)
    reader.read(photo)
    assert 1 <= len(looks) <= 3
    assert all(max(shape) <= 1280 for shape in looks)


def test_a_page_beyond_the_limits_is_refused() -> None:
    with pytest.raises(ImageError, match="over the limit of 40 megapixels"):
        text_reader().read_page(Image.new("1", (8000, 6000)))


def test_what_is_left_out_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shoal.modalities.vision.read.reader._MAX_PIECES", 3)
    page = text_reader().read_page(_page())
    assert (_texts(page), page.unread) == (LINES[:3], 1)


def test_light_on_dark_and_far_apart() -> None:
    sheet = Image.new("RGB", (2200, 2600), "#101830")
    pen = ImageDraw.Draw(sheet)
    pen.text((80, 80), "North gate closed", "white", font_of(12))
    pen.text((1900, 2500), "Use the ferry", "white", font_of(12))
    assert _texts(text_reader().read_page(sheet)) == ["North gate closed", "Use the ferry"]


def test_tiles_cover_the_page_and_overlap() -> None:
    random = np.random.default_rng(0)
    picture = Image.fromarray(random.integers(0, 255, (2000, 3000, 3), dtype=np.uint8))
    boxes = tiles(overview(picture))
    covered = np.zeros((2000, 3000), dtype=bool)
    for left, top, right, bottom in boxes:
        assert right - left <= 1280
        assert bottom - top <= 1280
        covered[top:bottom, left:right] = True
    assert covered.all()
    assert len(boxes) <= 6


def test_pieces_that_tiles_cut_are_united() -> None:
    def quad(left: int, top: int, right: int, bottom: int) -> list[tuple[int, int]]:
        return [(left, top), (right, top), (right, bottom), (left, bottom)]

    cut = np.array([quad(0, 10, 120, 30), quad(100, 11, 300, 31), quad(0, 35, 300, 55)], np.float32)
    spans = sorted(Frame().span(piece) for piece in united(cut))
    assert spans == [(0, 10, 300, 31), (0, 35, 300, 55)]


def test_frames_turn_there_and_back() -> None:
    corners = np.array([(10, 20), (210, 20), (210, 50), (10, 50)], np.float32)
    for angle in (0.0, 3.0, -90.0, 180.0):
        frame = Frame(angle)
        there = frame.corners((10, 20, 210, 50))
        assert frame.span(there) == pytest.approx((10, 20, 210, 50), abs=0.01)
        assert direction(there[None]) == pytest.approx(angle, abs=0.05)
    line = TextLine("x", 1.0, (10, 20, 210, 50))
    assert np.array_equal(points_of(line), corners)
    assert frame_of([line]) == Frame()
