"""Printed forms to sort by kind, for reflex.py: what an office's post is, one picture each.

Eight kinds, each with its own layout, colours and title, filled in by hand of the seed, then
turned, moved, lit and grained as a photo or a scan would be.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from forms import CITIES, FIRMS, PEOPLE, ROLES, STREETS, Pen, basket_of, day_of, in_words
from pages import font
from PIL import Image, ImageEnhance
from reflex_items import Item

from shoal.agents.records.record import Correction
from shoal.types import Run, Status

SIZE = (640, 480)
REQUEST = "what is the title of this form?"
_BOLD, _SERIF, _PLAIN = "DejaVuSans-Bold", "DejaVuSerif", "DejaVuSans"


@dataclass(frozen=True, slots=True)
class Paper:
    """How one kind of form looks before it is filled in.

    Attributes:
        layout: Draws what is filled in.
        paper: Colour of the sheet.
        band: Colour behind the title, or of the rule under it.
        banded: Whether the title stands in a filled band.
        place: Upper left corner of the title.
        face: Font of the rest.
    """

    layout: Callable[[Pen, random.Random], None]
    paper: str
    band: str
    banded: bool
    place: tuple[int, int]
    face: str = _PLAIN


@dataclass
class Forms:
    """Forms of eight kinds; asked for is the title, which the slow path reads.

    Words read from a picture are a stranger's: they teach only where a person approved or
    corrected them. So a user, before learning, approves the titles that were read right.
    """

    seed: int
    name: str = "forms"
    agent: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._draw = random.Random(self.seed)
        self.titles = sorted(PAPERS)

    def prepare(self, agent: Any) -> None:
        """Nothing: the reader is there."""

    def stream(self, count: int) -> Sequence[Item]:
        """Fresh forms."""
        return [self._item(self._draw.choice(self.titles)) for _ in range(count)]

    def right(self, run: Run, truth: Any) -> bool:
        """The title, in capitals or not, said as an answer."""
        return run.status is Status.SOLVED and run.text.casefold() == str(truth).casefold()

    def correction(self, truth: Any) -> Correction | None:
        """The title."""
        return str(truth)

    def drifted(self, truth: Any) -> Any:
        """Every kind is now called as the next one was."""
        return self.titles[(self.titles.index(truth) + 1) % len(self.titles)]

    def _item(self, title: str) -> Item:
        image = photographed(drawn(title, self._draw), self._draw)
        given = _given(image, self._draw)
        return Item({"text": REQUEST, "thread": self.name, "images": [given]}, title)


def drawn(title: str, draw: random.Random) -> Image.Image:
    """One form, filled in, as it was printed."""
    look = PAPERS[title]
    pen = Pen(SIZE, look.face, 18)
    pen.draw.rectangle((0, 0, *SIZE), look.paper)
    x, y = look.place
    if look.banded:
        pen.draw.rectangle((0, y - 14, SIZE[0], y + 54), look.band)
    else:
        pen.draw.rectangle((x, y + 50, SIZE[0] - 40, y + 54), look.band)
    pen.draw.text((x, y), title, "white" if look.banded else look.band, font(_BOLD, 34))
    look.layout(pen, draw)
    return pen.sheet


def photographed(sheet: Image.Image, draw: random.Random) -> Image.Image:
    """The sheet a little turned, moved, nearer or farther, in other light, with grain."""
    near, tilt = draw.uniform(0.92, 1.03), draw.uniform(-2.5, 2.5)
    sized = sheet.resize((round(SIZE[0] * near), round(SIZE[1] * near)), Image.Resampling.BICUBIC)
    desk = Image.new("RGB", SIZE, (draw.randrange(90, 140),) * 3)
    left, top = ((SIZE[k] - sized.size[k]) // 2 + draw.randrange(-8, 9) for k in (0, 1))
    desk.paste(sized, (left, top))
    turned = desk.rotate(tilt, Image.Resampling.BICUBIC, fillcolor=desk.getpixel((0, 0)))  # type: ignore[arg-type]
    lit = ImageEnhance.Brightness(turned).enhance(draw.uniform(0.8, 1.15))
    grain = np.random.default_rng(draw.getrandbits(32)).normal(0, 4, (SIZE[1], SIZE[0], 1))
    return Image.fromarray(np.clip(np.asarray(lit, np.float32) + grain, 0, 255).astype(np.uint8))


def _given(image: Image.Image, draw: random.Random) -> Any:
    """A photo's JPEG, a scan's PNG, or pixels."""
    kind = draw.choice(("JPEG", "JPEG", "PNG", "pixels"))
    if kind == "pixels":
        return image
    stream = io.BytesIO()
    image.save(stream, kind, **({"quality": 88} if kind == "JPEG" else {}))
    return stream.getvalue()


def _fields(pen: Pen, x: int, y: int, step: int, told: Mapping[str, str]) -> None:
    for row, (name, value) in enumerate(told.items()):
        pen.text(x, y + row * step, f"{name}: {value}")


def _goods(pen: Pen, draw: random.Random, y: int, priced: bool) -> int:
    rows = [["Item", "Qty"] + ["Price"] * priced]
    rows += [[g, str(n)] + [f"{p:.2f}"] * priced for g, n, p in basket_of(draw)]
    return pen.grid([40, 360, 440, 580][: 3 + priced], y, 34, rows, 1)


def _delivery(pen: Pen, draw: random.Random) -> None:
    _fields(pen, 40, 110, 30, {"From": draw.choice(FIRMS), "To": draw.choice(PEOPLE),
                               "Date": in_words(day_of(draw))})  # fmt: skip
    end = _goods(pen, draw, 215, False)
    pen.text(40, end + 16, "Received by: ____________")


def _invoice(pen: Pen, draw: random.Random) -> None:
    pen.text(40, 34, draw.choice(FIRMS), 1.1)
    _fields(pen, 40, 104, 30, {"No": f"INV-{draw.randrange(1000, 9999)}",
                               "Customer": draw.choice(PEOPLE)})  # fmt: skip
    end = _goods(pen, draw, 180, True)
    pen.text(430, end + 14, f"Total: {draw.randrange(2000, 90000) / 100:.2f}", 1.1)


def _parking(pen: Pen, draw: random.Random) -> None:
    letters = "".join(draw.choice("ABCDEFGHKLMNPRSTVX") for _ in range(2))
    pen.draw.rectangle((130, 180, 510, 270), "white", "black", 4)
    pen.text(200, 206, f"{letters} {draw.randrange(100, 999)} {draw.randrange(10, 99)}", 1.7)
    _fields(pen, 130, 310, 36, {"Zone": draw.choice("ABCD"), "Valid until": in_words(day_of(draw)),
                                "Holder": draw.choice(PEOPLE)})  # fmt: skip


def _badge(pen: Pen, draw: random.Random) -> None:
    pen.draw.rectangle((60, 130, 230, 350), "#b8c4cc", "black", 2)
    pen.draw.ellipse((105, 165, 185, 245), "#8a97a0")
    pen.text(270, 150, draw.choice(PEOPLE), 1.4)
    _fields(pen, 270, 210, 40, {"Company": draw.choice(FIRMS), "Host": draw.choice(PEOPLE),
                                "Floor": str(draw.randrange(1, 12))})  # fmt: skip


def _leave(pen: Pen, draw: random.Random) -> None:
    told = {"Name": draw.choice(PEOPLE), "Position": draw.choice(ROLES),
            "First day": in_words(day_of(draw)), "Last day": in_words(day_of(draw))}  # fmt: skip
    for row, (name, value) in enumerate(told.items()):
        pen.draw.rectangle((200, 112 + 52 * row, 600, 150 + 52 * row), "white", "gray", 1)
        pen.text(40, 120 + 52 * row, name)
        pen.text(212, 120 + 52 * row, value)
    pen.text(40, 400, draw.choice(("Approved", "Not yet approved", "To be discussed")))


def _expenses(pen: Pen, draw: random.Random) -> None:
    _fields(pen, 40, 30, 30, {"Employee": draw.choice(PEOPLE), "City": draw.choice(CITIES)})
    rows = [["Day", "Kind", "Amount"]]
    for _ in range(draw.randrange(3, 6)):
        kind = draw.choice(("Hotel", "Train", "Meal", "Taxi", "Flight"))
        rows.append([day_of(draw).isoformat(), kind, f"{draw.randrange(500, 40000) / 100:.2f}"])
    pen.grid([40, 240, 430, 600], 200, 36, rows, 2)


def _work_order(pen: Pen, draw: random.Random) -> None:
    _fields(pen, 40, 40, 32, {"Customer": draw.choice(PEOPLE), "Address": draw.choice(STREETS),
                              "Technician": draw.choice(PEOPLE)})  # fmt: skip
    for row, words in enumerate(("Inspected", "Repaired", "Replaced", "Cleaned")):
        pen.draw.rectangle((60, 170 + 46 * row, 86, 196 + 46 * row), "white", "black", 2)
        pen.text(110, 172 + 46 * row, words)
        if draw.random() < 0.5:
            pen.text(66, 172 + 46 * row, "x")


def _damage(pen: Pen, draw: random.Random) -> None:
    told = {"Place": draw.choice(CITIES), "Day": in_words(day_of(draw)),
            "Noticed at": f"{draw.randrange(8, 19):02}:30", "Insured": draw.choice(("yes", "no")),
            "Reported by": draw.choice(PEOPLE)}  # fmt: skip
    for row, (name, value) in enumerate(told.items()):
        y = 140 + 60 * row
        pen.text(360, y, name)
        pen.text(360, y + 24, value, 1.1)
    pen.draw.rectangle((40, 140, 320, 420), "#d8ecd8", "#2e7d32", 3)
    for k in range(1, 5):
        pen.draw.line((40, 140 + 56 * k, 320, 140 + 56 * k), "#2e7d32", 1)


PAPERS: Mapping[str, Paper] = {
    "Delivery note": Paper(_delivery, "white", "#1b3a6b", True, (40, 20)),
    "Invoice": Paper(_invoice, "white", "#7a1f1f", False, (420, 24), _SERIF),
    "Parking permit": Paper(_parking, "#ffd94a", "#202020", False, (160, 60)),
    "Visitor badge": Paper(_badge, "#eef5fa", "#0b7a75", True, (180, 30)),
    "Leave request": Paper(_leave, "#f6efe0", "#8a5a00", False, (40, 30), _SERIF),
    "Expense claim": Paper(_expenses, "white", "#5b2a86", True, (40, 116)),
    "Work order": Paper(_work_order, "#fde3d5", "#c4431a", True, (40, 400)),
    "Damage report": Paper(_damage, "white", "#2e7d32", False, (40, 50)),
}
