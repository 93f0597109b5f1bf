"""Full text: BM25 over the words of a query, whatever signs it holds.

Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009, as
SQLite's FTS5 has it (k1 = 1.2, b = 0.75).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Integers = np.ndarray[Any, np.dtype[np.int64]]
    Mask = np.ndarray[Any, np.dtype[np.bool_]]

_EMPTY = """
a an the of in on at with and or for to is are was were be been do does did has have had
i you he she it we they me him her us them my your his its our their this that these
those what which who whom when where why how will would can could should may might as by
from about if so not no
"""

EMPTY = frozenset(_EMPTY.split())
"""English words that say nothing of what a text is about; dropped where others are left."""

_MOST = 32  # words of a query: a page that is pasted in must not search for all of them
_READ = 7_000
"""Rows that a query scores, about: rare words first, and a common one only if it fits in. It
would move few ranks (its weight is low), and 10,000 rows cost 6 ms."""

_SEARCH = "SELECT rowid, -rank FROM words WHERE words MATCH ? ORDER BY rank LIMIT ?"
_COUNT = "SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT ?)"


def terms(text: str) -> list[str]:
    """Returns a query's telling words, each once and quoted, so that none is an operator."""
    found = list(dict.fromkeys(re.findall(r"\w+", text.lower())))
    telling = [word for word in found if word not in EMPTY]
    return [f'"{word}"' for word in (telling or found)[:_MOST]]


def matching(
    connection: Any, text: str, k: int, among: Callable[[Integers], Mask]
) -> list[tuple[int, float]]:
    """Returns the ids of the k entries that hold the words best, and how well.

    BM25 by what the whole query would weigh in a text of average length that holds each word
    once: a text that shares but a common word with the query is near 0, however much better it
    is than the rest.

    Args:
        connection: To the memory's file.
        text: Plain text; any of its words may match.
        k: How many at most.
        among: Tells for ids whether each may be found.
    """
    weights = _weights(connection, terms(text))
    query = " OR ".join(_affordable(weights))
    if not query:
        return []
    for limit in (4 * k, -1):  # those of others may fill the first lot
        rows = connection.execute(_SEARCH, (query, limit)).fetchall()
        found = _allowed(rows, among)
        if len(found) >= k or len(rows) < limit or limit < 0:
            break
    whole = sum(weight for _, weight in weights.values())
    return [(number, min(1.0, score / whole)) for number, score in found[:k]]


def _allowed(
    rows: list[tuple[int, float]], among: Callable[[Integers], Mask]
) -> list[tuple[int, float]]:
    import numpy as np

    flags = among(np.array([row[0] for row in rows], np.int64))
    return [row for row, allowed in zip(rows, flags, strict=True) if allowed]


def _weights(connection: Any, words: list[str]) -> dict[str, tuple[int, float]]:
    """For each word how many rows hold it, at most `_READ`, and its weight as FTS5 has it."""
    rows = connection.execute("SELECT max(id) FROM entries").fetchone()[0] or 0
    found = {}
    for word in words:
        count = connection.execute(_COUNT, (word, _READ)).fetchone()[0]
        weight = math.log((max(rows, count) - count + 0.5) / (count + 0.5))
        found[word] = count, max(weight, 1e-6)
    return found


def _affordable(weights: Mapping[str, tuple[int, float]]) -> list[str]:
    """The words that are searched, the rarest first."""
    kept, read = list[str](), 0
    for word, (count, _) in sorted(weights.items(), key=lambda pair: pair[1][0]):
        if kept and read + count > _READ:
            break
        if count:
            kept.append(word)
            read += count
    return kept
