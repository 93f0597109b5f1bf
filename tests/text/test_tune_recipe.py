"""What a classifier is trained by: contrast, batches of pairs, names of labels, the first head."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, normalize

from shoal.modalities.text.tune.contrast import contrast
from shoal.modalities.text.tune.data import Rows
from shoal.modalities.text.tune.examples import OUTSIDE, Examples, paired_batches
from shoal.modalities.text.tune.label_names import with_names
from shoal.modalities.training.head import best_fit, calibrated_temperature, fit_temperature


def test_contrast_is_less_where_classes_lie_apart() -> None:
    classes = torch.tensor([0, 0, 1, 1])
    apart = torch.tensor([[1.0, 0], [1, 0], [0, 1], [0, 1]])
    mixed = torch.tensor([[1.0, 0], [0, 1], [1, 0], [0, 1]])
    least = math.log(1 + 2 * math.exp(-10))  # the temperature is 0.1
    assert float(contrast(apart, classes)) == pytest.approx(least, abs=1e-5)
    assert float(contrast(mixed, classes)) == pytest.approx(10 + least, abs=1e-5)


def test_contrast_keeps_texts_out_of_scope_at_a_distance_only() -> None:
    vectors = normalize(torch.randn(4, 8, generator=torch.Generator().manual_seed(0)), dim=1)
    outside = torch.tensor([OUTSIDE, OUTSIDE, 0, 0])
    vectors.requires_grad_()
    contrast(vectors, outside).backward()
    assert vectors.grad is not None
    assert (vectors.grad.norm(dim=1) > 0).all()
    away = vectors.detach().clone()
    away[:2] = -away[2:].mean(0)
    assert contrast(away, outside) < contrast(vectors.detach(), outside)
    alone = contrast(vectors, torch.tensor([0, 1, 2, OUTSIDE]))
    assert float(alone) == 0  # nobody has a partner


def test_every_row_is_in_one_batch_and_beside_rows_of_its_class() -> None:
    draw = np.random.default_rng(0)
    classes = np.repeat(np.arange(OUTSIDE, 9), [3, 40, 40, 9, 10, 10, 10, 10, 10, 1])
    ids = [[1] * int(n) for n in draw.integers(3, 60, len(classes))]
    examples = Examples(ids, classes)
    first, second = (paired_batches(examples, 16, 5, epoch) for epoch in (0, 1))
    assert len(first) == len(second)
    assert first == paired_batches(examples, 16, 5, 0)
    assert first != second
    for batches in (first, second):
        assert sorted(row for batch in batches for row in batch) == list(range(len(classes)))
        assert max(map(len, batches)) <= 16
    # Each class is cut into fours: but for what is left over, all rows have partners.
    partners = [sum(classes[row] == classes[o] for o in b) - 1 for b in first for row in b]
    assert np.mean(np.array(partners) >= 3) > 0.7


@pytest.mark.parametrize(("size", "most"), [(1, 1), (2, 2), (3, 3), (4, 4), (7, 4), (8, 8)])
def test_small_batches_are_as_small_as_told(size: int, most: int) -> None:
    classes = np.repeat(np.arange(OUTSIDE, 2), [5, 24, 24])
    batches = paired_batches(Examples([[1]] * len(classes), classes), size, 0, 0)
    assert sorted(row for batch in batches for row in batch) == list(range(len(classes)))
    assert max(map(len, batches)) == most
    # Up to four rows are of one class, so that contrast has something to compare.
    assert size > 4 or all(len(set(classes[batch])) == 1 for batch in batches)


def test_batches_hold_rows_of_like_length() -> None:
    draw = np.random.default_rng(1)
    ids = [[1] * int(n) for n in draw.integers(3, 100, 2000)]
    examples = Examples(ids, draw.integers(0, 10, 2000))
    batches = paired_batches(examples, 32, 0, 0)
    padded = sum(max(len(ids[row]) for row in batch) * len(batch) for batch in batches)
    assert padded < 1.4 * sum(map(len, ids))


def test_names_of_labels_are_rows_where_they_are_words() -> None:
    rows = Rows(("Card  arrival", "a"), ("x1", "card_arrival"), "rows.csv")
    named = with_names(rows, ["card_arrival", "getWeather", "B2", "7", "utility.refund-not shown?"])
    assert named.texts == (*rows.texts, "get weather", "utility refund not shown")
    assert named.labels == (*rows.labels, "getWeather", "utility.refund-not shown?")
    assert with_names(rows, ["1", "2"]).texts == rows.texts


def test_the_first_head_is_calibrated() -> None:
    draw = torch.Generator().manual_seed(0)
    classes = torch.arange(400) % 4
    means = normalize(torch.randn(4, 16, generator=draw), dim=1)
    vectors = normalize(means[classes] + 0.4 * torch.randn(400, 16, generator=draw), dim=1)
    fit = best_fit(vectors[:200], classes[:200], vectors[200:], classes[200:], 4)
    weights, bias = fit.head(vectors[:200], classes[:200], 4)
    logits = vectors[200:] @ weights + bias
    best = cross_entropy(logits, classes[200:])
    for scale in (0.7, 1.4):
        assert cross_entropy(scale * logits, classes[200:]) > best


def _sure(logits: torch.Tensor, temperature: float) -> float:
    return float((logits / temperature).softmax(1).amax(1).mean())


def test_rows_that_are_all_right_make_nothing_certain() -> None:
    truth = torch.arange(20) % 3
    plain = torch.nn.functional.one_hot(truth, 3).float()
    assert fit_temperature(3 * plain, truth) < 0.04  # the sharper, the better: there is no end
    assert calibrated_temperature(9 * plain, truth) == 1  # sure as trained, but not surer
    faint = calibrated_temperature(plain, truth)
    assert faint < 1
    assert 0.9 < _sure(plain, faint) <= 21 / 22
    many = calibrated_temperature(plain.repeat(50, 1), truth.repeat(50))
    assert _sure(plain, faint) < _sure(plain, many) <= 1001 / 1002


@pytest.mark.parametrize("scale", [0.5, 2.0, 8.0])
def test_where_some_rows_are_wrong_the_fit_decides(scale: float) -> None:
    draw = torch.Generator().manual_seed(0)
    truth = torch.arange(120) % 4
    logits = torch.nn.functional.one_hot(truth, 4) + 0.6 * torch.randn(120, 4, generator=draw)
    assert 0 < (logits.argmax(1) != truth).sum() < 40
    assert calibrated_temperature(scale * logits, truth) == fit_temperature(scale * logits, truth)
