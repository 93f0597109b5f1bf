"""What a reflex does once it has chosen: says a label, calls a tool of today, or plays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from shoal.agents.house import CURRENT
from shoal.agents.reflexes.choosing import Choice, Chooser
from shoal.agents.reflexes.loaded import Serving
from shoal.agents.reflexes.templates import Unfilled
from shoal.agents.tools.toolbox import Toolbox
from shoal.modalities.policy.episode import Episode
from shoal.types import Cost, Outcome, Status, Step, Task, Value

if TYPE_CHECKING:
    from shoal.agents.house import House


class Hands:
    """Calls the house's tools for reflexes; a toolbox is made once, not for each task.

    Args:
        house: Has the tools.
    """

    def __init__(self, house: House) -> None:
        self._house = house
        self._boxes: dict[bool, Toolbox] = {}

    def says(self, serving: Serving, choice: Choice) -> Outcome:
        """The outcome of naming a label."""
        answer = Value(choice.what.label, "model")
        step = _chose(serving, choice)
        reason = f"{serving.name} is sure of it ({choice.confidence:.2f})"
        return Outcome(Status.SOLVED, answer, reason, choice.confidence, (step,))

    def arguments(
        self, model: Chooser, choice: Choice, task: Task, *, approve: bool
    ) -> dict[str, Any] | None:
        """What to call the chosen tool with; None where the slow path has to.

        That is where the tool is gone, would need an approval that is not given, or where
        the request does not hold what it needs.
        """
        name, box = choice.what.label, self._box(approve)
        if name not in box:
            return None
        declared = box[name].metadata or {}
        if declared.get("side_effects") == "irreversible" and not approve:
            return None
        if declared.get("needs") == "image":
            return None
        try:
            return model.fill(choice.what, task.text)
        except Unfilled:
            return None

    def calls(
        self,
        serving: Serving,
        choice: Choice,
        task: Task,
        given: Mapping[str, Any],
        *,
        approve: bool,
    ) -> Outcome | None:
        """Calls the tool; None where it failed and the slow path may try, for no harm was done.

        Raises:
            RunError: A tool with side effects took too long.
        """
        box, token = self._box(approve), CURRENT.set(task)
        try:
            step = box.call(choice.what.label, given)
        finally:
            CURRENT.reset(token)
        harmless = (box[step.name].metadata or {}).get("side_effects") == "none"
        if not step.ok and harmless:
            return None
        steps, cost = (_chose(serving, choice), step), Cost(tool_calls=1)
        if not step.ok:
            reason = f"{step.name} failed: {step.result.text}"
            return Outcome(Status.FAILED, None, reason, 0.0, steps, cost)
        reason = f"{step.name} gave the answer"
        return Outcome(Status.SOLVED, step.result, reason, choice.confidence, steps, cost)

    def _box(self, approve: bool) -> Toolbox:
        if approve not in self._boxes:
            self._boxes[approve] = Toolbox(
                self._house.tools,
                seconds=self._house.tool_seconds,
                approve=lambda name, arguments: approve,
            )
        return self._boxes[approve]


def played(serving: Serving, task: Task, episode: Episode) -> Outcome:
    """The outcome of an episode; the env's own verifier says how it ended."""
    done, plural = f"{episode.goal} in {task.env}", "s" if episode.steps != 1 else ""
    ending = f"in {episode.steps} step{plural}"
    told = Value(f"{'Done' if episode.success else 'Not done'}: {done}, {ending}.", "tool")
    part = serving.spec.policy
    arguments = {"env": task.env, "goal": episode.goal, "seed": task.seed}
    step = Step("policy", part.name if part else "", arguments, told, ok=episode.success,
                confidence=episode.expected)  # fmt: skip
    why = "the env's own verifier says so" if episode.success else episode.failure
    return Outcome(
        Status.SOLVED if episode.success else Status.FAILED,
        told if episode.success else None,
        f"{done}: {why}",
        episode.expected if episode.success else 0.0,
        (step,),
        Cost(env_steps=episode.steps),
    )


def _chose(serving: Serving, choice: Choice) -> Step:
    told = {"version": serving.spec.version, "grain": choice.grain}
    return Step("reflex", serving.name, told, Value(choice.what.label, "model"),
                confidence=choice.confidence)  # fmt: skip
