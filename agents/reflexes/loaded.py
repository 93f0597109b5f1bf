"""The reflexes that serve, loaded, and loaded anew when another version is promoted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from shoal.agents.reflexes import acting, choosing
from shoal.agents.reflexes.acting import Actor
from shoal.agents.reflexes.choosing import Chooser
from shoal.agents.reflexes.kinds import Kind
from shoal.agents.reflexes.shelf import Shelf
from shoal.agents.reflexes.spec import ReflexSpec
from shoal.errors import ShoalError
from shoal.types import Task


@dataclass(frozen=True, slots=True)
class Serving:
    """One reflex that serves.

    Attributes:
        spec: Its version.
        kind: Its work.
        model: What does it.
    """

    spec: ReflexSpec
    kind: Kind
    model: Chooser | Actor

    @property
    def name(self) -> str:
        """The reflex's name."""
        return self.kind.name


class Loaded:
    """All reflexes of one user that serve.

    Args:
        shelf: Where they lie.
        user: Whose they are.
    """

    def __init__(self, shelf: Shelf, user: str) -> None:
        self._shelf, self._user = shelf, user
        self._stamp, self._serving = -1, dict[str, Serving]()
        self.broken: dict[str, str] = {}

    def fitting(self, task: Task) -> Iterator[Serving]:
        """Yields those whose work a task could be, by its outside."""
        stamp = self._shelf.stamp()
        if stamp != self._stamp:
            self._stamp = stamp
            self._load()
        yield from (each for each in self._serving.values() if each.kind.takes(task))

    def _load(self) -> None:
        """Loads what serves now; one that is damaged is left out, and the slow path serves."""
        before, self._serving, self.broken = self._serving, {}, {}
        for name in self._shelf.names():
            try:
                current = self._shelf.current(name)
                if not current.serves:
                    continue
                known = before.get(name)
                if known is None or known.spec.version != current.version:
                    known = self._opened(self._shelf.spec(name, current.version))
                if known.kind.user == self._user:
                    self._serving[name] = known
            except ShoalError as error:
                self.broken[name] = str(error)

    def _opened(self, spec: ReflexSpec) -> Serving:
        kind = spec.kind.kind()
        folder = self._shelf.folder(spec.name, spec.version)
        if spec.policy is not None:
            return Serving(spec, kind, acting.load(spec.policy, folder))
        return Serving(spec, kind, choosing.load(spec, folder))
