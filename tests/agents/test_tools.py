"""Tools: exact results, and every way a call can go wrong."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.tools import tool

from shoal.agents.tools import Toolbox, as_tool
from shoal.agents.tools.arithmetic import calculate
from shoal.agents.tools.dates import add_days, days_between, days_since, days_until, parse_date
from shoal.errors import ApprovalNeeded, RunError, ToolError, UnknownNameError, UsageError


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("17.5 % of 240", "42"),
        ("(3 + 4) * 5", "35"),
        ("2^10", "1024"),
        ("2 ** 3 ** 2", "512"),
        ("-3^2", "-9"),
        ("200 + 10%", "220"),
        ("0.1 + 0.2", "0.3"),
        ("12 percent of 80", "9.6"),
        ("1,250 times 3", "3750"),
        ("7 divided by 2", "3.5"),
        ("square root of 144", "12"),
        ("5 squared plus 2", "27"),
        ("1/3", "0.3333333333 (rounded)"),
        ("10 - 2 - 3", "5"),
        ("64 / 4 / 2", "8"),
    ],
)
def test_arithmetic_is_exact(expression: str, result: str) -> None:
    assert calculate(expression) == f"{expression} = {result}"


@given(
    st.fractions(max_denominator=50).filter(lambda f: abs(f) < 10**6),
    st.integers(-999, 999),
    st.sampled_from("+-*"),
)
def test_arithmetic_agrees_with_fractions(left: Fraction, right: int, operator: str) -> None:
    value = {"+": left + right, "-": left - right, "*": left * right}[operator]
    shown = calculate(f"({left.numerator} / {left.denominator}) {operator} ({right})")
    number = Fraction(shown.partition(" = ")[2].removesuffix(" (rounded)"))
    assert abs(number - value) <= abs(value) * Fraction(1, 10**9)


@pytest.mark.parametrize(
    "expression",
    ["", "import os", "1/0", "0^-1", "((1", "2^99999", "9**9**9**9", "sqrt(-1)", "(" * 9999, "1 2"],
)
def test_what_is_no_arithmetic_says_so(expression: str) -> None:
    with pytest.raises(ToolError):
        calculate(expression)


def test_dates() -> None:
    today = dt.date.today()
    assert parse_date("tomorrow") == today + dt.timedelta(days=1)
    assert parse_date("2031-02-03") == dt.date(2031, 2, 3)
    assert parse_date("Christmas") >= today
    assert parse_date("friday").weekday() == 4
    assert parse_date("29 February").day == 29
    assert days_between("2026-01-31", "3 March 2026").startswith("31 days between")
    assert add_days("2026-02-27", 2).endswith("is Sunday, 1 March 2026")
    assert add_days("2026-03-01", -1).endswith("is Saturday, 28 February 2026")
    assert "ago" in days_until("2001-01-01")


@pytest.mark.parametrize("text", ["", "banana", "12", "March", "31 February 2026"])
def test_what_is_no_date_says_so(text: str) -> None:
    with pytest.raises(ToolError, match="not a date"):
        parse_date(text)


def test_arguments_are_validated() -> None:
    step = _box().call("double", {"number": "many"})
    assert not step.ok
    assert "number" in step.result.text
    assert not _box().call("double", {}).ok
    assert _box().call("double", {"number": 4}).result.text == "8"


def test_a_tool_that_raises_is_a_failed_step_marked_as_the_tools_word() -> None:
    def broken() -> str:
        """Breaks."""
        raise ZeroDivisionError("by zero")

    step = Toolbox([as_tool(broken, side_effects="none")]).call("broken", {})
    assert not step.ok
    assert step.result.text == "ZeroDivisionError: by zero"
    assert step.result.provenance == "tool"
    assert not step.result.trusted


def test_ten_megabytes_are_cut_and_say_so() -> None:
    def long() -> str:
        """Returns much."""
        return "x" * 10_000_000

    step = Toolbox([as_tool(long, side_effects="none")]).call("long", {})
    assert step.ok
    assert len(step.result.text) < 21_000
    assert "9,980,000 more characters cut" in step.result.text


def test_a_tool_that_never_returns_is_left_behind() -> None:
    released = threading.Event()

    def stuck() -> str:
        """Waits."""
        released.wait()
        return "late"

    step = Toolbox([as_tool(stuck, side_effects="none")], seconds=0.2).call("stuck", {})
    released.set()
    assert not step.ok
    assert "did not return within 0.2 s" in step.result.text


def test_unknown_tools_suggest_the_near_one() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'double'"):
        _box().call("doubel", {})


def test_irreversible_and_undeclared_tools_wait_for_approval() -> None:
    done: list[str] = []

    def send(text: str) -> str:
        """Sends a text.

        Args:
            text: What to send.
        """
        done.append(text)
        return "sent"

    with pytest.raises(ApprovalNeeded, match="send") as caught:
        Toolbox([send]).call("send", {"text": "hi"})
    assert caught.value.tool == "send"
    assert not done
    allowed = Toolbox([send], approve=lambda name, arguments: arguments["text"] == "hi")
    assert allowed.call("send", {"text": "hi"}).ok
    with pytest.raises(ApprovalNeeded):
        allowed.call("send", {"text": "other"})
    assert done == ["hi"]


def test_langchain_tools_keep_their_schema() -> None:
    @tool
    def shout(word: str) -> str:
        """Shouts a word."""
        return word.upper()

    box = Toolbox()
    box.add(shout, side_effects="none", examples=[("shout hello", {"word": "hello"})])
    assert box.call("shout", {"word": "hey"}).result.text == "HEY"
    assert (box["shout"].metadata or {})["examples"] == [["shout hello", {"word": "hello"}]]
    assert shout.metadata is None


def test_what_cannot_be_a_tool_says_why() -> None:
    def nameless(x):  # type: ignore[no-untyped-def]
        return x

    with pytest.raises(UsageError, match="docstring"):
        as_tool(nameless)
    with pytest.raises(UnknownNameError, match="side effect"):
        as_tool(calculate, side_effects="some")  # type: ignore[arg-type]


def _box() -> Toolbox:
    def double(number: int) -> int:
        """Doubles a number.

        Args:
            number: Any number.
        """
        return number * 2

    return Toolbox([as_tool(double, side_effects="none")])


def test_a_tool_with_side_effects_that_hangs_is_not_called_again() -> None:
    released = threading.Event()

    def send() -> str:
        """Sends."""
        released.wait()
        return "sent"

    with pytest.raises(RunError, match="may still be running"):
        Toolbox([as_tool(send, side_effects="reversible")], seconds=0.2).call("send", {})
    released.set()


def test_a_tool_that_exits_is_a_failed_step() -> None:
    def leave() -> str:
        """Leaves."""
        raise SystemExit(3)

    step = Toolbox([as_tool(leave, side_effects="none")]).call("leave", {})
    assert not step.ok
    assert "SystemExit" in step.result.text


def test_async_tools_are_awaited() -> None:
    async def later(word: str) -> str:
        """Answers later.

        Args:
            word: Any.
        """
        await asyncio.sleep(0)
        return word * 2

    step = Toolbox([as_tool(later, side_effects="none")]).call("later", {"word": "ho"})
    assert (step.ok, step.result.text) == (True, "hoho")


def test_unknown_arguments_are_named_not_dropped() -> None:
    step = _box().call("double", {"number": 1, "zzz": 2})
    assert not step.ok
    assert "zzz" in step.result.text


@pytest.mark.parametrize("expression", ["1,5 + 2", "3,14 * 2", "1,2500", "12,34"])
def test_a_decimal_comma_is_refused_not_misread(expression: str) -> None:
    with pytest.raises(ToolError, match="point"):
        calculate(expression)


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("half of 86", "43"),
        ("double 37", "74"),
        ("quarter of 200", "50"),
        ("sqrt of 144", "12"),
        ("add 45 and 78", "123"),
        ("subtract 19 from 54", "35"),
        ("multiply 13 by 17", "221"),
        ("divide 9 by 4", "2.25"),
        ("9.99 x 3", "29.97"),
    ],
)
def test_arithmetic_in_words(expression: str, result: str) -> None:
    assert calculate(expression) == f"{expression} = {result}"


@pytest.mark.parametrize("expression", ["86", "2026-12-25", " 8 "])
def test_a_bare_number_or_a_date_is_no_calculation(expression: str) -> None:
    with pytest.raises(ToolError, match="nothing to calculate"):
        calculate(expression)


def test_days_since_looks_back() -> None:
    today = dt.date.today()
    yesterday = today - dt.timedelta(days=1)
    assert days_since(f"{yesterday.day} {yesterday:%B}").startswith("1 day since")
    assert days_since(str(today)).startswith("0 days since")
    assert "still to come" in days_since(f"{today.year + 1}-01-01")
