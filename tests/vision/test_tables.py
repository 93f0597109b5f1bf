"""Drawn tables come back as rows: ruled, unruled, turned, with holes, several on a page."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from shoal.modalities.vision import Page, Table, TextLine, tables, text_reader
from shoal.modalities.vision.read.geometry import Frame
from shoal.modalities.vision.read.letters import cut_at
from shoal.modalities.vision.read.rows import Piece
from shoal.modalities.vision.read.rules import rules
from shoal.modalities.vision.read.table import Cell, numeric
from tests.vision.drawn import font_of

pytest.importorskip("rapidocr", reason="the extra 'ocr' is not installed")

ROWS = [
    ["Item", "Qty", "Unit price", "Amount"],
    ["Cordless drill", "2", "89.00", "178.00"],
    ["Drill bits set", "1", "24.50", "24.50"],
    ["Work gloves, pair", "12", "3.10", "37.20"],
    ["Delivery", "", "", "9.90"],
]
XS = [60, 360, 480, 700, 900]
GUESTS = [
    ["Name", "City", "Born"],
    ["Maria Oliveira", "Lisbon", "1979"],
    ["Jan de Vries", "", "1984"],
    ["Aiko Tanaka", "Leeds", "1990"],
]


def _sheet(width: int = 1000, height: int = 420) -> Image.Image:
    return Image.new("RGB", (width, height), "white")


def _draw(
    sheet: Image.Image, rows: list[list[str]], xs: list[int], top: int = 60, right: int = 99
) -> Image.Image:
    """Rows 44 pixels apart; columns from `right` on are right-aligned."""
    pen = ImageDraw.Draw(sheet)
    for r, row in enumerate(rows):
        for c, text in enumerate(row):
            at_right = xs[min(c + 1, len(xs) - 1)] - 10 - pen.textlength(text, font_of(22))
            x = at_right if c >= right else xs[c] + 10
            pen.text((x, top + 44 * r + 8), text, "black", font_of(22))
    return sheet


def _rule(
    sheet: Image.Image, xs: list[int], rows: int, top: int = 60, ink: str = "black"
) -> Image.Image:
    pen = ImageDraw.Draw(sheet)
    for r in range(rows + 1):
        pen.line((xs[0], top + 44 * r, xs[-1], top + 44 * r), ink, 2)
    for x in xs:
        pen.line((x, top, x, top + 44 * rows), ink, 2)
    return sheet


def _found(sheet: Image.Image) -> tuple[Page, list[Table]]:
    page = text_reader().read_page(sheet)
    return page, tables(page.lines, sheet)


def _texts(table: Table) -> list[list[str]]:
    return [[cell.text for cell in row] for row in table.rows]


def test_ruled() -> None:
    sheet = _rule(_draw(_sheet(), ROWS, XS), XS, 5)
    _, (table,) = _found(sheet)
    assert _texts(table) == ROWS
    assert table.header
    assert table.records()[1] == {
        "Item": "Drill bits set", "Qty": "1", "Unit price": "24.50", "Amount": "24.50",
    }  # fmt: skip
    assert list(csv.reader(io.StringIO(table.to_csv()))) == ROWS
    drill = table.rows[1][0]
    assert drill.box is not None
    assert drill.confidence > 0.9
    width = round(font_of(22).getlength("Cordless drill"))
    assert np.abs(np.subtract(drill.box, (70, 112, 70 + width, 140))).max() < 8
    assert table.rows[4][1] == Cell()


def test_low_rows() -> None:
    rows = [["Stop", "Line", "Time"], ["Quay", "7", "9:05"], ["Mill", "7", "9:11"]]
    sheet = _sheet(400, 160)
    pen = ImageDraw.Draw(sheet)
    for r, row in enumerate(rows):
        for x, text in zip((30, 130, 210), row, strict=True):
            pen.text((x + 6, 30 + 24 * r + 3), text, "black", font_of(14))
    for r in range(4):
        pen.line((30, 30 + 24 * r, 300, 30 + 24 * r), "black", 1)
    for x in (30, 130, 210, 300):
        pen.line((x, 30, x, 102), "black", 1)
    assert len(rules(sheet, Frame()).upright) == 4
    _, (table,) = _found(sheet)
    assert _texts(table) == rows


def test_light_rules_close_to_the_text() -> None:
    """Words of neighbouring cells are read as one line; the rule between them parts them."""
    xs = [60, 290, 350, 480, 590]
    sheet = _rule(_draw(_sheet(700), ROWS, xs, right=1), xs, 5, ink="#aaaaaa")
    _, (table,) = _found(sheet)
    assert _texts(table) == ROWS


@pytest.mark.parametrize("right", [99, 1])
def test_unruled(right: int) -> None:
    _, (table,) = _found(_draw(_sheet(), ROWS, XS, right=right))
    assert _texts(table) == ROWS
    assert table.header


def test_without_the_picture() -> None:
    page = text_reader().read_page(_draw(_sheet(), ROWS, XS, right=1))
    assert [_texts(table) for table in tables(page.lines)] == [ROWS]


@pytest.mark.parametrize("degrees", [90, 180, 3, -2])
def test_turned(degrees: int) -> None:
    sheet = _rule(_draw(_sheet(), ROWS, XS, right=1), XS, 5)
    turned = sheet.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor="white")
    page, (table,) = _found(turned)
    assert _texts(table) == ROWS
    first = next(line for line in page.lines if line.text == "Cordless drill")
    box = table.rows[1][0].box
    assert box is not None
    assert np.abs(np.subtract(box, first.box)).max() <= 4


@pytest.mark.parametrize("ruled", [True, False])
def test_two_on_a_page(ruled: bool) -> None:
    sheet = _draw(_sheet(1000, 700), ROWS, XS, right=1)
    _draw(sheet, GUESTS, [60, 360, 600, 800], top=400)
    ImageDraw.Draw(sheet).text((60, 350), "Guests of the week", "black", font_of(26))
    if ruled:
        _rule(_rule(sheet, XS, 5), [60, 360, 600, 800], 4, top=400)
    _, found = _found(sheet)
    assert [_texts(table) for table in found] == [ROWS, GUESTS]


def test_two_ruled_side_by_side() -> None:
    xs, beside = [60, 290, 350, 480, 590], [800, 1000, 1200, 1300]
    sheet = _rule(_draw(_sheet(1400), ROWS, xs, right=1), xs, 5)
    _rule(_draw(sheet, GUESTS, beside), beside, 4)
    _, found = _found(sheet)
    assert sorted(len(table.rows[0]) for table in found) == [3, 4]
    assert sorted(map(_texts, found)) == sorted([ROWS, GUESTS])


def test_merged_cells_are_in_the_first() -> None:
    rows = [["Room", "Monday and Tuesday", "", "Friday"], ["B12", "Yoga", "Chess", "Choir"]]
    rows.append(["B14", "Piano", "Dance", "Opera"])
    xs = [60, 220, 400, 580, 760]
    sheet = _rule(_draw(_sheet(), rows, xs), xs, 3)
    pen = ImageDraw.Draw(sheet)
    pen.line((400, 63, 400, 101), "white", 3)
    pen.text((230, 68), rows[0][1], "black", font_of(22))
    _, (table,) = _found(sheet)
    assert _texts(table) == rows


def test_text_in_lines_is_no_table() -> None:
    sheet = _sheet(900, 300)
    pen = ImageDraw.Draw(sheet)
    for row, line in enumerate(
        ["Please pay within fourteen days to the account", "named below. Thank you for shopping"]
    ):
        pen.text((60, 50 + 40 * row), line, "black", font_of(22))
    assert _found(sheet)[1] == []
    assert tables([]) == []


def test_labels_with_values_are_no_table() -> None:
    rows = [["Invoice No:", "INV-2041"], ["Date:", "14 March 2026"], ["Customer:", "Nadia Osei"]]
    assert _found(_draw(_sheet(), rows, [60, 300, 700]))[1] == []


def _plain(rows: list[list[str]], header: bool = True) -> Table:
    made = tuple(tuple(Cell(text, 1.0 if text else 0.0) for text in row) for row in rows)
    return Table(made, header, (0, 0, 1, 1))


def test_columns_have_names_of_their_own() -> None:
    table = _plain([["Price", "", "Price"], ["1", "2", "3"]])
    assert table.columns == ["Price", "column 2", "Price 2"]
    assert table.records() == [{"Price": "1", "column 2": "2", "Price 2": "3"}]
    assert _plain([["a", "b"], ["c", "d"]], header=False).records()[0] == {
        "column 1": "a", "column 2": "b",
    }  # fmt: skip


def test_a_formula_is_no_formula_in_csv() -> None:
    told = [["Item", "Cost"], ["=HYPERLINK(1)", "-5.00"], ["+cmd", '@a, "b"']]
    made = list(csv.reader(io.StringIO(_plain(told).to_csv())))
    assert made == [["Item", "Cost"], ["'=HYPERLINK(1)", "-5.00"], ["'+cmd", '\'@a, "b"']]


def test_numbers() -> None:
    assert all(map(numeric, ["12", "-3.50", "1,204.00", "€ 12", "12 EUR", "7%", "(4.00)"]))
    assert not any(map(numeric, ["", "Qty", "B12", "3 May", "12 Mill Lane"]))


def test_rules_are_found_and_letters_are_none() -> None:
    sheet = _rule(_draw(_sheet(), ROWS, XS), XS, 5)
    seen = rules(sheet, Frame())
    assert [round(rule.at, -1) for rule in seen.upright] == XS
    assert all(abs(rule.start - 60) < 4 and abs(rule.end - 280) < 4 for rule in seen.upright)
    assert len(seen.level) == 6
    assert rules(_draw(_sheet(), ROWS, XS), Frame()).level == ()
    assert rules(Image.new("RGB", (1, 1)), Frame()).upright == ()


def test_a_line_is_cut_between_words() -> None:
    parts = cut_at(Piece("89.00 178.00", 0.9, (0, 0, 120, 20)), [52.0])
    assert [part.text for part in parts] == ["89.00", "178.00"]
    assert cut_at(Piece("word", 0.9, (0, 0, 40, 20)), [80.0])[0].text == "word"


def test_lines_without_a_reader() -> None:
    lines = [
        TextLine(text, 0.9, (100 * c, 30 * r, 100 * c + 60, 30 * r + 20))
        for r, row in enumerate([["Name", "Age"], ["Ann", "41"], ["Bo", "7"]])
        for c, text in enumerate(row)
    ]
    (table,) = tables(lines)
    assert table.records() == [{"Name": "Ann", "Age": "41"}, {"Name": "Bo", "Age": "7"}]
