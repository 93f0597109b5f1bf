"""Fits the router's head on the lessons: `python -m shoal.agents.router.train`.

Multinomial logistic regression with an L2 penalty on what `features` makes of a request and its
facts, then one temperature fitted on cross-validated logits (Guo et al. 2017, "On Calibration of
Modern Neural Networks"). Folds hold whole wordings out, with all their fillings and circumstances.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from shoal.agents.router.courtesy import bare
from shoal.agents.router.facts import NAMES
from shoal.agents.router.head import SHIPPED, Head
from shoal.agents.router.lessons import Lesson, lessons
from shoal.agents.router.readings import Readings
from shoal.modalities.cores import one_thread
from shoal.modalities.training.head import fit_head
from shoal.statistics import calibration_error, wilson
from shoal.types import ImageRef, Task

SEED, PENALTY, FOLDS, ITERATIONS = 0, 1e-5, 5, 60
HELD_OUT = 5000
"""Requests that the thresholds rest on, at most: the head stays under a megabyte."""
EXAMPLES = 1500
"""Requests that the head keeps, to tell what is like your own experts' examples and what is not."""

_PICTURE = ImageRef("0" * 64, "image/png", 1, 1)
"""Stands for a picture: the head reads no more of one than that it is there."""


@dataclass(frozen=True, slots=True)
class Lot:
    """Lessons as arrays.

    Attributes:
        x: What the head reads, (n, 3 d + f).
        y: int64 (n,), columns of `skills`.
        shares: float32 (n,), how much each counts.
        wordings: int64 (n,).
        clean: bool (n,), what figures and calibration rest on.
        skills: Names of the columns.
    """

    x: Readings
    y: torch.Tensor
    shares: torch.Tensor
    wordings: torch.Tensor
    clean: torch.Tensor
    skills: tuple[str, ...]

    @classmethod
    def of(cls, taught: Sequence[Lesson]) -> Lot:
        """Embeds lessons."""
        skills = tuple(sorted({lesson.skill for lesson in taught}))
        return cls(
            Readings.of([task_of(one.text, one.images, one.env) for one in taught]),
            torch.tensor([skills.index(lesson.skill) for lesson in taught]),
            torch.tensor([lesson.weight for lesson in taught]),
            torch.tensor([lesson.wording for lesson in taught]),
            torch.tensor([lesson.clean for lesson in taught]),
            skills,
        )

    @property
    def experts(self) -> list[str]:
        """The expert of each column."""
        return [skill.partition(".")[0] for skill in self.skills]


def task_of(text: str, images: int, env: str | None) -> Task:
    """A task that holds so many pictures, for its facts alone."""
    return Task(text, (_PICTURE,) * images, env)


def embedded(texts: Sequence[str]) -> NDArray[np.float32]:
    """Embeds texts, each once: float32 (n, d)."""
    from shoal.modalities.text import text_encoder

    read = [bare(text) for text in texts]
    place = {text: i for i, text in enumerate(dict.fromkeys(read))}
    return text_encoder().embed(list(place))[[place[text] for text in read]]


def train(path: Path = SHIPPED) -> dict[str, Any]:
    """Fits, calibrates and saves the head; returns the cross-validated figures."""
    taught = lessons(SEED)
    lot = Lot.of(taught)
    with one_thread():
        logits = possible(_held_out(lot), lot)
        temperature = _temperature(logits, lot)
        weights, bias = fitted(lot)
    figures, held_out = _figures(logits / temperature, lot)
    figures = {
        "command": "python -m shoal.agents.router.train", "lessons": len(taught),
        "wordings": int(lot.wordings.max()) + 1, "folds": FOLDS, "seed": SEED,
        "penalty": PENALTY, "temperature": round(temperature, 4), **figures,
    }  # fmt: skip
    first = np.array([i for i in range(len(taught)) if _first(taught, i)])
    first = first[np.linspace(0, len(first) - 1, min(EXAMPLES, len(first))).astype(int)]
    examples, labels = lot.x.embeddings[lot.x.texts[first]].numpy(), lot.y.numpy()[first]
    head = Head(
        lot.skills, _array(weights / temperature), _array(bias / temperature),
        examples, labels.astype(np.float32), held_out, figures,
    )  # fmt: skip
    head.save(path)
    return figures


def _first(taught: Sequence[Lesson], place: int) -> bool:
    """Whether it is the first lesson of its wording: one example a wording is enough."""
    return place == 0 or taught[place - 1].wording != taught[place].wording


def fitted(lot: Lot, kept: torch.Tensor | None = None) -> tuple[Any, Any]:
    """Weights (3 d + f, k) and bias (k,) of the lessons that are kept, before any temperature."""
    rows = torch.ones(len(lot.y), dtype=torch.bool) if kept is None else kept
    k, shares = len(lot.skills), lot.shares[rows]
    return fit_head(lot.x[rows], lot.y[rows], k, PENALTY, shares=shares, iterations=ITERATIONS)


def _held_out(lot: Lot) -> torch.Tensor:
    seeded = torch.Generator().manual_seed(SEED)
    order = torch.randperm(int(lot.wordings.max()) + 1, generator=seeded)
    fold = (order % FOLDS)[lot.wordings]
    logits = torch.zeros(len(lot.y), len(lot.skills))
    for number in range(FOLDS):
        weights, bias = fitted(lot, fold != number)
        logits[fold == number] = lot.x[fold == number] @ weights + bias
    return logits


def possible(logits: torch.Tensor, lot: Lot) -> torch.Tensor:
    """Rules out vision without a picture and the policy without an env, as the router does."""
    masked = logits.clone()
    for expert, fact in (("vision", "image"), ("policy", "env")):
        gone = lot.x.told[:, NAMES.index(fact)] == 0
        columns = torch.tensor([e == expert for e in lot.experts])
        masked[gone.unsqueeze(1) & columns] = -1e4
    return masked


def _array(tensor: torch.Tensor) -> Any:
    return np.ascontiguousarray(tensor.detach().numpy(), dtype=np.float32)


def _temperature(logits: torch.Tensor, lot: Lot) -> float:
    candidates = torch.logspace(-1, 1, 100)
    entropy = torch.nn.functional.cross_entropy
    shares = lot.shares * lot.clean
    losses = [entropy(logits / t, lot.y, reduction="none") @ shares for t in candidates]
    return float(candidates[int(torch.stack(losses).argmin())])


def _figures(logits: torch.Tensor, lot: Lot) -> tuple[dict[str, Any], NDArray[np.float32]]:
    """Cross-validated figures over the usual circumstances, and what the thresholds rest on."""
    clean = lot.clean.numpy()
    sure, chosen, truth = (told[clean] for told in chosen_experts(logits.softmax(1), lot))
    right = chosen == truth
    ask, n = truth == "ask", len(truth)
    figures = {
        "expert_accuracy": round(float(right.mean()), 4),
        "expert_accuracy_95": [round(p, 4) for p in wilson(int(right.sum()), n)],
        "abstention_recall": round(float((chosen[ask] == "ask").mean()), 4),
        "false_abstention": round(float((chosen[~ask] == "ask").mean()), 4),
        "ece": round(calibration_error(sure, right), 4),
    }
    # Fillings of one wording stand or fall together: one of them, drawn at random, speaks for all.
    order = np.random.default_rng(SEED).permutation(n)
    once = order[np.sort(np.unique(lot.wordings.numpy()[clean][order], return_index=True)[1])]
    acted = once[chosen[once] != "ask"][:HELD_OUT]
    return figures, np.stack([sure[acted], right[acted].astype(np.float32)], 1)


def chosen_experts(probabilities: torch.Tensor, lot: Lot) -> tuple[Any, Any, Any]:
    """For each lesson the likeliest expert's probability, its name, and the right one's."""
    names = np.array(sorted(set(lot.experts)))
    columns = torch.tensor([[e == name for name in names] for e in lot.experts]).float()
    sure, best = (probabilities @ columns).max(1)
    return sure.numpy(), names[best.numpy()], np.array(lot.experts)[lot.y.numpy()]


if __name__ == "__main__":
    for name, figure in train().items():
        print(f"{name:18} {figure}")
