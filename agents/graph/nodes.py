"""The graph's nodes: recall, route, one per expert, ask, check and remember."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from langgraph.types import Command, interrupt

from shoal.agents.graph.attempt import Update, attempt
from shoal.agents.graph.check import check
from shoal.agents.graph.progress import tell
from shoal.agents.graph.state import State
from shoal.agents.house import House
from shoal.agents.records.keeping import facts, keep, keep_seen, run_of
from shoal.agents.records.precedents import precedents
from shoal.agents.router import Precedent, Route
from shoal.errors import StorageError
from shoal.types import Outcome, Status, Task

LARGER = "larger"
"""The expert by URL that is asked where the others were not sure enough, or failed."""

MAX_ATTEMPTS = 2
FALLBACK = 0.2
"""A second expert gets the task only if the router gave it this probability."""


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
        started = state.get("started") or time.time()
        return {"task": task, "recalled": list(found), "started": started}

    def route(self, state: State) -> Update:
        """Asks the router, unless the request begins with a tool's own trigger."""
        task = state["task"]
        remembered = max((item.score for item in state["recalled"]), default=0.0)
        told, before = self.house.affordances(task), self._precedents(task)
        house, dial = self.house, state.get("dial")
        decision = house.router(task, house.abilities, remembered, told, before, dial)
        if any(spec.triggered_by(task.text) for spec in self.house.triggered):
            reason = "it begins as a tool's requests do"
            decision = Route({"text": 1.0}, "text", "tool", 1.0, reason)
        tell(f"routes to {decision.expert} ({decision.confidence:.2f})")
        spent = time.time() - state["started"]
        return {"decision": decision, "expert": decision.expert, "spent": spent}

    def _precedents(self, task: Task) -> Sequence[Precedent]:
        return precedents(self.house.memory, task) if self.house.remembers else ()

    def after_route(self, state: State) -> str:
        """Picks the chosen expert's node; the larger model's where the router is in doubt."""
        decision = state["decision"]
        shares = decision.probabilities
        doubts = decision.expert == "ask" and max(shares, key=shares.__getitem__) != "ask"
        return LARGER if doubts and LARGER in self.house.experts else decision.expert

    def attempt(self, name: str) -> Any:
        """Returns the node in which expert `name` attempts the task."""

        def node(state: State) -> Update:
            return attempt(self.house, name, state)

        return node

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
        task, tried = state["task"], state["tried"]
        decision = state["decision"]
        likely = decision.probabilities if decision.expert != "ask" else {}  # none was sure enough
        for name, p in sorted(likely.items(), key=lambda pair: -pair[1]):
            expert = self.house.experts.get(name)
            # With a picture at hand, looking at it comes before giving up.
            least = 0.0 if name == "vision" else FALLBACK
            if expert is None or name in tried or p < least or len(tried) >= MAX_ATTEMPTS:
                continue
            if expert.affordance(task, self.house.context(task)) > 0:
                return name
        if LARGER in self.house.experts and LARGER not in tried:
            return LARGER
        # Nobody was sure, and the larger model could not be asked: a person is.
        helpless = tried == [LARGER] and outcome.status is Status.FAILED
        return "ask" if helpless else "remember"

    def ask(self, state: State) -> Command[Any]:
        """Abstains: interrupts for a person, or ends the run with an honest status."""
        if not state.get("interactive"):
            return Command(goto="remember")
        if state.get("waiting"):
            return self._approval(state)
        reason = state["decision"].reason
        reply = interrupt({"kind": "clarify", "question": f"What should I do? {reason}"})
        task = replace(state["task"], text=str(reply))
        restart = {"task": task, "tried": [], "findings": [], "started": _resumed(state)}
        return Command(goto="recall", update=restart)

    def _approval(self, state: State) -> Command[Any]:
        tool, call = state["waiting"]
        question = {"kind": "approval", "tool": tool, "call": call}
        # Only a plain True is a yes: an irreversible call must not hang on a truthy string.
        if interrupt({**question, "question": state["outcome"].reason}) is True:
            update = {"approved": [*state.get("approved", ()), call], "started": _resumed(state)}
            return Command(goto=state["expert"], update=update)
        refused = replace(
            state["outcome"], status=Status.REFUSED, reason=f"the call of {tool} was not approved"
        )
        update = {"outcome": refused, "waiting": [], "started": _resumed(state)}
        return Command(goto="remember", update=update)

    def remember(self, state: State) -> Update:
        """Keeps what was seen or done, and the record of the run."""
        run, memory = run_of(state), self.house.memory
        if not self.house.remembers:
            return {"run": run}
        try:
            keep_seen(state.get("keep", ()), state["task"], memory)
            keep(run, memory, **facts(state, self.house.tools))
        except StorageError as error:  # the answer is there: it must not be lost as well
            run = replace(run, reason=f"{run.reason}; but it could not be recorded: {error}")
        return {"run": run}


def after_vision(state: State) -> Literal["text", "check"]:
    """Sends a question that vision could not answer on to the text expert, with the findings."""
    outcome = state["outcome"]
    if Status(outcome.status) is Status.SOLVED and "box" in outcome.evidence:
        return "check"  # a span of the page answers it
    instead = state["decision"].expert != "vision"  # the text expert did not know
    asked = (instead or state["decision"].skill == "question") and state.get("findings")
    return "text" if asked else "check"


_ORDER = (Status.FAILED, Status.NEEDS_APPROVAL, Status.REFUSED, Status.UNSURE, Status.SOLVED)


def _better(old: Sequence[Any] | None, new: tuple[str, Outcome]) -> tuple[str, Outcome]:
    # A second expert that failed must not hide what the first one could say, or why it failed.
    if old is None:
        return new
    first, second = _ORDER.index(Status(old[1].status)), _ORDER.index(new[1].status)
    kept = first > second or first == second == _ORDER.index(Status.FAILED)
    return (old[0], old[1]) if kept else new


def _resumed(state: State) -> float:
    """A start time that leaves out how long a person took to answer."""
    return time.time() - state.get("spent", 0.0)
