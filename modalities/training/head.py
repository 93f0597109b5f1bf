"""What is fitted on vectors and logits alone, in seconds: head, temperature, threshold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy

Floats = NDArray[np.float32]
_PENALTIES = (1e-6, 3e-6, 1e-5, 3e-5, 1e-4)
FOLDS = 5
_TEMPERATURES = torch.logspace(-1.5, 1.5, 200)


class Vectors(Protocol):
    """All that a fit needs of its rows (n, d): a tensor, or what stands for one too large."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns."""
        ...

    def __matmul__(self, weights: torch.Tensor, /) -> torch.Tensor:
        """float32 (n, k), from `(d, k)`."""
        ...


def fit_head(
    vectors: Vectors,
    labels: torch.Tensor,
    classes: int,
    penalty: float,
    *,
    shares: torch.Tensor | None = None,
    iterations: int = 200,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Fits softmax regression with an L2 penalty.

    Args:
        vectors: float32 (n, d).
        labels: int64 (n,).
        classes: How many there are.
        penalty: Weight of the squared weights.
        shares: float32 (n,), how much each row counts; all the same by default.
        iterations: At most so many steps of L-BFGS.

    Returns:
        Weights float32 (d, classes) and bias float32 (classes,).
    """
    weights = torch.zeros(vectors.shape[1], classes, requires_grad=True)
    bias = torch.zeros(classes, requires_grad=True)
    _leave_the_compiler_out()
    optimizer = torch.optim.LBFGS(
        [weights, bias], max_iter=iterations, line_search_fn="strong_wolfe"
    )
    share = torch.ones(len(labels)) if shares is None else shares
    share = share / share.sum()

    def loss() -> float:
        optimizer.zero_grad()
        losses = cross_entropy(vectors @ weights + bias, labels, reduction="none")
        value = losses @ share + penalty * weights.square().sum()
        value.backward()
        return float(value.detach())

    optimizer.step(loss)
    return weights.detach(), bias.detach()


def _leave_the_compiler_out() -> None:
    """Keeps optimizers from importing torch's compiler, 1 to 2 s for nothing compiled.

    torch wraps these methods to hide them from it, and imports it on their first call
    unless the wrapped function knows already what to call instead. A torch that does this
    in another way imports the compiler, and all else works as before.
    """
    for name in ("__init__", "add_param_group", "zero_grad"):
        wrapped = getattr(getattr(torch.optim.Optimizer, name), "__wrapped__", None)
        if wrapped is not None and not hasattr(wrapped, "__dynamo_disable"):
            wrapped.__dynamo_disable = wrapped


def solved_head(vectors: torch.Tensor, logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns the linear head nearest to given logits, by ridge regression.

    Args:
        vectors: float32 (n, d).
        logits: float32 (n, k).

    Returns:
        Weights float32 (d, k) and bias float32 (k,).
    """
    bias = logits.mean(0)
    gram = vectors.T @ vectors
    gram += 1e-2 * gram.diagonal().mean() * torch.eye(len(gram))
    return torch.linalg.solve(gram, vectors.T @ (logits - bias)), bias


@dataclass(frozen=True, slots=True)
class HeadFit:
    """How a head is fitted.

    Attributes:
        penalty: See `fit_head`.
        temperature: What its weights and bias are divided by, so that it is not too sure.
    """

    penalty: float
    temperature: float

    def head(
        self, vectors: torch.Tensor, labels: torch.Tensor, k: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Fits one: weights float32 (d, k) and bias float32 (k,)."""
        weights, bias = fit_head(vectors, labels, k, self.penalty)
        return weights / self.temperature, bias / self.temperature


def best_fit(
    vectors: torch.Tensor, labels: torch.Tensor, held: torch.Tensor, truth: torch.Tensor, k: int
) -> HeadFit:
    """Fits heads with several penalties and returns the way that validates best.

    Args:
        vectors: float32 (n, d), to fit on.
        labels: int64 (n,), their classes.
        held: float32 (m, d), to choose by.
        truth: int64 (m,), their classes.
        k: Number of classes.
    """
    tried = []
    for penalty in _PENALTIES:
        weights, bias = fit_head(vectors, labels, k, penalty)
        logits = held @ weights + bias
        temperature = fit_temperature(logits, truth)
        loss = float(cross_entropy(logits / temperature, truth))
        # Never sharper: where few rows are held out and all right, no temperature is too low.
        tried.append((loss, HeadFit(penalty, max(1.0, temperature))))
    return min(tried, key=lambda one: one[0])[1]


def cross_fitted(
    vectors: torch.Tensor, labels: torch.Tensor, classes: int, seed: int
) -> torch.Tensor:
    """Returns what heads say about rows that they were not fitted on.

    Args:
        vectors: float32 (n, d).
        labels: int64 (n,).
        classes: How many there are.
        seed: Of the folds.

    Returns:
        Calibrated probabilities, float32 (n, classes).
    """
    logits = held_out_logits(vectors, labels, classes, _PENALTIES[1], seed)
    return (logits / fit_temperature(logits, labels)).softmax(1)


def held_out_logits(
    vectors: torch.Tensor, labels: torch.Tensor, classes: int, penalty: float, seed: int
) -> torch.Tensor:
    """Fits a head on each four fifths and returns what it says of the rest.

    Args:
        vectors: float32 (n, d).
        labels: int64 (n,).
        classes: How many there are.
        penalty: See `fit_head`.
        seed: Of the folds.

    Returns:
        float32 (n, classes).
    """
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    logits = torch.zeros(len(labels), classes)
    for fold in range(FOLDS):
        held = order[fold::FOLDS]
        kept = torch.ones(len(labels), dtype=torch.bool)
        kept[held] = False
        weights, bias = fit_head(vectors[kept], labels[kept], classes, penalty)
        logits[held] = vectors[held] @ weights + bias
    return logits


def fit_loss(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """The cross entropy at the best temperature: ranks heads whatever their scale."""
    return cross_entropy(logits / fit_temperature(logits, truth), truth)


def fit_temperature(logits: torch.Tensor, truth: torch.Tensor) -> float:
    """Returns the temperature with the least cross entropy (Guo et al. 2017).

    Args:
        logits: float32 (n, k), of rows that were not trained on.
        truth: int64 (n,).
    """
    losses = [cross_entropy(logits / t, truth) for t in _TEMPERATURES]
    return float(_TEMPERATURES[int(torch.stack(losses).argmin())])


def calibrated_temperature(logits: torch.Tensor, truth: torch.Tensor) -> float:
    """Returns the temperature of `fit_temperature`, but sharpens no more than rows can show.

    Where all rows are right, the cross entropy has no minimum: the sharper, the less, and
    whatever the classifier is asked later, it would be certain. n rows that are all right
    show no more than that the next one is right with a probability of (n + 1) / (n + 2)
    (Laplace's rule of succession). So the likeliest classes' mean probability may be more
    only where it is so at a temperature of 1, as trained. Where some rows are wrong, the
    fit alone stays below.

    Args:
        logits: float32 (n, k), of rows that were not trained on.
        truth: int64 (n,).
    """
    fitted, most = fit_temperature(logits, truth), (len(truth) + 1) / (len(truth) + 2)
    if fitted >= 1:
        return fitted
    tried = [float(t) for t in _TEMPERATURES if fitted <= float(t) < 1]
    return next((t for t in tried if (logits / t).softmax(1).amax(1).mean() <= most), 1.0)


def fit_threshold(known: Floats, right: NDArray[np.bool_], loss: float) -> float:
    """Returns the highest score to reject below that costs at most `loss` of the accuracy.

    Args:
        known: float32 (n,), scores of in-scope validation texts.
        right: bool (n,), which of them are labelled right.
        loss: Share of all n that may be right and yet rejected.
    """
    scores = np.sort(known[right])
    if not len(scores):
        return float("-inf")
    allowed = min(int(loss * len(known)), len(scores) - 1)
    return float(scores[allowed])
