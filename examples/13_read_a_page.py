"""A page on its side is read: its table, its fields and an answer, each with its place."""

from datetime import date
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from pydantic import BaseModel, Field

from shoal.files import data_dir
from shoal.modalities.vision import Page, ask, extract, tables, text_reader

HEAD = ["Invoice No: INV-2041", "Date: 14 March 2026", "Customer: Nadia Osei"]
ROWS = [
    ["Item", "Qty", "Unit price", "Amount"],
    ["Cordless drill", "2", "89.00", "178.00"],
    ["Drill bits set", "1", "24.50", "24.50"],
    ["Work gloves", "3", "3.10", "9.30"],
]
COLUMNS = [60, 360, 480, 680, 880]


class Bought(BaseModel):
    """One row of the table."""

    item: str
    quantity: int
    unit_price: float


class Invoice(BaseModel):
    """What the books need to know."""

    invoice_number: str
    day: date = Field(description="invoice date")
    customer: str
    total: float
    iban: str | None = None
    items: list[Bought]


def invoice() -> Image.Image:
    """Draws an invoice and lays it on its side, as it comes out of a scanner."""
    page = Image.new("RGB", (960, 620), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(24)
    pen.text((60, 30), "Harbour Tools Ltd", "black", ImageFont.load_default(38))
    for row, line in enumerate(HEAD):
        pen.text((60, 100 + 40 * row), line, "black", font)
    for r, cells in enumerate(ROWS):
        for x, text in zip(COLUMNS, cells, strict=False):
            pen.text((x + 10, 258 + 46 * r), text, "black", font)
    for y in range(250, 251 + 46 * len(ROWS), 46):
        pen.line((60, y, 880, y), "black", 2)
    for x in COLUMNS:
        pen.line((x, 250, x, 250 + 46 * len(ROWS)), "black", 2)
    pen.text((480, 480), "Total due:", "black", font)
    pen.text((690, 480), "211.80 EUR", "black", font)
    return page.rotate(90, expand=True)


def annotated(picture: Image.Image, page: Page, path: Path) -> Path:
    """Saves the picture with a box round every line that was read."""
    pen = ImageDraw.Draw(picture)
    for line in page.lines:
        pen.rectangle(line.box, outline="red", width=2)
    picture.save(path)
    return path


picture = invoice()
page = text_reader().read_page(picture)
print(f"{len(page.lines)} lines, turned by {page.angle:.0f} degrees")
for table in tables(page.lines, picture):
    print(table.to_csv())
found = extract(page, Invoice, picture)
for name, source in found.sources.items():
    print(f"{name:20} {source.text:16} {source.confidence:.2f}  at {source.box}")
print(f"not on the page: {', '.join(found.missing)}")
answer = ask(page, "how much is the cordless drill?", picture)
print(f"the drill: {answer.text} at {answer.box}" if answer else "the page does not say")
print(f"boxes: {annotated(picture, page, data_dir() / 'read_a_page.png')}")
