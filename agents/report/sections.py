"""The sections of the page: what each says in words and tables beside its figure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shoal.agents.report.markup import Html, joined, table, tag
from shoal.agents.report.words import duration, moment, share, size, times

Facts = Mapping[str, Any]


def came_in(facts: Facts) -> Html:
    """Kinds of requests, envs and tools."""
    told = facts["came_in"]
    tools = [(name, tool["calls"], tool["failed"]) for name, tool in told["tools"].items()]
    return joined((
        table(("request", "runs"), told["forms"].items()),
        table(("tool", "calls", "of these failed"), tools),
        table(("env", "runs"), told["envs"].items()),
        table(("conversation", "runs"), told["conversations"].items()),
    ))  # fmt: skip


def solved_by(facts: Facts) -> Html:
    """The experts, and where the router sent what they answered."""
    columns = (
        "expert", "runs", "solved", "unsure", "failed", "refused", "waiting for approval",
        "said right", "said wrong",
    )  # fmt: skip
    keys = (
        "runs", "solved", "unsure", "failed", "refused", "needs_approval", "said_right",
        "said_wrong",
    )  # fmt: skip
    rows = [(name, *(one[key] for key in keys)) for name, one in facts["solved_by"].items()]
    routes = [
        (row["routed_to"], row["answered_by"], row["runs"], _handed(row)) for row in facts["routes"]
    ]
    return joined((
        table(columns, rows),
        tag("h3", "Routes and escalations") if routes else "",
        table(("routed to", "answered by", "runs", ""), routes),
    ))  # fmt: skip


def _handed(row: Mapping[str, Any]) -> str:
    if row["routed_to"] == row["answered_by"]:
        return ""
    return "handed on, with what was seen" if row["routed_to"] == "vision" else "escalated"


def latency(facts: Facts) -> Html:
    """Times and costs by expert, and by reflex beside the slow path on the same work."""
    told = facts["latency"]["by_reflex"]
    rows = [
        (name, one["slow"]["runs"], duration(one["slow"]["p50"]), one["fast"]["runs"],
         duration(one["fast"]["p50"]), times(one["times"]))
        for name, one in told.items()
    ]  # fmt: skip
    costs = [
        (name, duration(one["p50"]), duration(one["p95"]), one["tokens"], one["tool_calls"],
         one["env_steps"])
        for name, one in facts["solved_by"].items()
    ]  # fmt: skip
    return joined((
        tag("h3", "The same kind of work, slow and fast") if rows else "",
        table(("reflex", "slow runs", "median", "fast runs", "median", "faster"), rows),
        tag("h3", "What the experts took") if costs else "",
        table(("expert", "median", "95 % under", "tokens", "tool calls", "env steps"), costs),
    ))  # fmt: skip


def calibration(facts: Facts) -> Html:
    """Calibration errors, and risk and coverage at the stated bound."""
    told = facts["calibration"]
    names = {
        "router_held_out": "router, held-out decisions",
        "router_here": "chosen expert solved it, these runs",
        "answers": "answers, by people's word",
    }
    rows = [
        (said, told[name]["n"], f"{told[name]['ece']:.3f}" if told[name]["n"] else "–",
         *(_bound(told[name]) if name != "answers" else ("", "", "")))
        for name, said in names.items()
    ]  # fmt: skip
    bound = f"at most {share(told['router_held_out']['max_risk'])} wrong: abstains under"
    return table(("", "n", "ECE", bound, "wrong of the rest", "coverage"), rows)


def _bound(one: Mapping[str, Any]) -> tuple[str, str, str]:
    if one["threshold"] > 1:
        return ("can't be promised", "", "")
    if not one["n"]:
        return (f"{one['threshold']:.3f}", "–", "–")
    wrong = share(one["risk"], 1)
    if one["risk_interval"]:
        low, high = one["risk_interval"]
        wrong += f" (95 % interval {100 * low:.1f} to {share(high, 1)})"
    return (f"{one['threshold']:.3f}", wrong, share(one["coverage"], 1))


def drift(facts: Facts) -> Html:
    """The reflexes: state, tests and history."""
    rows = [
        (one["name"], f"v{one['version']}", one["status"], one["served"], one["said_right"],
         one["said_wrong"], *_tests(one), one["reason"])
        for one in facts["drift"]
    ]  # fmt: skip
    happened = sorted(
        ((e["at"], one["name"], e) for one in facts["drift"] for e in one["events"]),
        key=lambda entry: entry[0], reverse=True,
    )  # fmt: skip
    told = [(moment(at), name, f"{e['what']} v{e['version']}", e["reason"])
            for at, name, e in happened[:20]]  # fmt: skip
    columns = (
        "reflex", "version", "status", "served", "said right", "said wrong",
        "spot checks unlike", "words wrong", "why",
    )  # fmt: skip
    return joined((
        table(columns, rows),
        tag("h3", "What happened") if told else "",
        table(("when", "reflex", "", "why"), told),
    ))  # fmt: skip


def _tests(one: Mapping[str, Any]) -> tuple[str, str]:
    tests = one["tests"]
    if not tests:
        return ("–", "–")
    spot, word = (tests[name] for name in ("spot checks", "feedback"))
    return (f"{spot['wrong']} of {spot['words']}", f"{word['wrong']} of {word['words']}")


def feedback(facts: Facts) -> Html:
    """Who said what, who disagreed, and what waits for approval."""
    told = facts["feedback"]
    names = ("right", "wrong", "contradictory", "unsaid", "corrected", "approved", "rejected")
    waits = Html("")
    if told["waiting"]:
        waits = tag(
            "p", f"{told['waiting']:,} runs hold words of strangers. Their answers are not learnt "
            "from until you look at them; who did it, and by which call, is, unless the request "
            "or what led to the call was theirs: ",
            tag("code", "shoal records list --waiting"), ", then ",
            tag("code", "shoal records approve RUN"), ", or ",
            tag("code", "reject"), ". Their origins: ", ", ".join(told["origins"]), ".",
        )  # fmt: skip
    disagreed = [(one["run"][:12], one["task"]) for one in told["disagreed_on"]]
    return joined((
        table(("feedback", "runs"), ((name, told[name]) for name in names)),
        table(("speaker", "words"), told["speakers"].items()),
        tag("h3", "People disagree; nothing is learnt from these") if disagreed else "",
        table(("run", "request"), disagreed), waits,
    ))  # fmt: skip


def memory(facts: Facts) -> Html:
    """Counts and sizes."""
    told = facts["memory"]
    rows = [
        ("items", told["items"]), ("said by the user or the program", told["trusted"]),
        ("expiring", told["expiring"]), ("memory file", size(told["file_bytes"])),
        ("pictures and other files", f"{told['blobs']:,}, {size(told['blob_bytes'])}"),
    ]  # fmt: skip
    return table(("", ""), rows)
