"""The page: one HTML file with everything in it, no script, nothing from elsewhere."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shoal.agents.report import sections
from shoal.agents.report.alts import alts
from shoal.agents.report.markup import Html, escaped, joined, tag
from shoal.agents.report.words import duration, moment, share, times

Facts = Mapping[str, Any]
Pictures = Mapping[str, tuple[bytes, bytes]]
"""Name of a figure -> the PNG by day and the one by night."""


@dataclass(frozen=True, slots=True)
class _Section:
    name: str
    title: str
    about: str
    tell: Callable[[Facts], Html]
    lacks: tuple[str, ...] = ()


_SECTIONS = (
    _Section("came_in", "What came in", "Requests over time, by what they brought along.",
             sections.came_in, ("came_in",)),
    _Section("solved_by", "Who solved it", "Each expert's runs, and how they ended. Solved means "
             "that a check passed.", sections.solved_by, ("solved_by",)),
    _Section("latency", "Cost and latency", "Each dot is a run; the line is the median of all. "
             "It falls where reflexes take over what the slow path did.", sections.latency,
             ("latency", "served_fast")),
    _Section("calibration", "Calibration", "Whether probabilities mean what they say: on the "
             "diagonal they do. Left, the serving router on decisions it was not fitted on. "
             "Middle, whether the expert it chose here solved the task, by people's word or else "
             "the run's check; the right expert may fail, so this looks worse than the router "
             "is. Right, the answers that people judged. Runs with a known outcome are no random "
             "sample.", sections.calibration, ("router_here", "answers")),
    _Section("drift", "Reflexes and drift", "What was learnt, what happened to it since, and how "
             "near each test is to its alarm, which demotes the reflex.", sections.drift,
             ("drift",)),
    _Section("feedback", "Feedback", "What people said of the runs.", sections.feedback,
             ("feedback",)),
    _Section("memory", "Memory", "What the agent remembers now, whatever window the rest shows.",
             sections.memory),
)  # fmt: skip

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def page(facts: Facts, pictures: Pictures, lacks: Mapping[str, str]) -> str:
    """Returns the page.

    Args:
        facts: From `summed`.
        pictures: The figures; none where they can't be drawn.
        lacks: From `missing`.
    """
    style = Html(Path(__file__).with_name("style.css").read_text(encoding="utf-8"))
    head = tag(
        "head", Html('<meta charset="utf-8">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
        tag("title", "Shoal: report"), tag("style", style),
    )  # fmt: skip
    body = [_section(one, facts, pictures, lacks) for one in _SECTIONS]
    made = tag("body", _header(facts), tag("main", _tiles(facts), *body))
    return f'<!doctype html>\n<html lang="en">{head}{made}</html>\n'


def _header(facts: Facts) -> Html:
    said = f"{facts['runs']:,} runs"
    if facts["runs"]:
        said += f", {moment(facts['first'])} to {moment(facts['last'])}"
    if facts["left_out"]:
        said += f"; {facts['left_out']:,} earlier ones left out"
    if facts["damaged"]:
        said += f"; {facts['damaged']:,} records can't be read"
    links = (tag("a", one.title, href=f"#{one.name}") for one in _SECTIONS)
    return tag(
        "header", tag("h1", "What the agent did"), tag("p", said, class_="soft"),
        tag("p", f"{facts['memory_file']} · made {moment(facts['made_at'])}", class_="soft"),
        tag("nav", *links),
    )  # fmt: skip


def _tiles(facts: Facts) -> Html:
    told, said = facts["latency"], facts["feedback"]
    solved = sum(one["solved"] for one in facts["solved_by"].values())
    judged = said["right"] + said["wrong"]
    held = facts["calibration"]["router_held_out"]
    fastest = max((one["times"] or 0 for one in told["by_reflex"].values()), default=0)
    shown = (
        ("solved, by a check", share(solved / facts["runs"] if facts["runs"] else None)),
        ("said to be right", share(said["right"] / judged if judged else None)
         + f" of {judged:,}"),
        ("served fast, last 100 runs", share(told["served_fast_of_last_100"])),
        ("median, slow path", duration(told["slow"]["p50"])),
        ("median, reflexes", duration(told["fast"]["p50"])),
        ("faster on the same work", times(fastest or None)),
        ("router's calibration error", f"{held['ece']:.3f}"),
    )  # fmt: skip
    tiles = (tag("div", tag("b", value), name, class_="tile") for name, value in shown)
    return tag("div", *tiles, class_="tiles")


def _section(one: _Section, facts: Facts, pictures: Pictures, lacks: Mapping[str, str]) -> Html:
    sentences = dict.fromkeys(lacks[name] for name in one.lacks if name in lacks)
    notes = (tag("p", sentence, class_="missing") for sentence in sentences)
    figure = _figure(alts(facts)[one.name], pictures[one.name]) if one.name in pictures else ""
    told = one.tell(facts)
    return tag("section", tag("h2", one.title), tag("p", one.about), *notes, figure, told,
               id=one.name)  # fmt: skip


def _figure(alt: str, pictures: tuple[bytes, bytes]) -> Html:
    day, night = (f"data:image/png;base64,{base64.b64encode(p).decode()}" for p in pictures)
    source = Html(f'<source media="(prefers-color-scheme: dark)" srcset="{night}">')
    image = Html(f'<img alt="{escaped(alt)}" src="{day}">')
    return tag("figure", tag("picture", joined((source, image))))
