"""What people say of a run, kept with its record, atomically and only once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from shoal.agents.records.reading import find
from shoal.agents.records.record import Correction, Feedback, Record, Review
from shoal.errors import StorageError, UsageError

if TYPE_CHECKING:
    from shoal.agents.memory import MemoryStore

LONGEST = 20_000
"""Characters that a correction may have."""


def give_feedback(
    memory: MemoryStore,
    run: str,
    ok: bool | None = None,
    correction: Correction | None = None,
    by: str = "user",
    functions: Sequence[Mapping[str, Any]] = (),
) -> Record:
    """Notes what one speaker says of a run; the same word twice changes nothing.

    Args:
        memory: Where the record is.
        run: The run's id, or the start of it.
        ok: Whether it was right; None withdraws what this speaker said before.
        correction: What the answer should have been; says by itself that it was wrong.
        by: Who says so.
        functions: Of the tool that a correction names: the run called another, or none, and
            without its schema the call can't be learnt.

    Returns:
        The record as it is now.

    Raises:
        UnknownNameError: No such run, or it has no record yet.
        UsageError: The word makes no sense: right and corrected, or no JSON.
        StorageError: It could not be saved; what was there is intact.
    """
    word = Feedback(_checked(ok, correction), correction, _speaker(by), time.time())

    def say(data: dict[str, Any]) -> bool:
        said = data.get("feedback", ())
        words = [old for old in said if old.get("by", word.by) != word.by]
        before = [old for old in said if old.get("by", word.by) == word.by]
        new = json.loads(json.dumps(asdict(word)))
        if any({**old, "at": 0} == {**new, "at": 0} for old in before):
            return False
        data["feedback"] = [*words, new]
        known = {function.get("name") for function in data.get("functions", ())}
        added = [each for each in functions if each.get("name") not in known]
        if added:
            data["functions"] = [*data.get("functions", ()), *added]
        return True

    return _changed(memory, run, say)


def review(memory: MemoryStore, run: str, approved: bool, by: str = "user") -> Record:
    """Notes a person's decision whether a record may become training data.

    Raises:
        UnknownNameError: No such run.
        StorageError: It could not be saved; what was there is intact.
    """
    decided = asdict(Review(approved, _speaker(by), time.time()))

    def decide(data: dict[str, Any]) -> bool:
        data["review"] = decided
        return True

    return _changed(memory, run, decide)


@contextmanager
def alone(memory: MemoryStore) -> Iterator[None]:
    """Lets one process at a time read, change and write records of this memory."""
    from filelock import FileLock, Timeout

    try:
        with FileLock(f"{memory.path}.records.lock", timeout=30):
            yield
    except Timeout as error:
        raise StorageError(
            "the record could not be changed",
            "another process has been changing records for 30 s",
            "What was stored before is intact; try again",
        ) from error


def _changed(memory: MemoryStore, run: str, change: Callable[[dict[str, Any]], bool]) -> Record:
    key = f"run-{find(memory, run).id}"
    namespace = ("shoal", memory.user, "run")
    with alone(memory):
        item = memory.get(namespace, key)
        if item is not None:  # None: forgotten a moment ago; `find` names it
            value = {**item.value, "data": {**item.value["data"]}}
            if change(value["data"]):
                memory.put(namespace, key, value)
    return find(memory, key)


def _checked(ok: bool | None, correction: Correction | None) -> bool | None:
    if ok not in (True, False, None):
        raise UsageError(f"{ok!r} is no verdict", "ok is True, False or None")
    if correction is None:
        return ok
    if ok:
        raise UsageError("a run that was right needs no correction", fix="Leave one of them out")
    _check_correction(correction)
    return False


def _check_correction(correction: Correction) -> None:
    try:
        size = len(json.dumps(correction, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise UsageError("the correction can't be kept", f"it is not JSON: {error}") from error
    if not isinstance(correction, str | dict) or not correction or not str(correction).strip():
        raise UsageError("the correction is empty or neither text nor a call")
    if size > LONGEST:
        raise UsageError("the correction is too long", f"{size:,} characters, {LONGEST:,} go")


def _speaker(by: str) -> str:
    if not isinstance(by, str) or not by.strip():
        raise UsageError("nobody says so", "`by` is empty", 'Name the speaker: by="user"')
    return by.strip()[:100]
