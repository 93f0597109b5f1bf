"""Draws the compiled graph: mermaid text, and a PNG without any network or system library."""

from __future__ import annotations

from collections import defaultdict, deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal.errors import UsageError
from shoal.files import write_atomic

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

Point = tuple[float, float]

_BOX, _GAP, _MARGIN = (150, 48), (40, 70), 60
_INK, _SOFT, _FILL = "#1d3557", "#8d99ae", "#e8f1f8"


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

    levels = _levels(names, [(a, b) for a, b, _ in edges])
    places, size = _places(levels)
    image = Image.new("RGB", size, "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(18)
    order = {name: i for i, row in enumerate(levels) for name in row}
    back = 0
    for a, b, conditional in edges:
        colour = _SOFT if conditional else _INK
        if order[b] > order[a]:
            _arrow(pen, [_bottom(places[a]), _top(places[b])], colour)
        else:  # an edge that goes back runs round the outside
            back += 1
            _detour(pen, places[a], places[b], size[0] - 8 * back, colour)
    for name, (x, y) in places.items():
        box = (x - _BOX[0] / 2, y - _BOX[1] / 2, x + _BOX[0] / 2, y + _BOX[1] / 2)
        pen.rounded_rectangle(box, 12, fill=_FILL, outline=_INK, width=2)
        pen.text((x, y), name.strip("_"), fill=_INK, font=font, anchor="mm")
    write_atomic(path, lambda target: image.save(target, format="PNG"))


def _levels(names: list[str], edges: list[tuple[str, str]]) -> list[list[str]]:
    """Puts each node one row below the nodes that lead to it for the first time."""
    following = defaultdict(list)
    for a, b in edges:
        following[a].append(b)
    level, queue = {names[0]: 0}, deque([names[0]])
    while queue:
        name = queue.popleft()
        for follower in following[name]:
            if follower not in level:
                level[follower] = level[name] + 1
                queue.append(follower)
    rows: list[list[str]] = [[] for _ in range(max(level.values()) + 1)]
    for name in names:
        rows[level.get(name, 0)].append(name)
    return rows


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


def _detour(pen: ImageDraw, start: Point, end: Point, side: float, colour: str) -> None:
    below, above = _bottom(start)[1] + 12, _top(end)[1] - 12
    _arrow(
        pen,
        [_bottom(start), (start[0], below), (side, below), (side, above), (end[0] + 20, above),
         (end[0] + 20, _top(end)[1])],
        colour,
    )  # fmt: skip


def _arrow(pen: ImageDraw, points: list[Point], colour: str) -> None:
    pen.line(points, fill=colour, width=2)
    (x0, y0), (x1, y1) = points[-2], points[-1]
    length = max(((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5, 1e-6)
    dx, dy = (x1 - x0) / length, (y1 - y0) / length
    left = (x1 - 10 * dx + 5 * dy, y1 - 10 * dy - 5 * dx)
    right = (x1 - 10 * dx - 5 * dy, y1 - 10 * dy + 5 * dx)
    pen.polygon([(x1, y1), left, right], fill=colour)
