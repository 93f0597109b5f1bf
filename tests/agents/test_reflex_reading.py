"""A reflex that calls tunes an adapter to read what no template copies."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from shoal.agents import Agent
from shoal.agents.memory import MemoryStore
from shoal.agents.reflexes import LearnSettings, learn
from shoal.agents.reflexes.learning import shelf_of
from shoal.agents.reflexes.reading import OWN
from shoal.agents.tools import as_tool
from shoal.modalities.text.calls import own
from shoal.modalities.text.calls.samples import Sample
from tests.agents import reflex_records as desk

_WAYS = {
    "lend": ("{t} -> {p}", "{p} has {t} now", "{p}, {t}, out"),
    "give_back": ("{t} <- {p}", "{p} is done with {t}", "{p}, {t}, in"),
}
_THINGS = ("drill", "ladder", "tent", "kayak", "blender", "projector", "saw", "guitar", "cooler")
_KINDS = ("old", "red", "small", "big", "heavy", "new", "spare", "green")
_PEOPLE = ("Ana", "Bo", "Cem", "Dara", "Eli", "Femi", "Gus", "Hana", "Ivo", "Jun", "Kim", "Lou")


def lend(thing: str, person: str) -> str:
    """Notes that something was lent.

    Args:
        thing: What is lent.
        person: Who gets it.
    """
    return f"{person} has the {thing}"


def give_back(thing: str, person: str) -> str:
    """Notes that something came back.

    Args:
        thing: What came back.
        person: Who had it.
    """
    return f"{person} brought the {thing}"


def _rows(count: int, seed: int) -> list[tuple[str, str, dict[str, Any]]]:
    drawn, made = random.Random(seed), []
    for _ in range(count):
        tool = drawn.choice(sorted(_WAYS))
        thing = f"{drawn.choice(_KINDS)} {drawn.choice(_THINGS)}"
        given = {"thing": thing, "person": drawn.choice(_PEOPLE)}
        text = drawn.choice(_WAYS[tool]).format(t=thing, p=given["person"])
        made.append((text, tool, given))
    return made


def _functions() -> list[dict[str, Any]]:
    from langchain_core.utils.function_calling import convert_to_openai_tool

    return [convert_to_openai_tool(as_tool(tool))["function"] for tool in (lend, give_back)]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer steps: this shorthand is soon learnt."""
    monkeypatch.setattr(own, "_STEPS", 25)


@pytest.mark.usefixtures("quick")
def test_it_learns_to_read_the_users_shorthand(home: Path) -> None:
    memory = MemoryStore()
    desk.record(memory, _rows(220, 0), functions=_functions())
    told: list[str] = []
    (made,) = learn(memory, LearnSettings(margin=0.1), tell=told.append)
    assert made.promoted, made.reason
    assert any("takes some minutes" in line for line in told)
    shelf = shelf_of(memory)
    spec = shelf.spec(made.name, made.version)
    assert spec.reader is not None
    assert spec.reader.after > spec.reader.before
    assert "adapter tuned on" in (shelf.folder(made.name, 1) / "card.md").read_text("utf-8")
    tools = [as_tool(tool, side_effects="none") for tool in (lend, give_back)]
    with Agent(memory=memory, tools=tools) as agent:
        served = [
            (run.steps[-1].name == tool and dict(run.steps[-1].arguments) == given)
            for text, tool, given in _rows(40, 1)
            if (run := agent.reflexes.serve(agent.task(text, thread="desk"))) is not None
        ]
    assert len(served) >= 25
    assert sum(served) >= 0.9 * len(served)

    adapter = shelf.folder(made.name, 1) / OWN
    adapter.write_bytes(adapter.read_bytes()[:-9])
    with Agent(memory=memory, tools=tools) as agent:  # the slow path serves
        assert agent.reflexes.serve(agent.task(_rows(1, 2)[0][0], thread="desk")) is None
        assert "sha256" in agent.reflexes.broken[made.name]
        assert "shoal reflexes undo" in agent.reflexes.broken[made.name]
    memory.close()
    assert json.loads((shelf.folder(made.name, 1) / "reflex.json").read_text())["reader"]


def test_it_leaves_the_shipped_adapter_where_that_reads_well(tmp_path: Path) -> None:
    function = {
        "name": "weather", "description": "Says how the weather is in a city.",
        "parameters": {
            "type": "object", "required": ["city"],
            "properties": {"city": {"type": "string", "description": "Name of the city"}},
        },
    }  # fmt: skip
    cities = ("Paris", "Oslo", "Rome", "Lima", "Cairo", "Quito", "Delhi", "Seoul")
    samples = [
        Sample(f"what is the weather in {city}?", (function,), (("weather", {"city": city}),))
        for city in cities * 6
    ]
    assert own.tuned(samples, tmp_path / "a.safetensors") is None
    assert own.tuned(samples[:10], tmp_path / "b.safetensors") is None  # too few to tell
    assert not list(tmp_path.glob("*.safetensors"))
