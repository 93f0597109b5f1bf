"""Fits the router's head on the authored examples: `python -m shoal.agents.router.train`.

A request's embedding and its facts (`shoal.agents.router.facts`) go in. Multinomial logistic
regression with an L2 penalty, then one temperature fitted on cross-validated logits (Guo et
al. 2017, "On Calibration of Modern Neural Networks").
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import torch

from shoal.agents.router.facts import facts
from shoal.agents.router.head import SHIPPED, Head
from shoal.modalities.policy.spec import wilson
from shoal.modalities.training.head import FOLDS, fit_head, held_out_logits
from shoal.types import Task

EXAMPLES = Path(__file__).with_name("examples.toml")
SEED, PENALTY = 0, 1e-4


def examples(path: Path = EXAMPLES) -> tuple[list[str], list[str]]:
    """Reads the authored requests and the skill each one needs."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    pairs = [(text, skill) for skill, texts in table.items() for text in texts]
    return [text for text, _ in pairs], [skill for _, skill in pairs]


def train(path: Path = SHIPPED) -> dict[str, Any]:
    """Fits, calibrates and saves the head; returns the cross-validated figures."""
    from shoal.modalities.text import text_encoder

    texts, names = examples()
    skills = tuple(sorted(set(names)))
    embedded = torch.from_numpy(text_encoder().embed(texts))
    told = torch.from_numpy(np.stack([facts(Task(text)) for text in texts]))
    x = torch.cat([embedded, told], 1)
    y = torch.tensor([skills.index(name) for name in names])
    logits = held_out_logits(x, y, len(skills), PENALTY, SEED)
    temperature = _temperature(logits, y)
    weights, bias = fit_head(x, y, len(skills), PENALTY)
    figures = {
        "n": len(texts), "folds": FOLDS, "seed": SEED, "penalty": PENALTY,
        "temperature": round(temperature, 4), **_figures(logits / temperature, y, skills),
    }  # fmt: skip
    parts = (weights / temperature, bias / temperature, embedded, y)
    head = Head(skills, *map(_array, parts))
    head.save(path, figures)
    return figures


def _array(tensor: torch.Tensor) -> Any:
    return np.ascontiguousarray(tensor.detach().numpy(), dtype=np.float32)


def _temperature(logits: torch.Tensor, y: torch.Tensor) -> float:
    candidates = torch.logspace(-1.5, 1, 200)
    losses = [torch.nn.functional.cross_entropy(logits / t, y) for t in candidates]
    return float(candidates[int(torch.stack(losses).argmin())])


def _figures(logits: torch.Tensor, y: torch.Tensor, skills: tuple[str, ...]) -> dict[str, Any]:
    experts = [skill.partition(".")[0] for skill in skills]
    # An example about images comes with one, an example about acting with an env; the
    # router's facts rule the other of the two out, so the figures do as well.
    usual = _masked(logits, y, experts, ("vision", "policy")).softmax(1)
    with_env = _masked(logits, y, experts, ("vision",)).argmax(1)
    picked = usual.argmax(1)
    right = _right(picked, y, experts)
    return {
        "skill_accuracy": round(float((picked == y).float().mean()), 4),
        "expert_accuracy": round(right / len(y), 4),
        "expert_accuracy_95": [round(p, 4) for p in wilson(right, len(y))],
        "expert_accuracy_if_all_had_an_env": round(_right(with_env, y, experts) / len(y), 4),
        "mean_confidence": round(float(usual.amax(1).mean()), 4),
    }


def _right(picked: torch.Tensor, y: torch.Tensor, experts: list[str]) -> int:
    return sum(experts[int(a)] == experts[int(b)] for a, b in zip(picked, y, strict=True))


def _masked(
    logits: torch.Tensor, y: torch.Tensor, experts: list[str], which: tuple[str, ...]
) -> torch.Tensor:
    masked = logits.clone()
    for column, expert in enumerate(experts):
        if expert in which:
            absent = torch.tensor([experts[int(label)] != expert for label in y])
            masked[absent, column] = -torch.inf
    return masked


if __name__ == "__main__":
    for name, figure in train().items():
        print(f"{name:18} {figure}")
