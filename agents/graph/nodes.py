"""The graph's nodes: recall, route, one per expert, ask, check and remember."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from langgraph.config import get_stream_writer
from langgraph.types import Command, interrupt

from shoal.agents.graph.check import check
from shoal.agents.graph.state import State
from shoal.agents.house import CURRENT, House, approval_key
from shoal.agents.records import keep, run_of
from shoal.agents.router import Route
from shoal.errors import ApprovalNeeded, UsageError
from shoal.types import Cost, Outcome, Provenance, Status, Task, Value

Update = dict[str, Any]

MAX_ATTEMPTS = 2
FALLBACK = 0.2
"""A second expert gets the task only if the router gave it this probability."""

_SOURCE: dict[str, Provenance] = {"image": "image", "episode": "tool"}


class Nodes:
    """The nodes of one agent's graph; each takes the state and returns an update."""

    def __init__(self, house: House) -> None:
        self.house = house

    def recall(self, state: State) -> Update:
        """Looks for what memory holds on the task."""
        task = state["task"]
        if isinstance(task, str):  # another graph may hand over plain text
            task = Task(task)
        found = self.house.memory.recall(task.text, limit=4)
        return {"task": task, "recalled": list(found), "started": time.time()}

    def route(self, state: State) -> Update:
        """Asks the router; an expert without an affordance here is passed over."""
        decision = self.house.router(state["task"], self.house.abilities)
        get_stream_writer()(f"routes to {decision.expert} ({decision.confidence:.2f})")
        return {"decision": decision, "expert": decision.expert}

    def attempt(self, name: str) -> Any:
        """Returns the node in which expert `name` attempts the task."""

        def node(state: State) -> Update:
            token = CURRENT.set(state["task"])
            try:
                return self._attempt(name, state)
            finally:
                CURRENT.reset(token)

        return node

    def _attempt(self, name: str, state: State) -> Update:
        task, decision = state["task"], state["decision"]
        context = self.house.context(
            task,
            approved=state.get("approved", ()),
            recalled=state.get("recalled", ()),
            findings=state.get("findings", ()),
            skill=_skill(name, decision),
            emit=get_stream_writer(),
        )
        start, waiting = time.perf_counter(), list[str]()
        try:
            outcome = self.house.experts[name].attempt(task, context)
        except ApprovalNeeded as error:
            waiting = [error.tool, approval_key(error.tool, error.arguments)]
            outcome = Outcome(Status.NEEDS_APPROVAL, None, str(error), decision.confidence)
        except UsageError:
            raise  # the caller's to mend: a missing model, an unreadable image
        except Exception as error:  # an expert may be a stranger's code; the run must end well
            outcome = Outcome(Status.FAILED, None, f"{name} failed: {_sentence(error)}")
        cost = replace(outcome.cost, seconds=time.perf_counter() - start)
        return {
            "outcome": outcome,
            "expert": name,
            "tried": [*state.get("tried", ()), name],
            "findings": _findings(outcome) or state.get("findings", []),
            "keep": [*state.get("keep", ()), *(dict(item) for item in outcome.remember)],
            "steps": [*state.get("steps", ()), *outcome.steps],
            "cost": state.get("cost", Cost()) + cost,
            "waiting": waiting,
        }

    def check(self, state: State) -> Command[Any]:
        """Holds the claim against its evidence and decides who is next."""
        outcome = check(state["expert"], state["outcome"])
        best = _better(state.get("best"), (state["expert"], outcome))
        goto = self._next(state, outcome)
        if goto == "remember":
            return Command(goto=goto, update={"expert": best[0], "outcome": best[1]})
        return Command(goto=goto, update={"outcome": outcome, "best": best})

    def _next(self, state: State, outcome: Outcome) -> str:
        if outcome.status is Status.NEEDS_APPROVAL:
            return "ask"
        if outcome.status in (Status.SOLVED, Status.REFUSED):
            return "remember"
        tried, decision = state["tried"], state["decision"]
        context = self.house.context(state["task"])
        if len(tried) < MAX_ATTEMPTS:
            for name, p in sorted(decision.probabilities.items(), key=lambda pair: -pair[1]):
                expert = self.house.experts.get(name)
                if name in tried or expert is None or p < FALLBACK:
                    continue
                if expert.affordance(state["task"], context) > 0:
                    return name
        return "remember"

    def ask(self, state: State) -> Command[Any]:
        """Abstains: interrupts for a person, or ends the run with an honest status."""
        if not state.get("interactive"):
            return Command(goto="remember")
        if state.get("waiting"):
            return self._approval(state)
        reason = state["decision"].reason
        reply = interrupt({"kind": "clarify", "question": f"What should I do? {reason}"})
        task = replace(state["task"], text=str(reply))
        return Command(goto="recall", update={"task": task, "tried": [], "findings": []})

    def _approval(self, state: State) -> Command[Any]:
        tool, call = state["waiting"]
        question = {"kind": "approval", "tool": tool, "call": call}
        if interrupt({**question, "question": state["outcome"].reason}):
            approved = [*state.get("approved", ()), call]
            return Command(goto=state["expert"], update={"approved": approved, "waiting": []})
        refused = replace(
            state["outcome"], status=Status.REFUSED, reason=f"the call of {tool} was not approved"
        )
        return Command(goto="remember", update={"outcome": refused, "waiting": []})

    def remember(self, state: State) -> Update:
        """Keeps what was seen or done, and the record of the run."""
        memory, task = self.house.memory, state["task"]
        for item in state.get("keep", ()):
            data = {**item["data"], "task": task.text[:500], "thread": task.thread}
            kind = str(data["kind"])
            key = str(data.get("sha256") or task.id)
            memory.remember(
                kind, item["text"], data=data, provenance=_SOURCE.get(kind, "model"), key=key
            )
        run = run_of(state)
        keep(run, memory)
        return {"run": run}


def after_route(state: State) -> str:
    """Picks the node of the chosen expert."""
    return state["decision"].expert


def after_vision(state: State) -> Literal["text", "check"]:
    """Sends a question about printed words on to the text expert, with the findings."""
    asked = state["decision"].skill == "question" and state.get("findings")
    return "text" if asked else "check"


_ORDER = (Status.FAILED, Status.NEEDS_APPROVAL, Status.REFUSED, Status.UNSURE, Status.SOLVED)


def _better(old: Sequence[Any] | None, new: tuple[str, Outcome]) -> tuple[str, Outcome]:
    # A second expert that failed must not hide what the first one could say.
    if old and _ORDER.index(Status(old[1].status)) >= _ORDER.index(new[1].status):
        return old[0], old[1]
    return new


def _skill(name: str, decision: Route) -> str:
    if name != decision.expert:
        return ""
    return "read" if (name, decision.skill) == ("vision", "question") else decision.skill


def _findings(outcome: Outcome) -> list[Value]:
    return [Value(str(line), "image") for line in outcome.evidence.get("findings", ())]


def _sentence(error: Exception) -> str:
    return str(error) or type(error).__name__
