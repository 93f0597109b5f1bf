"""Draws the compiled graph: mermaid text, and a PNG without any network or system library."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal.errors import UsageError
from shoal.files import write_atomic

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

Point = tuple[float, float]

_BOX, _GAP, _MARGIN = (150, 48), (40, 70), 60
_INK, _SOFT, _FILL = "#1d3557", "#6c7a93", "#e8f1f8"
_LANES = ("#d17b0f", "#2a9d8f", "#9b5de5", "#c1121f")


def draw(graph: Any, path: str | Path | None) -> str:
    """Returns mermaid text of a compiled graph; writes .png or .mmd when given a path.

    Raises:
        UsageError: The path ends in something else.
    """
    drawable = graph.get_graph()
    mermaid = str(drawable.draw_mermaid())
    if path is None:
        return mermaid
    path = Path(path)
    if path.suffix not in (".png", ".mmd"):
        raise UsageError(f"cannot draw to {path}", f"{path.suffix!r} is not .png or .mmd")
    if path.suffix == ".mmd":
        write_atomic(path, mermaid)
    else:
        names = [str(node) for node in drawable.nodes]
        edges = [(str(e.source), str(e.target), bool(e.conditional)) for e in drawable.edges]
        _png(names, edges, path)
    return mermaid


def _png(names: list[str], edges: list[tuple[str, str, bool]], path: Path) -> None:
    from PIL import Image, ImageDraw, ImageFont

    rows = _rows(names)
    places, size = _places(rows)
    image = Image.new("RGB", size, "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(18)
    row_of = {name: i for i, row in enumerate(rows) for name in row}
    lanes: dict[str, int] = {}
    for a, b, conditional in edges:
        down, colour = row_of[b] - row_of[a], _SOFT if conditional else _INK
        if down == 1 or (down > 0 and not conditional):
            _arrow(pen, [_bottom(places[a]), _top(places[b])], colour)
        else:  # edges that go back, aside or far down share one lane per source
            lane = lanes.setdefault(a, len(lanes))
            _detour(pen, (places[a], places[b]), (size[0] - _MARGIN, lane))
    for name, (x, y) in places.items():
        box = (x - _BOX[0] / 2, y - _BOX[1] / 2, x + _BOX[0] / 2, y + _BOX[1] / 2)
        pen.rounded_rectangle(box, 12, fill=_FILL, outline=_INK, width=2)
        pen.text((x, y), name.strip("_"), fill=_INK, font=font, anchor="mm")
    write_atomic(path, lambda target: image.save(target, format="PNG"))


def _rows(names: list[str]) -> list[list[str]]:
    """One row per stage of a task's way through the house; the experts share one."""
    stages = ["__start__", "recall", "route", "check", "remember", "__end__"]
    experts = [name for name in names if name not in stages]
    rows = [[stage] for stage in stages if stage in names]
    return [*rows[:3], experts, *rows[3:]]


def _places(rows: list[list[str]]) -> tuple[dict[str, Point], tuple[int, int]]:
    widest = max(len(row) for row in rows)
    width = widest * _BOX[0] + (widest - 1) * _GAP[0] + 2 * _MARGIN + 60
    height = len(rows) * _BOX[1] + (len(rows) - 1) * _GAP[1] + _MARGIN
    places = {}
    for i, row in enumerate(rows):
        span = len(row) * _BOX[0] + (len(row) - 1) * _GAP[0]
        for j, name in enumerate(row):
            x = (width - 60 - span) / 2 + _BOX[0] / 2 + j * (_BOX[0] + _GAP[0])
            places[name] = (x, _MARGIN / 2 + _BOX[1] / 2 + i * (_BOX[1] + _GAP[1]))
    return places, (width, height)


def _top(place: Point) -> Point:
    return place[0], place[1] - _BOX[1] / 2


def _bottom(place: Point) -> Point:
    return place[0], place[1] + _BOX[1] / 2


def _detour(pen: ImageDraw, ends: tuple[Point, Point], lane: tuple[float, int]) -> None:
    (start, end), (side, number) = ends, lane
    colour, x = _LANES[number % len(_LANES)], side + 14 * number
    shift = 12 + 8 * number
    out, into = start[1] + _BOX[1] / 2 + shift, end[1] - _BOX[1] / 2 - shift
    leave, enter = start[0] + 10 + shift, end[0] + 10 + shift
    points = [(leave, _bottom(start)[1]), (leave, out), (x, out), (x, into), (enter, into)]
    _arrow(pen, [*points, (enter, _top(end)[1])], colour)


def _arrow(pen: ImageDraw, points: list[Point], colour: str) -> None:
    pen.line(points, fill=colour, width=2)
    (x0, y0), (x1, y1) = points[-2], points[-1]
    length = max(((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5, 1e-6)
    dx, dy = (x1 - x0) / length, (y1 - y0) / length
    left = (x1 - 10 * dx + 5 * dy, y1 - 10 * dy - 5 * dx)
    right = (x1 - 10 * dx - 5 * dy, y1 - 10 * dy + 5 * dx)
    pen.polygon([(x1, y1), left, right], fill=colour)
