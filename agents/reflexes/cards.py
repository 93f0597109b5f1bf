"""The card of a promotion: what it does, on what it was judged, and how to take it back."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence

from shoal.agents.reflexes.examples import Example
from shoal.agents.reflexes.spec import ReflexSpec
from shoal.modalities.training.card import card

_WHAT = {
    "call": "calls the tool that a request is for",
    "decide": "answers a request with one of its labels",
    "sort": "labels a picture",
    "act": "acts in an env",
}


def ids_hash(found: Sequence[Example]) -> str:
    """The sha256 of the ids of the records that it was learnt from, in order."""
    return hashlib.sha256("\n".join(example.id for example in found).encode()).hexdigest()


def card_of(spec: ReflexSpec) -> str:
    """Returns the Markdown of card.md; every figure in it is from the spec."""
    told, kind = spec.figures, spec.kind
    verdict, where = told["verdict"], f"conversation `{kind.thread}` of user `{kind.user}`"
    subject = f", for `{kind.subject}`" if kind.subject else ""
    sections = {
        "Beside the slow path": _beside(verdict),
        "How sure it has to be": _thresholds(spec),
        "What it does": _classes(spec),
        "Records": [
            f"- usable examples: {told['n']}, by time: {told['sizes']}",
            f"- sha256 of their ids: `{told['records_sha256']}`",
            f"- promoted: {time.strftime('%Y-%m-%d %H:%M:%S UTC', time.gmtime(told['at']))}",
            f"- learnt in {told['seconds']} s, seed {told['seed']}, {told['machine']}",
        ],
        "Watched": [
            f"1 in {spec.spot_check} tasks that it could serve goes to the slow path instead "
            "(acting is judged by the env each time). Disagreement and negative feedback feed "
            "two CUSUM tests (Page 1954) against "
            f"{100 * spec.differs:.1f} % unlike and {100 * spec.expected:.1f} % wrong; an alarm "
            "demotes it."
            if kind.form != "act"
            else "The env's own verdict on each episode and negative feedback feed two CUSUM "
            f"tests (Page 1954) against {100 * spec.expected:.1f} % wrong; an alarm demotes it.",
        ],
        "Take it back": [f"    shoal reflexes undo {spec.name}"],
    }
    about = f"A reflex, version {spec.version}: it {_WHAT[kind.form]}, in the {where}{subject}."
    return card(spec.name, about, sections, told["versions"])


def _beside(verdict: dict[str, object]) -> list[str]:
    v = verdict
    return [
        f"On {v['served']} of {v['n']} held-out records, all newer than those it was fitted and "
        f"calibrated on (coverage {_share(v['coverage'])}):",
        "",
        f"- reflex right: {_share(v['fast'])} ({_range(v['fast_interval'])})",
        f"- slow path right: {_share(v['slow'])} ({_range(v['slow_interval'])})",
        f"- promoted because it is {v['reason']} (Clopper and Pearson 1934, on discordant pairs).",
    ]


def _thresholds(spec: ReflexSpec) -> list[str]:
    if spec.policy is not None:
        return [
            f"It acts where `{spec.policy.name}` expects success of {spec.policy.least:.3f} or "
            "more (weights sha256 "
            f"`{spec.policy.sha256}`)."
        ]
    lines = []
    for grain, tier in spec.tiers.items():
        said = "never serves" if tier.threshold is None else f"serves from {tier.threshold:.4f} on"
        if tier.strange is not None:
            said += f"; of classes left out it would have served {_share(tier.strange)}"
        lines.append(f"- {grain}: {said}")
    rule = "Thresholds by fixed-sequence testing (Learn then Test, Angelopoulos et al. 2021)."
    return [*lines, "", rule]


def _classes(spec: ReflexSpec) -> list[str]:
    lines = [f"- {_plain(c.label)} {c.templates or ''}".rstrip() for c in spec.classes if c.label]
    return [*lines, *_reader(spec)] or ["Plays episodes."]


def _reader(spec: ReflexSpec) -> list[str]:
    part = spec.reader
    if part is None:
        return []
    return [
        "",
        f"What is to be read is read by an adapter tuned on {part.calls} calls: all arguments "
        f"right in {_share(part.after)} of the {part.held_out} newest calls, held out of tuning, "
        f"where the shipped adapter has {_share(part.before)} (sha256 `{part.sha256}`).",
    ]


def _plain(text: str) -> str:
    """A label may hold a stranger's words: no markup in the card."""
    return "".join(c if c.isalnum() or c in " _-.,:?!'" else " " for c in text)


def _share(value: object) -> str:
    return f"{100 * float(str(value)):.1f} %"


def _range(value: object) -> str:
    low, high = value  # type: ignore[misc]
    return f"95 % interval {100 * low:.1f} to {100 * high:.1f} %"  # type: ignore[has-type]
