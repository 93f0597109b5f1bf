"""Draws the routing evaluation from its authored wordings: cases/route_SPLIT.jsonl.

    python benchmarks/route_cases.py [--seed 0] [--to FOLDER]
    python benchmarks/route_cases.py --check EVERY [--meaning]   (the overlap with the training)

Of route_templates.toml a third of each kind's wordings is dev (choices are made by it), the rest
test; route_fresh.toml was written later and was test2 throughout; of route_third.toml, by another
author, who had read the README, not the training and (but for a few lines) not the other wordings,
a third of each kind's wordings is dev3, the rest test3. All of these served development in the end.
route_fourth.toml is by an author again who had read the README alone: a third is dev4, the rest
test4. A test is looked at for figures only; what later training came near to was taken out.

Each wording gives up to FILLINGS tasks (or the file's own number), some with a conversational frame
(or one of the file's own), some with a picture or an env at hand that they don't ask about. Left
out is whatever is a near duplicate of a task drawn before, or of what the router trains on:
character trigrams with a Jaccard similarity of NEAR or more after normalisation, or, in test2 and
later, embeddings of MiniLM with a cosine of MEANT or more.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import tomllib
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.agents.router.lessons import lessons
from shoal.files import write_atomic

CASES = Path(__file__).with_name("cases")
SOURCE = CASES / "route_templates.toml"
APART = {
    "test2": CASES / "route_fresh.toml",
    "test3": CASES / "route_third.toml",
    "test4": CASES / "route_fourth.toml",
}
SPLITS = ("dev", "test", "test2", "dev3", "test3", "dev4", "test4")
PARTED = {"test3": "dev3", "test4": "dev4"}
"""Where a third of each kind's wordings is for development."""
MOST_ASK = {"test3": 2, "test4": 2}
"""Tasks of one wording at most where nobody can do it, so that these stay under a third of all."""
FILLINGS, PLAIN, NEAR, MEANT = 6, 3, 0.8, 0.92
FRAMES = (
    "hey, {}", "quick question: {}", "{} thanks!", "ok so {}", "hi! {}", "{} asap", "um, {}",
    "sorry to bother you, {}", "{}, if you don't mind", "{} :)",
)  # fmt: skip
ENVS = ("CartPole-v1", "shoal/MixedTrainLocal-v0", "BabyAI-GoToLocal-v0", "LunarLander-v3")
PICTURES = ("cat.jpg", "coffee.jpg", "sign.png")
SLOT = re.compile(r"\{(\w+?)2?\}")
Case = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Style:
    """How a file of wordings is filled: slots, frames of talk, tasks of a wording with slots."""

    slots: dict[str, list[str]]
    frames: Sequence[str]
    fillings: int


def main() -> None:
    """Writes the files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--to", type=Path, default=CASES)
    parser.add_argument("--check", type=int, help="measure each so many-th case; write nothing")
    parser.add_argument("--meaning", action="store_true", help="compare embeddings as well")
    told = parser.parse_args()
    if told.check:
        print(json.dumps(overlap(told.check, meaning=told.meaning)))
        return
    for split, cases in drawn(told.seed).items():
        lines = [json.dumps({"id": f"{split}-{i:04}", **c}) for i, c in enumerate(cases, 1)]
        write_atomic(told.to / f"route_{split}.jsonl", "\n".join(lines) + "\n")
        print(f"{split}: {len(cases)} tasks")


def drawn(seed: int) -> dict[str, list[Case]]:
    """Draws all splits."""
    taught = list(dict.fromkeys(lesson.text for lesson in lessons()))
    known = Near(taught)
    splits: dict[str, list[Case]] = {split: [] for split in SPLITS}
    for place, case in _all(SOURCE, seed):
        if known.adds(case["text"]):
            splits["dev" if place % 3 == 0 else "test"].append(case)
    fresh = [(split, *one) for split, source in APART.items() for one in _all(source, seed)]
    likenesses = likeness([case["text"] for *_, case in fresh], meant(taught))
    drawn_of: Counter[tuple[str, str, int]] = Counter()
    for (split, place, case), like in zip(fresh, likenesses, strict=True):
        if like < MEANT and known.adds(case["text"]):
            drawn_of[split, case["kind"], place] += 1
            asked = case["expert"] == "ask" and split in MOST_ASK
            if not asked or drawn_of[split, case["kind"], place] <= MOST_ASK[split]:
                splits[_part(split, place)].append(case)
    return splits


def _part(split: str, place: int) -> str:
    return PARTED.get(split, split) if place % 3 == 0 else split


def overlap(every: int, *, meaning: bool) -> dict[str, Any]:
    """The largest similarity of a case in the files to any lesson, by split."""
    taught = list(dict.fromkeys(lesson.text for lesson in lessons()))
    known, found = Near(taught), {}
    meanings = meant(taught) if meaning else np.empty((0, 0), np.float32)
    for split in SPLITS:
        lines = (CASES / f"route_{split}.jsonl").read_text(encoding="utf-8").splitlines()
        texts = [json.loads(line)["text"] for line in lines][::every]
        found[split] = {"n": len(texts), "trigrams": max(map(known.nearest, texts))}
        if meaning:
            found[split]["cosine"] = max(likeness(texts, meanings))
    return found


def likeness(texts: list[str], meanings: NDArray[np.float32]) -> list[float]:
    """The largest cosine of each text's embedding to any of these, (n, d)."""
    return [float((meanings @ vector).max()) for vector in meant(texts)]


def meant(texts: list[str]) -> NDArray[np.float32]:
    """Embeds texts: float32 (n, d), of unit length."""
    from shoal.modalities.text import text_encoder

    return text_encoder().embed(texts)


def _all(source: Path, seed: int) -> Iterator[tuple[int, Case]]:
    """Each kind's wordings in random order, and their tasks with the place of the wording."""
    kinds = tomllib.loads(source.read_text(encoding="utf-8"))
    style = Style(kinds.pop("slots"), kinds.pop("frames", FRAMES), kinds.pop("fillings", FILLINGS))
    for kind, about in kinds.items():
        draw = random.Random(f"{seed} {kind}")
        wordings = draw.sample(about["wordings"], len(about["wordings"]))
        for place, wording in enumerate(wordings):
            for case in _cases(kind, about, wording, style, draw):
                yield place, case


def _cases(
    kind: str, about: Any, wording: str, style: Style, draw: random.Random
) -> Iterator[Case]:
    env, _, bare = wording.partition(": ") if kind == "policy_control" else ("", "", wording)
    for number in range(style.fillings if SLOT.search(bare) else PLAIN):
        text = _filled(bare, style.slots, draw)
        # Further ones of a wording without slots need a frame to be other texts.
        framed = draw.random() < 0.25 or (number and not SLOT.search(bare))
        yield {
            "text": draw.choice(style.frames).format(text) if framed else text,
            **_at_hand(kind, about, env, draw), "expert": about["expert"], "kind": kind,
        }  # fmt: skip


def _filled(wording: str, slots: dict[str, list[str]], draw: random.Random) -> str:
    for name in ("color", "thing"):
        first, second = draw.sample(slots[name], 2)
        wording = wording.replace(f"{{{name}}}", first).replace(f"{{{name}2}}", second)
    return SLOT.sub(lambda match: draw.choice(slots[match[1]]), wording)


def _at_hand(kind: str, about: Any, env: str, draw: random.Random) -> dict[str, Any]:
    """Pictures and env: those the kind needs, and now and then some that it does not."""
    images: list[str] = []
    chosen = env or (draw.choice(about["envs"]) if "envs" in about else None)
    if "pictures" in about:
        images = about["pictures"] if about.get("both") else [draw.choice(about["pictures"])]
    elif "images" not in about.get("bare", "") and draw.random() < 0.15:
        images = [draw.choice(PICTURES)]
    if chosen is None and "env" not in about.get("bare", "") and draw.random() < 0.2:
        chosen = draw.choice(ENVS)
    return {"images": images, "env": chosen}


class Near:
    """Texts, and whether another is a near duplicate of one of them.

    Args:
        texts: What is known at first.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        # Which texts hold a trigram: counting over these is far quicker than comparing sets.
        self._holders: defaultdict[str, array[int]] = defaultdict(lambda: array("i"))
        self._sizes = array("i")
        self._plain: set[str] = set()
        for text in texts:
            self._keep(text)

    def _keep(self, text: str) -> None:
        own = trigrams(text)
        for one in own:
            self._holders[one].append(len(self._sizes))
        self._sizes.append(len(own))
        self._plain.add(plain(text))

    def nearest(self, text: str) -> float:
        """The largest Jaccard similarity of trigrams to any known text."""
        if plain(text) in self._plain:
            return 1.0
        own = trigrams(text)
        holders = [self._holders[one] for one in own & self._holders.keys()]
        if not holders:
            return 0.0
        both = np.bincount(np.concatenate(holders), minlength=len(self._sizes))
        return float((both / (len(own) + np.array(self._sizes) - both)).max())

    def adds(self, text: str) -> bool:
        """Whether it is new; then it is known from now on."""
        new = self.nearest(text) < NEAR
        if new:
            self._keep(text)
        return new


def plain(text: str) -> str:
    """A text in lower case, its letters and digits alone."""
    return " ".join("".join(c if c.isalnum() else " " for c in text.lower()).split()) or text


def trigrams(text: str) -> frozenset[str]:
    """The character trigrams of a normalised text."""
    padded = f"  {plain(text)} "
    return frozenset(padded[i : i + 3] for i in range(len(padded) - 2))


if __name__ == "__main__":
    main()
