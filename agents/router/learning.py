"""From trials to a better head: tune, hold against the old one, promote it or leave it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.agents.router import library
from shoal.agents.router.bandit import Trial, tuned, unreplayed
from shoal.agents.router.dial import Dial
from shoal.agents.router.facts import facts
from shoal.agents.router.head import Head
from shoal.agents.router.router import Router
from shoal.agents.router.train import embedded, task_of
from shoal.errors import UsageError
from shoal.modalities.training.card import card, listed, versions_of
from shoal.types import Cost

LEAST = 10
"""Fewer judged trials teach nothing that could be checked."""

MARGIN = 0.02
"""The new head may be worse by so much on the held-out trials, at most."""

CHECKED = 500
"""Lessons on which the new head must not be worse either: the log shows but a part of the work."""

_HELD = 0.3
_Z = 1.645
"""Of a one-sided interval of 95 %."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """What came of learning.

    Attributes:
        promoted: Whether the new head serves now.
        why: One sentence.
        figures: Trials and held-out figures of both heads.
        path: The head that serves.
    """

    promoted: bool
    why: str
    figures: dict[str, Any]
    path: Path


def learn(trials: Sequence[Trial], *, dial: Dial | None = None, seed: int = 0) -> Learnt:
    """Tunes the head that serves on trials, and promotes the outcome if it is not worse.

    Seven tenths of the trials teach, the rest judge: a choice is right where it is the expert
    that is known to be right, or agrees with one that solved the task, or avoids one that did
    not. The lower bound of the paired difference has to lie above -`MARGIN`.

    Args:
        trials: What was tried and what came of it.
        dial: What time and tokens cost in the reward.
        seed: Of the split.

    Raises:
        UsageError: Fewer than `LEAST` judged trials, or all say the same of the same expert.
        StorageError: The new head can't be saved; the old one serves.
    """
    judged = _once([t for t in trials if t.solved is not None or t.right])
    _check(judged)
    order = np.random.default_rng(seed).permutation(len(judged))
    cut = max(3, int(_HELD * len(judged)))
    held, taught = ([judged[i] for i in part] for part in (order[:cut], order[cut:]))
    old = Head.load(library.current())
    new = tuned(old, taught, dial, seed)
    figures, accepted, why = _compared(old, new, held)
    figures |= {"trials": len(judged), "held_out": len(held), "seed": seed}
    if accepted:
        kept, accepted, forgets = _remembers(old, new, seed)
        figures, why = figures | kept, forgets or why
    if not accepted:
        return Learnt(False, why, figures, library.current())
    costs = _costs(judged, old.made.get("costs", {}))
    made = {"command": "shoal route train", "from": library.current().name, **figures}
    recent = _held_out(new, held)
    head = replace(
        new, made={**made, "costs": costs}, held_out=np.concatenate([old.held_out, recent])
    )
    path = library.promote(head.content(), _card(made))
    return Learnt(True, why, figures, path)


def _once(trials: Sequence[Trial]) -> list[Trial]:
    """One trial a request and expert; those that contradict each other are left out."""
    by_request: dict[tuple[str, int, str | None, str], list[Trial]] = {}
    for trial in trials:
        key = (trial.text.strip().lower(), trial.images, trial.env, trial.expert)
        by_request.setdefault(key, []).append(trial)
    return [
        same[-1] for same in by_request.values()
        if len({(trial.solved, trial.right) for trial in same}) == 1
    ]  # fmt: skip


def _check(judged: Sequence[Trial]) -> None:
    if len(judged) < LEAST:
        raise UsageError(
            f"{len(judged)} judged trials are too few to learn from",
            f"at least {LEAST} different ones are needed",
            "Run more tasks, and say how they went: agent.feedback(run, ok=…)",
        )


def _compared(old: Head, new: Head, held: Sequence[Trial]) -> tuple[dict[str, Any], bool, str]:
    before, after = (_agrees(_said(head, held), held) for head in (old, new))
    lower = _lower(before, after)
    figures = {
        "right_before": round(float(before.mean()), 4),
        "right_after": round(float(after.mean()), 4),
        "difference_lower_bound": round(lower, 4), "margin": MARGIN,
    }  # fmt: skip
    if lower < -MARGIN:
        return (
            figures,
            False,
            f"it may be worse by {-lower:.3f}, more than {MARGIN}: left as it was",
        )
    if np.array_equal(_said(old, held), _said(new, held)):
        return figures, True, "it decides as before on the held-out trials, with other odds"
    return figures, True, f"it is not worse by more than {MARGIN} on held-out trials"


def _remembers(old: Head, new: Head, seed: int) -> tuple[dict[str, Any], bool, str]:
    """Whether the new head is as right on lessons that it did not replay: all else it knew."""
    asked = unreplayed(CHECKED, seed)
    before, after = (_agrees(_said(head, asked), asked) for head in (old, new))
    lower = _lower(before, after)
    figures = {
        "lessons_before": round(float(before.mean()), 4),
        "lessons_after": round(float(after.mean()), 4),
        "lessons_lower_bound": round(lower, 4),
    }  # fmt: skip
    forgets = f"it may forget {-lower:.3f} of what it knew, more than {MARGIN}: left as it was"
    return figures, lower >= -MARGIN, "" if lower >= -MARGIN else forgets


def _lower(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> float:
    """Of the paired difference: the one-sided bound of 95 %."""
    difference = after.astype(float) - before.astype(float)
    spread = float(difference.std(ddof=1)) / len(before) ** 0.5 if len(before) > 1 else 1.0
    return float(difference.mean()) - _Z * spread


def _routes(head: Head, trials: Sequence[Trial]) -> list[Any]:
    router, vectors = Router(head), embedded([trial.text for trial in trials])
    tasks = [task_of(trial.text, trial.images, trial.env) for trial in trials]
    return [
        router.decide(task, head(vector, facts(task)))
        for task, vector in zip(tasks, vectors, strict=True)
    ]


def _said(head: Head, trials: Sequence[Trial]) -> NDArray[Any]:
    return np.array([route.expert for route in _routes(head, trials)])


def _agrees(said: NDArray[Any], trials: Sequence[Trial]) -> NDArray[np.bool_]:
    return np.array([
        expert == trial.right if trial.right else (expert == trial.expert) == bool(trial.solved)
        for expert, trial in zip(said, trials, strict=True)
    ])  # fmt: skip


def _held_out(head: Head, held: Sequence[Trial]) -> NDArray[np.float32]:
    """Decisions for the thresholds: those whose outcome is known."""
    rows = []
    for route, trial in zip(_routes(head, held), held, strict=True):
        shares = route.probabilities
        likeliest = max(shares, key=shares.__getitem__)
        known = trial.right or (trial.expert if trial.solved else "")
        if likeliest != "ask" and (known or likeliest == trial.expert):
            rows.append((shares[likeliest], float(likeliest == known)))
    return np.array(rows, np.float32).reshape(-1, 2)


def _costs(trials: Sequence[Trial], before: dict[str, Any]) -> dict[str, Any]:
    """Each expert's median cost, where trials tell."""
    costs = dict(before)
    for expert in {trial.expert for trial in trials if trial.cost != Cost()}:
        own = [asdict(trial.cost) for trial in trials if trial.expert == expert]
        costs[expert] = {
            "seconds": float(np.median([one["seconds"] for one in own])),
            "tokens_in": int(np.median([one["tokens_in"] + one["tokens_out"] for one in own])),
        }
    return costs


def _card(made: dict[str, Any]) -> str:
    sections = {
        "How it was made": listed(made),
        "To go back": ["`shoal route undo` lets the head that served before serve again."],
    }
    about = "A head of Shoal's router: which expert gets a task. Learnt from this machine's runs."
    return card("router head", about, sections, versions_of(["torch", "numpy"]))
