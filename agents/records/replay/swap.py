"""The one part of an agent that a replay swaps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from shoal.agents.router import Route, Router
from shoal.errors import UsageError, unknown
from shoal.types import Task

if TYPE_CHECKING:
    from shoal.agents.house import House

PARTS = ("router", "expert", "text", "policy")


@dataclass(frozen=True, slots=True)
class Swap:
    """One part and what takes its place.

    Attributes:
        part: "router" (a head's file), "expert" (who gets every task), "text" (a language
            model) or "policy" (a saved policy).
        value: Its name or path.
    """

    part: str
    value: str

    @classmethod
    def of(cls, text: str) -> Swap:
        """Reads "PART=VALUE".

        Raises:
            UsageError: It is something else.
        """
        part, _, value = text.partition("=")
        if not value:
            raise UsageError(f"{text!r} swaps nothing", "it is not PART=VALUE", "--with text=MODEL")
        if part not in PARTS:
            unknown("part", part, PARTS)
        return cls(part, value)

    def __str__(self) -> str:
        return f"{self.part}={self.value}"

    def into(self, house: House) -> House:
        """Returns the house with the part swapped.

        Raises:
            UsageError: No such model, policy, expert or head.
        """
        if self.part == "router":
            return replace(house, router=_router(self.value))
        if self.part == "expert":
            return replace(house, router=_always(self.value, house))
        made = _text(self.value) if self.part == "text" else _policy(self.value)
        return replace(house, experts={**house.experts, self.part: made})


class Always:
    """A router that sends every task to one expert."""

    def __init__(self, expert: str) -> None:
        self.expert = expert

    def __call__(self, task: Task, *told: object) -> Route:
        """Returns the same route for any task."""
        return Route({self.expert: 1.0}, self.expert, "", 1.0, "the replay says so")


def _always(expert: str, house: House) -> Router:
    if expert not in house.experts:
        unknown("expert", expert, house.experts)
    return cast("Router", Always(expert))


def _router(path: str) -> Router:
    from shoal.agents.router.head import Head

    if not Path(path).is_file():
        fix = "Give a head's file (.safetensors), as shoal route train --json names it"
        raise UsageError(f"cannot read the router {path}", "there is no such file", fix)
    return Router(Head.load(Path(path)))


def _text(model: str) -> Any:
    from shoal.modalities.text import ChatShoal, TextExpert
    from shoal.modalities.text.models import load_backend

    load_backend(model)  # a run that needs none would not miss it, and "no difference" be told
    return TextExpert(ChatShoal(model=model))


def _policy(name: str) -> Any:
    from shoal.modalities.policy import Policy, PolicyExpert

    return PolicyExpert(Policy.load(name))
