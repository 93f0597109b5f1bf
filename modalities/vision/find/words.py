"""Words as full-text queries: over the labels' names, and over the text in pictures."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing

_EMPTY = re.compile(
    r"an?|the|of|in|on|at|with|and|or|for|to|is|are|this|that|some|my|your"
    r"|(photo|picture|image)s?",
    re.IGNORECASE,
)
"""Words that say nothing of what a picture shows."""

_LABELLED = """
SELECT item, SUM(probability) FROM shows
WHERE label IN (SELECT rowid FROM label_words WHERE label_words MATCH ?)
GROUP BY item ORDER BY SUM(probability) DESC, item LIMIT ?
"""

LABEL_WORDS = "CREATE VIRTUAL TABLE label_words USING fts5 (names, tokenize = 'porter unicode61');"

_KNOWN = "SELECT rowid, 1.0 FROM label_words WHERE label_words MATCH ? LIMIT ?"

_SAYING = "SELECT rowid, -bm25(texts) FROM texts WHERE texts MATCH ? ORDER BY rank, rowid LIMIT ?"


def labelled(connection: sqlite3.Connection, words: str, k: int) -> list[tuple[int, float]]:
    """Returns the items that show something of that name, and how probably, best first."""
    return [(item, min(1.0, sure)) for item, sure in _matches(connection, _LABELLED, words, k)]


def known(words: str, labels: Sequence[str]) -> bool:
    """Whether any of the words stands in any of these labels."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(LABEL_WORDS)
        rows = ((label,) for label in labels)
        connection.executemany("INSERT INTO label_words (names) VALUES (?)", rows)
        return bool(_matches(connection, _KNOWN, words, 1))


def saying(connection: sqlite3.Connection, words: str, k: int) -> list[tuple[int, float]]:
    """Returns the items with those words in their text, best first.

    Scores are in (0, 1): BM25 (Robertson and Zaragoza, 2009) as b / (1 + b).
    """
    found = _matches(connection, _SAYING, words, k)
    return [(item, max(score, 1e-6) / (1 + max(score, 1e-6))) for item, score in found]


def _matches(
    connection: sqlite3.Connection, query: str, words: str, k: int
) -> list[tuple[int, float]]:
    """What holds all the words, or else what holds any."""
    terms = _terms(words)
    for join in (" AND ", " OR ") if len(terms) > 1 else (" ",):
        found: list[tuple[int, float]] = (
            connection.execute(query, (join.join(terms), k)).fetchall() if terms else []
        )
        if found:
            return found
    return []


def _terms(words: str) -> list[str]:
    """Each word in quotes, so that none of them is an operator of the query language."""
    found = re.findall(r"\w+", words)
    telling = [word for word in found if not _EMPTY.fullmatch(word)]
    return [f'"{word}"' for word in telling or found]
