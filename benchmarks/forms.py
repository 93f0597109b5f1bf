"""What drawn forms are made of: a pen, values to draw from, schemas, and the truth."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pages import font
from PIL import Image, ImageDraw


def listed(text: str) -> tuple[str, ...]:
    """The parts of a text between commas."""
    return tuple(text.split(","))


PEOPLE = listed(
    "Nadia Osei,Liam Berg,Priya Raman,Tomas Novak,Ingrid Falk,Mateo Ruiz,Hana Sato,Owen Clarke,"
    "Leila Haddad,Viktor Petrov,Chloe Martin,Samuel Adeyemi,Elsa Lindqvist,Marco Bianchi"
)
FIRMS = listed(
    "Harbour Tools Ltd,North Paper Co,Bakery Lehmann,Alpine Optics,Cedar & Sons,Blue Kite Cafe,"
    "Orchard Books,Ferro Metalworks,Lumen Lighting,Tidewater Supplies"
)
GOODS = listed(
    "Cordless drill,Drill bits set,Paper A4 500 sheets,Desk lamp,Work gloves,Rye bread,"
    "Espresso,Apple juice,Notebook,Wall clock,Garden hose,Light bulb E27,Oak shelf,Tea towel"
)
CITIES = listed("Lisbon,Osaka,Bergen,Toronto,Vienna,Leeds,Porto,Ghent,Turin,Malmo")
STREETS = listed("12 Mill Lane,7 Quay Street,240 Station Road,31 Linden Avenue,5 Castle Hill")
ROLES = listed("Engineer,Designer,Journalist,Sales manager,Researcher,Photographer")
EVENTS = listed("Jazz Night,Robotics Fair,Chess Open,Book Festival,Ocean Talks")


@dataclass
class Form:
    """A drawn form, the schema to fill from it, and the truth.

    `truth` holds what stands on it; fields of the schema that are not there are absent.
    `questions` maps a question to the answer that must be in the reply, or None.
    """

    layout: str
    image: Image.Image
    schema: dict[str, Any]
    truth: dict[str, Any]
    questions: dict[str, str | None] = field(default_factory=dict)


class Pen:
    """Draws words in one font on a white sheet."""

    def __init__(self, size: tuple[int, int], face: str, points: int) -> None:
        self.sheet = Image.new("RGB", size, "white")
        self.draw, self.face, self.points = ImageDraw.Draw(self.sheet), face, points

    def text(self, x: int, y: int, words: str, scale: float = 1.0, right: bool = False) -> None:
        """Words at a place, `scale` times the pen's size; with `right` they end there."""
        face = font(self.face, round(self.points * scale))
        x -= round(self.draw.textlength(words, face)) if right else 0
        self.draw.text((x, y), words, "black", face)

    def grid(self, xs: list[int], y: int, step: int, rows: list[list[str]], right: int = 99) -> int:
        """A ruled table; columns from `right` on are right-aligned. Returns its lower end."""
        for r, row in enumerate(rows):
            self.cells(xs, y + r * step + 8, row, right)
        for r in range(len(rows) + 1):
            self.draw.line((xs[0], y + r * step, xs[-1], y + r * step), "black", 2)
        for x in xs:
            self.draw.line((x, y, x, y + len(rows) * step), "black", 2)
        return y + len(rows) * step

    def cells(self, xs: list[int], y: int, row: list[str], right: int = 99) -> None:
        """One row's words in their columns, those from `right` on right-aligned."""
        for c, words in enumerate(row):
            at_right = c >= right
            self.text(xs[c + 1] - 12 if at_right else xs[c] + 12, y, words, right=at_right)


def props(**kinds: str) -> dict[str, Any]:
    """A schema of fields by kind: "s" text, "n" number, "i" integer, "d" date, "b" yes or no."""
    made: dict[str, Any] = {
        "s": {"type": "string"}, "n": {"type": "number"}, "i": {"type": "integer"},
        "d": {"type": "string", "format": "date"}, "b": {"type": "boolean"},
        "t": {"type": "string", "format": "time"},
    }  # fmt: skip
    return {"type": "object", "properties": {name: made[kind] for name, kind in kinds.items()}}


def items(**kinds: str) -> dict[str, Any]:
    """A schema of a list of records."""
    return {"type": "array", "items": props(**kinds)}


def day_of(draw: random.Random) -> date:
    """Draws a date."""
    return date(draw.randrange(2023, 2028), draw.randrange(1, 13), draw.randrange(1, 29))


def in_words(day: date) -> str:
    """Returns for example "3 May 2026"."""
    return f"{day.day} {day:%B} {day.year}"


def basket_of(draw: random.Random, least: int = 2) -> list[tuple[str, int, float]]:
    """Draws goods with how many were bought and what one costs."""
    chosen = draw.sample(GOODS, draw.randrange(least, 5))
    return [(g, draw.randrange(1, 9), draw.randrange(150, 9000) / 100) for g in chosen]
