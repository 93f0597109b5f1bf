"""What the levels take: the five tasks and how much may lie about."""

from __future__ import annotations

from shoal.errors import UsageError, unknown

TASKS = ("goto", "pickup", "open", "putnext", "pick_up_seq_go_to")
"""BALROG's tasks, by the last part of their id there."""

MOST_DISTRACTORS = 12
"""With more, rooms in which everything can be reached take seconds to minutes to draw."""


def check_task(task: str | None) -> str | None:
    """Returns the task as given.

    Raises:
        UnknownNameError: It is none of `TASKS`.
    """
    if task is not None and task not in TASKS:
        unknown("task", str(task), TASKS, f"Known: {', '.join(TASKS)}; or leave it out for all")
    return task


def check_distractors(count: int) -> int:
    """Returns the number of distractors as given.

    Raises:
        UsageError: It is no whole number from 0 to `MOST_DISTRACTORS`.
    """
    whole = isinstance(count, int) and not isinstance(count, bool)
    if not whole or not 0 <= count <= MOST_DISTRACTORS:
        raise UsageError(
            f"num_dists={count!r} cannot be placed",
            f"a room of 6 x 6 cells takes a whole number from 0 to {MOST_DISTRACTORS}",
            "Write num_dists=0 for none, or 8 for as many as the level's authors used",
        )
    return count
