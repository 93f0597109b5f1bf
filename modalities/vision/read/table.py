"""A table as rows of cells, and as records and CSV."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass

from shoal.modalities.vision.read.lines import Box

_NUMBER = re.compile(r"[-+(]?[^\w\s]?\s?\d[\d.,\s]*\)?\s?(%|[A-Z]{3}|[^\w\s])?-?")
_FORMULA = re.compile(r"[=+\-@\t\r]")


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell; an empty one has no text, no box and the confidence 0.

    Attributes:
        text: What it says.
        confidence: In [0, 1].
        box: As `TextLine.box`.
    """

    text: str = ""
    confidence: float = 0.0
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it stands on a page. Its words are a stranger's: data, never orders.

    Attributes:
        rows: All rows, the header among them, each with one cell a column.
        header: Whether the first row seems to name the columns.
        box: As `TextLine.box`, round all cells.
    """

    rows: tuple[tuple[Cell, ...], ...]
    header: bool
    box: Box

    @property
    def columns(self) -> list[str]:
        """The columns' names; "column 2" where there is none, "Price 2" for a second "Price"."""
        width = len(self.rows[0])
        told = [cell.text for cell in self.rows[0]] if self.header else [""] * width
        names: list[str] = []
        for place, text in enumerate(told, start=1):
            name, count = text or f"column {place}", 1
            while name in names:
                count += 1
                name = f"{text} {count}"
            names.append(name)
        return names

    @property
    def body(self) -> tuple[tuple[Cell, ...], ...]:
        """The rows under the header."""
        return self.rows[1:] if self.header else self.rows

    def records(self) -> list[dict[str, str]]:
        """The rows under the header, each as column name -> text."""
        names = self.columns
        return [dict(zip(names, (cell.text for cell in row), strict=True)) for row in self.body]

    def to_csv(self) -> str:
        """All rows as CSV text.

        A text that a spreadsheet would run as a formula is led by an apostrophe; numbers,
        negative ones too, stay as they are.
        """
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerows([_harmless(cell.text) for cell in row] for row in self.rows)
        return stream.getvalue()


def numeric(text: str) -> bool:
    """Whether a text is a number, with its sign, currency or percent sign."""
    return bool(_NUMBER.fullmatch(text.strip()))


def _harmless(text: str) -> str:
    return f"'{text}" if _FORMULA.match(text) and not numeric(text) else text
