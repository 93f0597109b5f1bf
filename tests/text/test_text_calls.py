"""Right calls on authored requests, by the real model with the built-in tools."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from shoal import Agent
from shoal.agents.house import CURRENT
from shoal.modalities.text import ChatShoal, TextExpert
from shoal.types import Context, Outcome, Task

EXPERT = TextExpert(ChatShoal(max_tokens=2))


@pytest.fixture
def context() -> Iterator[Context]:
    """The agent's own tools, memory and limits around the expert."""
    with Agent(experts=[EXPERT]) as agent:
        yield agent.house.context(Task("any"))


def _attempt(text: str, context: Context) -> Outcome:
    token = CURRENT.set(Task(text))
    try:
        return EXPERT.attempt(CURRENT.get(), context)
    finally:
        CURRENT.reset(token)


def _call(outcome: Outcome) -> tuple[str, Mapping[str, Any]]:
    steps = [step for step in outcome.steps if step.kind == "tool"]
    return (steps[-1].name, steps[-1].arguments) if steps else ("none", {})


def _right(expected: Mapping[str, Any], outcome: Outcome) -> bool:
    name, arguments = _call(outcome)
    given = {k: v for k, v in arguments.items() if v not in ("", 0, "any")}  # defaults
    wanted = expected.get("arguments", {})
    if name != expected["tool"] or not set(given) <= set(wanted):
        return False
    return all(
        bool(given.get(key))
        if values == "any"
        else given.get(key) in values or (key not in given and bool({"", "any", 0} & set(values)))
        for key, values in wanted.items()
    )


@pytest.mark.parametrize(
    ("name", "floor"), [("tool_requests.toml", 0.89), ("tool_requests_held_out.toml", 0.70)]
)
def test_calls_are_right_including_their_arguments(
    context: Context, name: str, floor: float
) -> None:
    file = Path(__file__).with_name(name)
    expected = tomllib.loads(file.read_text(encoding="utf-8"))["request"]
    start = time.perf_counter()
    right = [_right(entry, _attempt(entry["text"], context)) for entry in expected]
    share, seconds = sum(right) / len(right), (time.perf_counter() - start) / len(right)
    print(f"{name}: {sum(right)} of {len(right)} calls right, {seconds:.2f} s each")
    assert share >= floor, [e["text"] for e, ok in zip(expected, right, strict=True) if not ok]
