"""Right calls on authored requests, by the real model with small real tools."""

from __future__ import annotations

import ast
import datetime as dt
import operator
import re
import time
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import pytest
from langchain_core.tools import BaseTool, StructuredTool

from shoal.modalities.text import ChatShoal, TextExpert
from shoal.types import Context, Outcome, Step, Task, Value

EXPERT = TextExpert(ChatShoal(max_tokens=2))

Example = tuple[str, dict[str, Any]]

_OPERATIONS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_WORDS = {
    "percent of": "% of",
    "% of": "/ 100 *",
    "multiplied by": "*",
    "divided by": "/",
    "times": "*",
    "plus": "+",
    "minus": "-",
    "squared": "** 2",
    "cubed": "** 3",
    "^": "**",
}


def calculate(expression: str) -> str:
    """Calculates an arithmetic expression exactly: + - * / ^ ( ), sqrt, and percentages."""
    text = expression.lower()
    root = re.sub(r"^(the )?square root of", "", text)
    for word, symbol in _WORDS.items():
        root = root.replace(word, symbol)
    value = _value(ast.parse(root.strip(), mode="eval").body)
    return f"{expression} = {value**0.5 if 'square root' in text else value:g}"


def _value(node: ast.AST) -> float:
    if isinstance(node, ast.BinOp):
        return float(_OPERATIONS[type(node.op)](_value(node.left), _value(node.right)))
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return float(node.value)
    raise ValueError(f"{ast.dump(node)} is no number")


def _date(text: str) -> dt.date:
    from dateutil import parser

    named = {"christmas": "25 December", "halloween": "31 October", "new year": "1 January"}
    if text.lower() == "today":
        return dt.date.today()
    if re.search(r"\bdays?\b", text):
        raise ValueError(f"{text!r} is not a date")
    date: dt.date = parser.parse(named.get(text.lower(), text)).date()
    return date


def days_until(date: str) -> str:
    """Counts the days from today until a date."""
    return f"{(_date(date) - dt.date.today()).days} days"


def days_between(start: str, end: str) -> str:
    """Counts the days between two dates."""
    return f"{abs((_date(end) - _date(start)).days)} days"


def add_days(date: str, days: int) -> str:
    """Tells which date is a number of days after (or, if negative, before) another."""
    return str(_date(date) + dt.timedelta(days=days))


def today() -> str:
    """Tells today's date and the day of the week."""
    return f"{dt.date.today():%A, %d %B %Y}"


def search_memory(query: str, kind: Literal["any", "text", "image", "episode"] = "any") -> str:
    """Finds what was seen, done or noted earlier."""
    return f"nothing is remembered about {query}"


def save_memory(text: str) -> str:
    """Saves a note for later."""
    return f"Noted: {text}"


def label_image(image: int = 1) -> str:
    """Tells what an image of this task shows."""
    return f"image {image}: a photograph"


def list_envs(contains: str = "") -> str:
    """Lists the gymnasium envs that can be made here."""
    return ", ".join(name for name in ("CartPole-v1", "Acrobot-v1") if contains in name)


def describe_env(env: str) -> str:
    """Describes an env: its task, actions, observations and step limit."""
    return f"{env}: an env"


def run_policy(env: str, goal: str, seed: int = 0) -> str:
    """Lets the trained policy act in an env until it reaches the goal."""
    return f"{goal} in {env} with seed {seed}: done"


EXAMPLES: dict[Callable[..., str], list[Example]] = {
    calculate: [
        ("what is 12 % of 50?", {"expression": "12 % of 50"}),
        ("how much is 3 plus 4 times 2?", {"expression": "3 plus 4 times 2"}),
        ("please calculate (1 + 2) / 4 for us", {"expression": "(1 + 2) / 4"}),
        ("the square root of 144 is what?", {"expression": "square root of 144"}),
        ("What's 31 multiplied by 6", {"expression": "31 multiplied by 6"}),
        ("4 cubed", {"expression": "4 cubed"}),
    ],
    days_until: [
        ("how many days until 3 May?", {"date": "3 May"}),
        ("how long is it until Easter Monday", {"date": "Easter Monday"}),
        ("how many days are left until 30 November 2026?", {"date": "30 November 2026"}),
        ("how many days till 2028-02-29?", {"date": "2028-02-29"}),
    ],
    days_between: [
        (
            "how many days are there between 1 March and 2026-06-15?",
            {"start": "1 March", "end": "2026-06-15"},
        ),
        ("days from 2 April to 8 October", {"start": "2 April", "end": "8 October"}),
    ],
    add_days: [
        ("what date is 45 days from today?", {"date": "today", "days": 45}),
        ("which day is 10 days after 3 May?", {"date": "3 May", "days": 10}),
        ("add 7 days to 2025-12-30", {"date": "2025-12-30", "days": 7}),
    ],
    today: [
        ("what day is it today?", {}),
        ("what's the date?", {}),
        ("which day of the week is it?", {}),
    ],
    search_memory: [
        ("what did you see earlier?", {"query": "what did you see earlier"}),
        ("what colour is my car?", {"query": "what colour is my car"}),
        ("which pictures did I show you?", {"query": "pictures", "kind": "image"}),
        ("what did I say about my brother?", {"query": "my brother"}),
        ("do you remember my address?", {"query": "my address"}),
    ],
    save_memory: [
        ("remember that my car is green", {"text": "my car is green"}),
        ("note: the meeting is on Monday", {"text": "the meeting is on Monday"}),
        ("please remember that the key is under the mat", {"text": "the key is under the mat"}),
        ("make a note: Tom has moved to Berlin", {"text": "Tom has moved to Berlin"}),
        ("don't forget, my train leaves at 8", {"text": "my train leaves at 8"}),
    ],
    label_image: [("what is in the image?", {})],
    list_envs: [
        ("which envs can you use?", {}),
        ("list the envs with GoTo", {"contains": "GoTo"}),
        ("what environments do you have?", {}),
    ],
    describe_env: [
        ("what are the actions of Acrobot-v1?", {"env": "Acrobot-v1"}),
        ("describe MiniGrid-Empty-5x5-v0", {"env": "MiniGrid-Empty-5x5-v0"}),
        ("tell me about Pendulum-v1", {"env": "Pendulum-v1"}),
    ],
    run_policy: [
        (
            "let the policy go to the red ball in BabyAI-GoToObj-v0",
            {"env": "BabyAI-GoToObj-v0", "goal": "go to the red ball"},
        ),
        (
            "run the policy in BabyAI-GoToLocal-v0 to pick up the grey box",
            {"env": "BabyAI-GoToLocal-v0", "goal": "pick up the grey box"},
        ),
    ],
}
_REVERSIBLE = (save_memory, run_policy)


def _tool(function: Callable[..., str], examples: list[Example]) -> BaseTool:
    tool = StructuredTool.from_function(function)
    tool.metadata = {
        "side_effects": "reversible" if function in _REVERSIBLE else "none",
        "examples": [list(example) for example in examples],
        "needs": "image" if function is label_image else "",
    }
    return tool


def _context(tools: Mapping[str, BaseTool], folder: str) -> Context:
    """Builds a context around tools."""

    def call(name: str, arguments: Mapping[str, Any]) -> Step:
        start = time.perf_counter()
        try:
            ok, text = True, str(tools[name].invoke(dict(arguments)))
        except Exception as error:
            ok, text = False, str(error)
        seconds = time.perf_counter() - start
        return Step("tool", name, dict(arguments), Value(text, "tool"), ok, seconds)

    return Context(tools, call, lambda image: "", folder, lambda env, **_: None)


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
def test_calls_are_right_including_their_arguments(tmp_path: Path, name: str, floor: float) -> None:
    tools = {f.__name__: _tool(f, examples) for f, examples in EXAMPLES.items()}
    context = _context(tools, str(tmp_path))
    file = Path(__file__).with_name(name)
    expected = tomllib.loads(file.read_text(encoding="utf-8"))["request"]
    start = time.perf_counter()
    right = [_right(entry, EXPERT.attempt(Task(entry["text"]), context)) for entry in expected]
    share, seconds = sum(right) / len(right), (time.perf_counter() - start) / len(right)
    print(f"{name}: {sum(right)} of {len(right)} calls right, {seconds:.2f} s each")
    assert share >= floor, [e["text"] for e, ok in zip(expected, right, strict=True) if not ok]
