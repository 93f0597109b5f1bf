"""Groups examples into kinds of work that repeat, each in order of time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from shoal.agents.reflexes.examples import Example
from shoal.agents.reflexes.kinds import ANY, Kind, subject_of

Group = list[Example]


def grouped(found: Sequence[Example], user: str, least: int) -> dict[Kind, Group]:
    """Returns the examples of each kind.

    A conversation with enough examples of one form is a kind of its own, so that two
    workloads share nothing; the rest of that form is one kind.

    Args:
        found: In order of time.
        user: Whose they are.
        least: Examples from which a conversation stands alone.
    """
    subjects = [subject_of(example.task) for example in found]
    keys = [(e.form, e.task.thread, s) for e, s in zip(found, subjects, strict=True)]
    sizes = Counter(keys)
    groups: dict[Kind, Group] = {}
    for example, (form, thread, subject) in zip(found, keys, strict=True):
        alone = sizes[form, thread, subject] >= least
        kind = Kind(form, user, thread if alone else ANY, subject)
        groups.setdefault(kind, []).append(example)
    return groups
