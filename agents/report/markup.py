"""HTML from strings that are strangers' words: whatever is not marked as HTML is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def escaped(content: object) -> Html:
    """Returns content as HTML; control characters, which may turn text round, go."""
    if isinstance(content, Html):
        return content
    shown = "".join(c for c in str(content) if c.isprintable() or c in "\n\t")
    return Html(html.escape(shown, quote=True))


def tag(name: str, *content: object, **attributes: object) -> Html:
    """Returns an element; `class_` stands for "class"."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escaped(value)}"'
        for key, value in attributes.items()
    )
    return Html(f"<{name}{given}>{joined(content)}</{name}>")


def joined(content: Iterable[object]) -> Html:
    """Returns the parts one after the other."""
    return Html("".join(escaped(part) for part in content))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Html:
    """Returns a table that scrolls by itself; numbers stand to the right. "" without rows."""
    body = [tag("tr", *(_cell(cell) for cell in row)) for row in rows]
    if not body:
        return Html("")
    head = tag("tr", *(tag("th", name, scope="col") for name in columns))
    return tag("div", tag("table", tag("thead", head), tag("tbody", *body)), class_="wide")


def _cell(content: object) -> Html:
    shown = f"{content:,}" if isinstance(content, int) else content
    numeric = str(shown)[:1].isdigit()
    return tag("td", shown, class_="number") if numeric else tag("td", shown)
