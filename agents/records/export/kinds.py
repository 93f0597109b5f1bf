"""The kinds of training data: which rows a kind takes, and how its file is written."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from shoal.agents.records.export import rows
from shoal.agents.records.export.rows import Row
from shoal.agents.records.export.spool import Spool
from shoal.agents.records.record import Record

_LOT = 1_000
"""Requests that are embedded together: so many hold like lengths, and the same words, often."""

Write = Callable[[Path, Iterable[Row]], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of training data.

    Attributes:
        row: Makes a row of a record.
        write: Writes the rows, as they come, to a file.
        same: The fields that make two rows duplicates; none: each run counts by itself.
        reads: Who reads the file.
    """

    row: Callable[[Record], Row]
    write: Write
    same: tuple[str, ...]
    reads: str


def _jsonl(path: Path, made: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in made:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _csv(path: Path, made: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ("text", "label"))
        writer.writeheader()
        writer.writerows(made)


def _cards(path: Path, made: Iterable[Row]) -> None:
    """One card a function, with all its requests; see `shoal.modalities.text.calls.cases`."""
    with Spool() as spool, path.open("w", encoding="utf-8") as file:
        for row in made:
            spool.gather(row["function"]["name"], row["function"], row["request"])
        for function, requests in spool.groups():
            head = json.dumps({"group": "records", **function, "near": []}, ensure_ascii=False)
            file.write(head[:-1] + ', "requests": [')
            for place, request in enumerate(requests):
                file.write((", " if place else "") + request)
            file.write("]}\n")


def _embedded(path: Path, made: Iterable[Row]) -> None:
    _jsonl(path, _with_embeddings(made))


def _with_embeddings(made: Iterable[Row]) -> Iterator[Row]:
    from shoal.modalities.text import text_encoder

    encoder = text_encoder()
    waiting = iter(made)
    while lot := list(islice(waiting, _LOT)):
        texts = list(dict.fromkeys(row["text"] for row in lot))
        vectors = dict(zip(texts, encoder.embed(texts), strict=True))
        for row in lot:
            row["encoder"] = encoder.model
            row["embedding"] = [round(value, 6) for value in vectors[row["text"]].tolist()]
            yield row


KINDS: dict[str, Kind] = {
    "sft": Kind(rows.sft, _jsonl, ("messages",), "shoal tune FILE --generator --name NAME"),
    "preferences": Kind(
        rows.preference, _jsonl, ("prompt", "chosen", "rejected"), "DPO trainers such as TRL's"
    ),
    "intents": Kind(rows.intent, _csv, ("text", "label"), "shoal tune FILE --name NAME"),
    "calls": Kind(
        rows.call, _cards, ("function", "request"), "shoal tune FILE --calls --val CASES"
    ),
    "bandit": Kind(
        rows.bandit,
        _embedded,
        (),
        "shoal route train FILE, or shoal train shoal/Routing-v0 --option bank=FILE",
    ),
    "calibration": Kind(rows.calibration, _jsonl, (), "calibration and risk control"),
}
"""Name -> kind. Episodes ("minari") are no rows: see `shoal.agents.records.export.minari`."""


def field_values(row: Row, names: Iterable[str]) -> list[Any]:
    """The parts of a row that make it a duplicate of another."""
    return [row[name] for name in names]
