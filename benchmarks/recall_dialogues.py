"""The dialogue half of recall.py: how many of a question's evidence turns are among ten."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from langgraph.store.base import PutOp

from shoal.agents.memory import MemoryStore
from shoal.agents.memory.ranking import Weights
from shoal.agents.memory.words import matching
from shoal.errors import UsageError

K = 10
_SESSION = re.compile(r"session_(\d+)")
_TURN = re.compile(r"D\d+:\d+")

SYSTEMS = ("hybrid", "bm25", "vectors", "hybrid without neighbours")
Finder = Callable[[str], list[str]]


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn: its name in the evidence, its session, and its words."""

    name: str
    session: str
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """One question, the turns that answer it, and its category."""

    text: str
    evidence: frozenset[str]
    category: str


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A dialogue, and how many of its questions name no turn that exists."""

    name: str
    turns: tuple[Turn, ...]
    questions: tuple[Question, ...]
    left_out: int


def read(folder: Path, split: str = "all") -> list[Dialogue]:
    """Reads all .json files of a folder; "dev" are every second dialogue, from the first.

    Raises:
        UsageError: No dialogue is there, or a file is not of LoCoMo's form.
    """
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            samples = content if isinstance(content, list) else [content]
            found += [_dialogue(each, f"{path.stem} {n}") for n, each in enumerate(samples, 1)]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(
                f"cannot read {path}", f"{type(error).__name__}: {error}",
                "It needs `conversation` (session_1 … of turns) and `qa`, as LoCoMo has them",
            ) from error  # fmt: skip
    if not found:
        raise UsageError(f"no dialogues in {folder}", "it holds no .json file")
    return found if split == "all" else found[0 if split == "dev" else 1 :: 2]


def _dialogue(sample: Mapping[str, Any], name: str) -> Dialogue:
    said = sample["conversation"]
    sessions = sorted(filter(_SESSION.fullmatch, said), key=lambda key: int(key[8:]))
    turns = tuple(_turn(turn, session) for session in sessions for turn in said[session])
    names = {turn.name for turn in turns}
    asked = [
        Question(str(row["question"]), _evidence(row) & names, str(row.get("category", "")))
        for row in sample["qa"]
    ]
    kept = tuple(question for question in asked if question.evidence)
    return Dialogue(str(sample.get("sample_id", name)), turns, kept, len(asked) - len(kept))


def _turn(turn: Mapping[str, Any], session: str) -> Turn:
    """A turn as anybody would keep it: who, what, and what a shared picture shows."""
    picture = f" (photo: {turn['blip_caption']})" if turn.get("blip_caption") else ""
    return Turn(str(turn["dia_id"]), session, f"{turn['speaker']}: {turn['text']}{picture}")


def _evidence(row: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(_TURN.findall(" ".join(map(str, row.get("evidence") or ()))))


def measure(folder: Path, split: str, seed: int) -> dict[str, Any]:
    """Asks every question of every dialogue; prints and returns the figures."""
    dialogues = read(folder, split)
    scores: dict[str, list[list[float]]] = {name: [] for name in SYSTEMS}
    for dialogue in dialogues:
        for name, row in ask(dialogue).items():
            scores[name].append(row)
    count = sum(len(dialogue.questions) for dialogue in dialogues)
    if not count:
        raise UsageError(f"no question in {folder} names a turn that exists")
    figures: dict[str, Any] = {
        "split": split, "dialogues": len(dialogues), "n": count,
        "turns": sum(len(dialogue.turns) for dialogue in dialogues),
        "left_out": sum(dialogue.left_out for dialogue in dialogues),
        "recall_at_10": {name: spread(rows, seed) for name, rows in scores.items()},
        "over_bm25": {
            name: spread(_minus(rows, scores["bm25"]), seed)
            for name, rows in scores.items() if name != "bm25"
        },
        "by_category": _by_category(dialogues, scores),
    }  # fmt: skip
    _tell(figures)
    return figures


def ask(dialogue: Dialogue) -> dict[str, list[float]]:
    """Returns each system's share of evidence among ten, by question."""
    with tempfile.TemporaryDirectory() as folder:
        memory = MemoryStore(Path(folder) / "memory.sqlite")
        try:
            _keep(memory, dialogue)
            finders = _finders(memory)
            return {
                name: [_share(find(each.text), each.evidence) for each in dialogue.questions]
                for name, find in finders.items()
            }
        finally:
            memory.close()


def _keep(memory: MemoryStore, dialogue: Dialogue) -> None:
    rows = [
        PutOp(
            ("shoal", "local", "text"), turn.name,
            {"text": turn.text, "at": 0.0, "data": {"thread": turn.session}, "provenance": "user"},
        )
        for turn in dialogue.turns
    ]  # fmt: skip
    for start in range(0, len(rows), 256):
        memory.batch(rows[start : start + 256])


def _finders(memory: MemoryStore) -> dict[str, Finder]:
    def recall(weights: Weights | None = None) -> Finder:
        given = {} if weights is None else {"weights": weights}
        return lambda query: [item.key for item in memory.recall(query, limit=K, **given)]

    everywhere = memory.index.spaces.which(lambda space: True)

    def bm25(query: str) -> list[str]:
        rows = matching(memory.connection, query, K, memory.index.spaces.among(everywhere))
        keys = "SELECT key FROM entries WHERE id = ?"
        return [memory.query(keys, number)[0][0] for number, _ in rows]

    return {
        "hybrid": recall(),
        "bm25": bm25,
        "vectors": recall(Weights(meaning=1.0, around=0.0)),
        "hybrid without neighbours": recall(Weights(around=0.0)),
    }


def _share(found: Sequence[str], evidence: frozenset[str]) -> float:
    return len(evidence & set(found)) / len(evidence)


def _minus(ours: list[list[float]], theirs: list[list[float]]) -> list[list[float]]:
    return [
        [a - b for a, b in zip(mine, other, strict=True)]
        for mine, other in zip(ours, theirs, strict=True)
    ]


def spread(rows: list[list[float]], seed: int) -> dict[str, float]:
    """Mean over questions and its 95 % bootstrap interval, in percent; see `recall.py`."""
    values = np.array([value for row in rows for value in row])
    draw, means = np.random.default_rng(seed), []
    for _ in range(2000):
        if len(rows) >= 10:
            chosen = draw.integers(0, len(rows), len(rows))
            means.append(np.mean([value for place in chosen for value in rows[place]]))
        else:
            means.append(values[draw.integers(0, len(values), len(values))].mean())
    low, high = np.percentile(means, [2.5, 97.5])
    return {name: round(100 * float(value), 1)
            for name, value in (("mean", values.mean()), ("low", low), ("high", high))}  # fmt: skip


def _by_category(
    dialogues: Sequence[Dialogue], scores: Mapping[str, list[list[float]]]
) -> dict[str, dict[str, float]]:
    kinds = [each.category for dialogue in dialogues for each in dialogue.questions]
    table: dict[str, dict[str, float]] = {}
    for kind in sorted(set(kinds)):
        chosen = [place for place, each in enumerate(kinds) if each == kind]
        table[kind] = {"n": len(chosen)}
        for name in ("hybrid", "bm25"):
            flat = [value for row in scores[name] for value in row]
            table[kind][name] = round(100 * float(np.mean([flat[place] for place in chosen])), 1)
    return table


def _tell(figures: Mapping[str, Any]) -> None:
    print(f"{figures['n']} questions on {figures['turns']} turns of {figures['dialogues']} "
          f"dialogues ({figures['split']}); {figures['left_out']} without evidence")  # fmt: skip
    for name, row in figures["recall_at_10"].items():
        over = figures["over_bm25"].get(name)
        more = f", {over['mean']:+} over BM25 ({over['low']:+} to {over['high']:+})" if over else ""
        print(f"{name:26} recall@10 {row['mean']} ({row['low']} to {row['high']}){more}")
    for kind, row in figures["by_category"].items():
        print(f"  category {kind or '-'}: hybrid {row['hybrid']}, bm25 {row['bm25']}, n {row['n']}")
