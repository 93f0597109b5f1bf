"""Where reflexes lie: versions that are whole or absent, and one small file that says which serves.

`ROOT/NAME/VERSION/` holds reflex.json, card.md and the heads; `ROOT/NAME/current.json` names the
version that serves, and history.jsonl tells what happened so far. A version is made aside, synced,
renamed, and only then named there: killed at any moment, the version that served goes on serving.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from shoal.agents.reflexes.drift import Drift
from shoal.agents.reflexes.history import Event, events, note
from shoal.agents.reflexes.spec import ReflexSpec
from shoal.errors import RunError, StorageError, UsageError, unknown
from shoal.files import sha256_file, write_atomic


@dataclass(frozen=True, slots=True)
class Current:
    """What is the case with one reflex.

    Attributes:
        version: The one that serves, or that would if it were on; 0 for none.
        status: "on", "off", or "demoted".
        reason: Why.
        since: Seconds of the epoch.
        earlier: Versions that served before, for undo, the latest last.
        by_check: Drift test over spot checks, and over the verdicts of envs.
        by_word: Drift test over feedback; what nobody complains of counts as right there.
    """

    version: int
    status: str
    reason: str
    since: float
    earlier: tuple[int, ...] = ()
    by_check: Drift = field(default_factory=lambda: Drift(0.01))
    by_word: Drift = field(default_factory=lambda: Drift(0.01))

    @property
    def serves(self) -> bool:
        """Whether a version serves."""
        return self.status == "on" and self.version > 0


class Shelf:
    """The versions of all reflexes in one folder.

    Args:
        root: The folder; made with the first version.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def names(self) -> list[str]:
        """The reflexes there are, sorted."""
        found = self.root.glob("*/current.json") if self.root.is_dir() else ()
        return sorted(path.parent.name for path in found)

    def current(self, name: str) -> Current:
        """What is the case with one.

        Raises:
            UnknownNameError: There is no such reflex.
            StorageError: Its file is damaged.
        """
        path = self.root / name / "current.json"
        if not path.is_file() or "/" in name:
            unknown("reflex", name, self.names(), "List them: shoal reflexes list")
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            tests = {key: _drift(data[key]) for key in ("by_check", "by_word")}
            return Current(**{**data, **tests, "earlier": tuple(data["earlier"])})
        except (ValueError, TypeError, KeyError) as error:
            raise StorageError(
                f"{path} is damaged", str(error), f"Type: shoal reflexes off {name}"
            ) from error

    def sound(self, name: str) -> Current:
        """As `current`; where its file is damaged, the newest version, turned off.

        Raises:
            UnknownNameError: There is no such reflex.
        """
        try:
            return self.current(name)
        except StorageError:
            *earlier, version = self.versions(name) or [0]
            reason = "its file was damaged"
            return Current(version, "off", reason, time.time(), tuple(earlier))

    def spec(self, name: str, version: int) -> ReflexSpec:
        """Reads one version's reflex.json.

        Raises:
            StorageError: It is missing or damaged.
        """
        path = self.folder(name, version) / "reflex.json"
        try:
            return ReflexSpec.model_validate_json(path.read_bytes())
        except (OSError, ValueError) as error:
            raise StorageError(
                f"the reflex in {path.parent} can't be read",
                str(error).splitlines()[0],
                f"The slow path serves. Type: shoal reflexes undo {name}",
            ) from error

    def whole(self, name: str, version: int) -> ReflexSpec:
        """As `spec`, after a look at the heads it names.

        Raises:
            StorageError: Something is missing or damaged.
        """
        spec = self.spec(name, version)
        for grain, part in spec.tiers.items():
            path = self.folder(name, version) / f"{grain}.safetensors"
            if not path.is_file() or sha256_file(path) != part.sha256:
                fix = f"The slow path serves. Type: shoal reflexes undo {name}, then shoal learn"
                raise StorageError(f"{path} is missing or damaged", fix=fix)
        return spec

    def folder(self, name: str, version: int) -> Path:
        """Where a version lies."""
        return self.root / name / str(version)

    @contextmanager
    def learning(self) -> Iterator[None]:
        """Lets one process at a time learn.

        Raises:
            RunError: Another one does.
        """
        from filelock import FileLock, Timeout

        self.root.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.root / ".learning.lock", timeout=0):
                self._tidy()
                yield
        except Timeout as error:
            raise RunError(
                "nothing was learnt",
                "another shoal learn is at work in this data folder",
                "Wait for it to end, then type it again",
            ) from error

    def _tidy(self) -> None:
        """Mends what a killed process left: half a version, or one that no agent was told of."""
        for left in self.root.glob("*/.making-*"):
            shutil.rmtree(left, ignore_errors=True)
        newest = [path.stat().st_mtime_ns for path in self.root.glob("*/current.json")]
        if max(newest, default=0) > self.stamp():
            write_atomic(self.root / ".changed", "after a kill\n")

    def promote(self, spec: ReflexSpec, fill: Callable[[Path], ReflexSpec], reason: str) -> Path:
        """Adds a version and lets it serve; call within `learning`.

        Args:
            spec: Its version is the next one: `next_version`.
            fill: Writes what belongs to it into the folder it is given, and returns the
                spec that names it.
            reason: Why it is promoted.

        Raises:
            StorageError: The disk is full; the version that served goes on.
        """
        name, target = spec.name, self.folder(spec.name, spec.version)
        aside = target.with_name(f".making-{spec.version}")
        try:
            aside.mkdir(parents=True)
            whole = fill(aside)
            write_atomic(aside / "reflex.json", whole.model_dump_json(indent=1) + "\n")
            aside.rename(target)
            _sync(target.parent)
        except OSError as error:
            raise StorageError(f"could not save {target}", str(error), "Free some space") from error
        known = (self.root / name / "current.json").is_file()
        before = self.sound(name) if known else None
        served = (*before.earlier, before.version) if before and before.version else ()
        self._write(name, Current(spec.version, "on", reason, time.time(), served, *_fresh(spec)))
        return target

    def next_version(self, name: str) -> int:
        """The number that a new version gets: none twice, for records name who answered by it."""
        been = (event.version for event in events(self.root / name))
        return 1 + max((*self.versions(name), *been), default=0)

    def versions(self, name: str) -> list[int]:
        """The versions that lie there, sorted."""
        folder = self.root / name
        found = folder.iterdir() if folder.is_dir() else ()
        return sorted(int(path.name) for path in found if path.name.isdigit())

    def change(self, name: str, change: Callable[[Current], Current]) -> Current:
        """Changes what is the case with one reflex, alone among processes.

        Raises:
            UnknownNameError: There is no such reflex.
        """
        from filelock import FileLock

        self.sound(name)
        with FileLock(self.root / name / ".lock", timeout=30):
            changed = change(self.sound(name))
            self._write(name, changed)
        return changed

    def switch(self, name: str, status: str, reason: str) -> Current:
        """Turns a reflex "on", "off" or "demoted"; turning it on forgets what it was told."""

        def turn(current: Current) -> Current:
            told = (current.by_check, current.by_word)
            if status == "on" and not current.version:
                raise UsageError(f"no version of {name} is left", fix="Type: shoal learn")
            if status == "on":
                told = _fresh(self.spec(name, current.version))
            return replace(
                current, status=status, reason=reason, since=time.time(),
                by_check=told[0], by_word=told[1],
            )  # fmt: skip

        return self.change(name, turn)

    def undo(self, name: str) -> Current:
        """Goes back to the version that served before; from the first one, to none.

        Raises:
            UnknownNameError: There is no such reflex.
            UsageError: None serves already.
        """

        def back(current: Current) -> Current:
            if not current.version and not current.earlier:
                raise UsageError(f"{name} has no earlier version", fix="Type: shoal learn")
            readable = [each for each in current.earlier if self._is_readable(name, each)]
            *rest, version = readable or (0,)
            fresh = _fresh(self.spec(name, version) if version else None)
            said = f"version {current.version} was undone" if current.version else "it was before"
            status = "on" if version else "off"
            return Current(version, status, said, time.time(), tuple(rest), *fresh)

        return self.change(name, back)

    def _is_readable(self, name: str, version: int) -> bool:
        try:
            return bool(self.spec(name, version))
        except StorageError:
            return False

    def stamp(self) -> int:
        """Changes whenever another version serves, or none; cheap to ask for every task."""
        try:
            return os.stat(self.root / ".changed").st_mtime_ns
        except OSError:
            return 0

    def _write(self, name: str, current: Current) -> None:
        path = self.root / name / "current.json"
        before = _serving(path)
        write_atomic(path, json.dumps(asdict(current), indent=1) + "\n")
        if before != (current.version, current.status):
            with suppress(OSError):  # what is the case is saved; only its history is not
                event = Event(current.since, current.status, current.version, current.reason)
                note(path.parent, before, event)
            write_atomic(self.root / ".changed", f"{name} {current.version} {current.status}\n")


def _fresh(spec: ReflexSpec | None) -> tuple[Drift, Drift]:
    """The tests of a version that begins to serve: by checks, and by words."""
    return (Drift(spec.differs), Drift(spec.expected)) if spec else (Drift(0.01), Drift(0.01))


def _drift(data: Mapping[str, Any]) -> Drift:
    return Drift(**{**data, "totals": tuple(float(total) for total in data["totals"])})


def _serving(path: Path) -> tuple[int, str] | None:
    try:
        data: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return int(data["version"]), str(data["status"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
