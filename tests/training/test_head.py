"""Heads: what is fitted, and that nothing is loaded for it that a command would wait for."""

from __future__ import annotations

import subprocess
import sys

import torch

from shoal.modalities.training.head import fit_head, held_out_logits

_FIT = """
import sys, torch
from shoal.modalities.training.head import fit_head
fit_head(torch.eye(4), torch.tensor([0, 1, 0, 1]), 2, 1e-4)
print("torch._dynamo" in sys.modules)
"""


def test_a_head_is_the_minimum_of_its_loss() -> None:
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(60, 8, generator=generator)
    labels = torch.randint(0, 3, (60,), generator=generator)

    def loss(weights: torch.Tensor, bias: torch.Tensor) -> float:
        fit = torch.nn.functional.cross_entropy(vectors @ weights + bias, labels)
        return float(fit + 1e-2 * weights.square().sum())

    weights, bias = fit_head(vectors, labels, 3, 1e-2)
    best = loss(weights, bias)
    for _ in range(20):
        moved = weights + 0.01 * torch.randn(weights.shape, generator=generator)
        assert loss(moved, bias) > best


def test_held_out_logits_come_from_heads_that_never_saw_the_row() -> None:
    vectors, labels = torch.eye(10), torch.tensor([0, 1] * 5)
    logits = held_out_logits(vectors, labels, 2, 1e-6, seed=0)
    # A one-hot row tells a head nothing that was fitted on the others: no certainty.
    assert float(logits.softmax(1).amax()) < 0.9
    weights, bias = fit_head(vectors, labels, 2, 1e-6)
    assert float((vectors @ weights + bias).softmax(1).amin(0).amax()) < 0.01


def test_fitting_leaves_the_compiler_of_torch_alone() -> None:
    ran = subprocess.run([sys.executable, "-c", _FIT], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
