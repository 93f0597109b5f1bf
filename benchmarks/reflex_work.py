"""Workloads of reflex.py: support requests, pictures to sort, missions; two more beside them."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance
from reflex_forms import Forms
from reflex_items import Item, Work
from reflex_requests import Requests

from shoal import Agent
from shoal.agents.records.record import Correction
from shoal.agents.reflexes.examples import label_of
from shoal.agents.tools import as_tool
from shoal.errors import UsageError
from shoal.types import Run, Status

ASSETS = Path(__file__).parents[1] / "agents" / "demo" / "assets"
ENV = "BabyAI-GoToLocal-v0"
TOOLS = 10


_NUMBERS = (
    "My customer number is {}.", "I'm customer {}.", "Customer {} here.",
    "(customer no. {})", "My account: {}.", "You have me as {}.",
)  # fmt: skip


@dataclass
class Support:
    """Requests of Banking77's train split, each with a customer's number, for ten tools."""

    seed: int
    name: str = "support"
    agent: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)
        rows = _banking()
        counts = Counter(intent for _, intent in rows)
        often = sorted(intent for intent, count in counts.items() if count >= 150)
        self.intents = sorted(self._random.choice(often, TOOLS, replace=False).tolist())
        order = self._random.permutation(len(rows))
        mixed = [rows[place] for place in order]
        own = [row for row in mixed if row[1] in self.intents]
        shown = {intent: [t for t, i in own if i == intent][:2] for intent in self.intents}
        self._left = [row for row in own if row[0] not in shown[row[1]]]
        self._others = [row for row in mixed if row[1] not in self.intents]
        self.agent = {"tools": [_tool(intent, shown[intent]) for intent in self.intents]}

    def prepare(self, agent: Agent) -> None:
        """Nothing: the tools are there."""

    def stream(self, count: int) -> Sequence[Item]:
        """Requests that were not asked before."""
        if count > len(self._left):
            raise UsageError(f"only {len(self._left)} requests are left", fix="Ask for fewer")
        taken, self._left = self._left[:count], self._left[count:]
        return [self._item(text, intent) for text, intent in taken]

    def unknown(self, count: int) -> Sequence[Item]:
        """Requests of intents that no tool is for."""
        return [self._item(text, "") for text, _ in self._others[:count]]

    def right(self, run: Run, truth: Any) -> bool:
        """The right tool with the right number, once, and nothing else."""
        calls = [step for step in run.steps if step.kind == "tool" and step.ok]
        name, customer = truth
        given = [(call.name, dict(call.arguments)) for call in calls]
        return given == [(name, {"customer": customer})]

    def correction(self, truth: Any) -> Correction | None:
        """The right call."""
        return {"name": truth[0], "arguments": {"customer": truth[1]}}

    def drifted(self, truth: Any) -> Any:
        """Every intent now belongs to the next tool."""
        place = self.intents.index(truth[0])
        return (self.intents[(place + 1) % len(self.intents)], truth[1])

    def _item(self, text: str, intent: str) -> Item:
        customer = int(self._random.integers(10_000, 99_999))
        said = _NUMBERS[int(self._random.integers(len(_NUMBERS)))].format(customer)
        return Item({"text": f"{text} {said}", "thread": self.name}, (intent, customer))


@dataclass
class Unknown:
    """Support requests that no tool is for: right is who calls none."""

    of: Support
    name: str = "unknown"

    @property
    def agent(self) -> Mapping[str, Any]:
        """The same tools."""
        return self.of.agent

    def prepare(self, agent: Agent) -> None:
        """Nothing: the tools are there."""

    def stream(self, count: int) -> Sequence[Item]:
        """The same ones each time."""
        return self.of.unknown(count)

    def right(self, run: Run, truth: Any) -> bool:
        """No tool of the desk was called."""
        called = {step.name for step in run.steps if step.kind == "tool" and step.ok}
        return not called & set(self.of.intents)

    def correction(self, truth: Any) -> Correction | None:
        """Nobody says anything better."""
        return None

    def drifted(self, truth: Any) -> Any:
        """It stays unknown."""
        return truth


@dataclass
class Sorting:
    """Crops of eight places in the demo's two photos, at other spots, sizes and brightness."""

    seed: int
    name: str = "sorting"
    agent: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)
        self._photos = [Image.open(ASSETS / f"{n}.jpg").convert("RGB") for n in ("cat", "coffee")]
        self.places = [f"place {letter}" for letter in "abcdefgh"]
        self._shown = {place: [self._crop(place) for _ in range(3)] for place in self.places}

    def prepare(self, agent: Agent) -> None:
        """Teaches each place by three pictures, as a user would."""
        for place, shown in self._shown.items():
            if place not in agent.taught:
                agent.teach(place, images=shown)

    def stream(self, count: int) -> Sequence[Item]:
        """Fresh crops."""
        said, made = {"text": "what is in this picture?", "thread": self.name}, []
        for _ in range(count):
            place = self.places[int(self._random.integers(len(self.places)))]
            made.append(Item({**said, "images": [self._crop(place)]}, place))
        return made

    def right(self, run: Run, truth: Any) -> bool:
        """The taught name, said as an answer."""
        return run.status is Status.SOLVED and bool(run.answer) and label_of(run.text) == truth

    def correction(self, truth: Any) -> Correction | None:
        """The right name."""
        return str(truth)

    def drifted(self, truth: Any) -> Any:
        """Every place has the next one's name."""
        return self.places[(self.places.index(truth) + 1) % len(self.places)]

    def _crop(self, place: str) -> Image.Image:
        number = self.places.index(place)
        photo, quarter = self._photos[number // 4], number % 4
        width, height = photo.size
        side = min(width, height) * self._random.uniform(0.32, 0.45)
        spread = 0.06 * min(width, height)
        x = width * (0.28 + 0.44 * (quarter % 2)) + self._random.uniform(-spread, spread)
        y = height * (0.28 + 0.44 * (quarter // 2)) + self._random.uniform(-spread, spread)
        box = tuple(int(v) for v in (x - side / 2, y - side / 2, x + side / 2, y + side / 2))
        part = photo.crop(box).resize((256, 256))  # type: ignore[arg-type]
        return ImageEnhance.Brightness(part).enhance(self._random.uniform(0.75, 1.25))


@dataclass
class Missions:
    """Missions of BabyAI-GoToLocal-v0, each in its own room."""

    seed: int
    name: str = "missions"
    agent: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._next = 1_000_000 * (self.seed + 1)
        self._bare: Any = None

    def prepare(self, agent: Agent) -> None:
        """Nothing: a policy is shipped."""

    def stream(self, count: int) -> Sequence[Item]:
        """The next seeds, each with the env's own mission."""
        from shoal.envs import make

        env, items = make(ENV), []
        for seed in range(self._next, self._next + count):
            env.reset(seed=seed)
            mission = env.get_wrapper_attr("mission")
            items.append(Item({"text": mission, "env": ENV, "seed": seed, "thread": self.name}, 1))
        self._next += count
        return items

    def bare(self, item: Item, steps: int) -> None:
        """The env's own part of a mission: a reset and so many steps, with nobody deciding."""
        from shoal.envs import make

        env = self._bare = self._bare or make(ENV, disable_env_checker=True)
        env.reset(seed=item.parts["seed"])
        for action in (step % 2 for step in range(steps)):
            env.step(action)

    def right(self, run: Run, truth: Any) -> bool:
        """What the env says; after the drift, nothing is."""
        return bool(truth) and run.status is Status.SOLVED

    def correction(self, truth: Any) -> Correction | None:
        """There is none: actions can't be told in words."""
        return None

    def drifted(self, truth: Any) -> Any:
        """Users no longer want what they ask for here."""
        return 0


WORKS: dict[str, Callable[[int], Work]] = {
    "support": Support, "sorting": Sorting, "forms": Forms, "missions": Missions,
    "requests": Requests,
}  # fmt: skip


def _tool(intent: str, shown: Sequence[str]) -> Any:
    def handle(customer: int) -> str:
        return f"{intent}: customer {customer} is taken care of"

    about = intent.replace("_", " ").replace("?", "").lower()
    handle.__name__ = intent
    handle.__doc__ = (
        f"Handles a request about {about}.\n\nArgs:\n    customer: The customer's number."
    )
    examples = [(f"{text} My customer number is 12345.", {"customer": 12345}) for text in shown]
    return as_tool(handle, side_effects="none", examples=examples)


def _banking() -> list[tuple[str, str]]:
    file = Path(os.environ.get("SHOAL_DATA", "../shared/data")) / "banking77" / "train.csv"
    if not file.is_file():
        raise UsageError(
            f"{file} is missing", fix="Set SHOAL_DATA, or type --only sorting,missions"
        )
    with file.open(encoding="utf-8", newline="") as stream:
        rows = [(row["text"].strip(), row["category"]) for row in csv.DictReader(stream)]
    return list(dict.fromkeys(rows))
