"""The tools of the tool-use env: what each needs and makes, and what it costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

FACTS = ("remembered", "indexed", "legible", "service")
"""What can be seen of a task before any call, each in [0, 1]: how likely memory holds the
question, the index its page; how legible the image is; how well the record service does."""

GIVEN = ("question", "image", "name")
"""What a task may start with."""

WANTED = ("total", "summary", "label", "record", "verdict")
"""What it may ask for."""

ITEMS = (*GIVEN, "page", "text", "numbers", *WANTED)


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool.

    Attributes:
        name: As in "call NAME".
        needs: Items without which it can't be called.
        makes: The item that a call which works gives.
        seconds: What a call takes, whether or not it works.
        tokens: Likewise.
        least: Probability that a call works, where `fact` is 0.
        most: The same where it is 1.
        fact: One of `FACTS`; "" where the probability is always `most`.
        steady: A call that failed fails again; else each call is drawn anew.
        silent: A call that does not work gives a wrong item that looks like a right one.
    """

    name: str
    needs: tuple[str, ...]
    makes: str
    seconds: float
    tokens: float
    most: float
    least: float = 0.0
    fact: str = ""
    steady: bool = False
    silent: bool = False

    def works(self, facts: Mapping[str, float]) -> float:
        """Probability that a first call works."""
        if not self.fact:
            return self.most
        return self.least + (self.most - self.least) * facts[self.fact]


TOOLS = (
    Tool("recall", ("question",), "text", 0.05, 0, 0.97, 0.05, "remembered", silent=True),
    Tool("search", ("question",), "page", 0.8, 80, 0.95, 0.2, "indexed", steady=True),
    Tool("open_page", ("page",), "text", 0.5, 40, 0.9),
    Tool("read_image", ("image",), "text", 0.3, 0, 0.98, 0.1, "legible", silent=True),
    Tool("label_image", ("image",), "label", 0.05, 0, 0.98, 0.2, "legible", silent=True),
    Tool("describe_image", ("image",), "label", 2.0, 150, 0.88, silent=True),
    Tool("find_numbers", ("text",), "numbers", 0.05, 10, 0.97, silent=True),
    Tool("add_up", ("numbers",), "total", 0.001, 0, 0.99),
    Tool("look_up", ("name",), "record", 0.1, 20, 0.98, 0.1, "service", silent=True),
    Tool("archive", ("name",), "record", 3.0, 40, 0.95),
    Tool("summarise", ("text",), "summary", 1.5, 220, 0.95, silent=True),
    Tool("compare", ("record", "text"), "verdict", 1.0, 150, 0.95, silent=True),
)


def reachable(given: Iterable[str]) -> frozenset[str]:
    """Items that can be had at all, starting with these."""
    held = set(given)
    while more := {t.makes for t in TOOLS if held.issuperset(t.needs)} - held:
        held |= more
    return frozenset(held)


@cache
def serving(wanted: str) -> frozenset[str]:
    """Names of the tools that can lead to an item."""
    items = {wanted}
    while more := {need for t in TOOLS if t.makes in items for need in t.needs} - items:
        items |= more
    return frozenset(t.name for t in TOOLS if t.makes in items)


@cache
def calls_left(held: frozenset[str], wanted: str) -> int | None:
    """The fewest calls that lead from items to another; None where none do."""
    ways, count = {held}, 0
    while not any(wanted in way for way in ways):
        useful = [tool for tool in TOOLS if tool.name in serving(wanted)]
        further = {
            way | {tool.makes}
            for way in ways
            for tool in useful
            if way.issuperset(tool.needs) and tool.makes not in way
        }
        if not further:
            return None
        ways, count = further, count + 1
    return count
