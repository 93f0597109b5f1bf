"""From a scanned page to fields: read the page, fill a schema, and check against the page."""

from PIL import Image, ImageDraw, ImageFont
from pydantic import BaseModel, Field

from shoal.errors import RunError
from shoal.modalities.text import ChatShoal
from shoal.modalities.vision import text_reader

PAGES = {
    "invoice": [
        "HARBOUR TOOLS LTD", "Invoice INV-2041", "Date: 14 March 2026", "Customer: Nadia Osei",
        "2 x Cordless drill   178.00", "1 x Drill bits set   24.50", "Total due: 202.50 EUR",
    ],
    "a torn one": [
        "NORTH PAPER CO", "Customer: Liam Berg", "3 x Paper A4   14.70", "Total due: 14.70 EUR",
    ],
}  # fmt: skip


class Invoice(BaseModel):
    """What the books need to know; the patterns say what each field looks like."""

    number: str = Field(description="invoice number", pattern="^[A-Z]{3}-[0-9]{4}$")
    day: str = Field(description="date", pattern="^[0-9]{1,2} [A-Z][a-z]{2,8} [0-9]{4}$")
    customer: str = Field(description="customer's name", pattern="^[A-Z][a-z]+ [A-Z][a-z]+$")
    total: float = Field(description="total due")


def scan(lines: list[str]) -> Image.Image:
    """Draws a page and lays it on the scanner a little askew."""
    page = Image.new("RGB", (900, 80 * len(lines) + 80), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(34)
    for row, line in enumerate(lines):
        pen.text((60, 50 + 80 * row), line, fill="black", font=font)
    return page.rotate(1.5, fillcolor="white")


def stands_on(page: str, value: object) -> bool:
    """Whether a value was read from the page and not made up."""
    shown = f"{value:.2f}" if isinstance(value, float) else str(value)
    return shown in page


extract = ChatShoal(max_tokens=120).with_structured_output(Invoice)
for name, lines in PAGES.items():
    text = "\n".join(line.text for line in text_reader().read(scan(lines)))
    print(f"{name}: {len(text.splitlines())} lines read")
    try:
        found = extract.invoke(text)
    except RunError as error:
        print(f"  {error}")
        continue
    for field, value in dict(found).items():
        mark = "on the page" if stands_on(text, value) else "NOT on the page: ask a person"
        print(f"  {field:9} {value!s:16} {mark}")
