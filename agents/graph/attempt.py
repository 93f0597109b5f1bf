"""One expert's attempt at a task: lent a context, held to the contract, and recorded."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shoal.agents.graph.progress import tell
from shoal.agents.graph.state import State
from shoal.agents.graph.vouching import vouched
from shoal.agents.house import CURRENT, House, approval_key
from shoal.agents.records.keeping import clean
from shoal.agents.router import Route
from shoal.errors import ApprovalNeeded, UsageError
from shoal.types import Context, Cost, Outcome, Status, Step, Value

Update = dict[str, Any]


def attempt(house: House, name: str, state: State) -> Update:
    """Lets expert `name` attempt the task; returns the update of the state.

    Raises:
        UsageError: The first expert can't work as called: a missing model, an unreadable
            image. From a later one it is a failed attempt, so that the first one's
            answer is not lost.
    """
    start, token = time.perf_counter(), CURRENT.set(state["task"])
    calls = _Calls(_context(house, name, state), state.get("done", []))
    waiting: list[str] = []
    try:
        expert = house.experts[name]
        outcome = clean(expert.attempt(state["task"], calls.context))
        outcome = vouched(expert, outcome, state["task"], [step for _, step in calls.made])
    except ApprovalNeeded as error:
        waiting = [error.tool, approval_key(error.tool, error.arguments)]
        outcome = Outcome(Status.NEEDS_APPROVAL, None, str(error), state["decision"].confidence)
    except UsageError as error:
        if not state.get("tried") and name != "larger":
            raise
        outcome = Outcome(Status.FAILED, None, f"{name} failed: {error}")
    except Exception as error:  # an expert may be a stranger's code; the run must end well
        reason = str(error) or type(error).__name__
        outcome = Outcome(Status.FAILED, None, f"{name} failed: {reason}")
    finally:
        CURRENT.reset(token)
    return {
        "outcome": outcome,
        "expert": name,
        "tried": [*dict.fromkeys([*state.get("tried", ()), name])],
        "findings": _findings(outcome) or state.get("findings", []),
        "keep": [*state.get("keep", ()), *(dict(item) for item in outcome.remember)],
        "steps": [*state.get("steps", ()), *outcome.steps],
        "cost": state.get("cost", Cost()) + _cost(outcome, time.perf_counter() - start),
        "waiting": waiting,
        "done": calls.made if waiting else [],
        "spent": time.time() - state["started"],
    }


class _Calls:
    """Notes the attempt's tool calls, and answers those that were made before a pause.

    After an approval the expert starts anew; what it had done must not be done again.
    """

    def __init__(self, context: Context, done: list[tuple[str, Step]]) -> None:
        self.context = replace(context, call_tool=self._call)
        self.made: list[tuple[str, Step]] = []
        self._call_tool, self._done = context.call_tool, list(done)

    def _call(self, name: str, arguments: Mapping[str, Any]) -> Step:
        key = approval_key(name, arguments)
        before = next((entry for entry in self._done if entry[0] == key), None)
        if before is None:
            step = self._call_tool(name, arguments)
        else:
            self._done.remove(before)
            step = before[1]
        self.made.append((key, step))
        return step


def _context(house: House, name: str, state: State) -> Context:
    return house.context(
        state["task"],
        approved=state.get("approved", ()),
        recalled=state.get("recalled", ()),
        findings=state.get("findings", ()),
        skill=_skill(name, state["decision"]),
        emit=tell,
    )


def _skill(name: str, decision: Route) -> str:
    if name != decision.expert:
        return "read" if name == "vision" else ""
    return "read" if (name, decision.skill) == ("vision", "question") else decision.skill


def _findings(outcome: Outcome) -> list[Value]:
    return [Value(str(line), "image") for line in outcome.evidence.get("findings", ())]


def _cost(outcome: Outcome, seconds: float) -> Cost:
    calls = sum(step.kind == "tool" for step in outcome.steps)
    return replace(outcome.cost, seconds=seconds, tool_calls=calls)
