"""A classifier tuned by low-rank adapters, from rows to what runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from shoal.modalities.text.tune import (
    Classifier,
    TuneSettings,
    evaluate_classifier,
    training,
    tune_classifier,
)
from shoal.modalities.text.tune.artifact import load_network
from shoal.modalities.text.tune.examples import tokenised
from shoal.modalities.text.tune.lot import Lot
from shoal.modalities.text.tune.network import padded
from shoal.modalities.text.tune.trial import Given, Trial
from shoal.modalities.training.checkpoint import Checkpoint
from tests.text.authored import OUTSIDE, requests

MORE = ("how old is the moon", "name a prime", "what is dna", "spell it", "two plus two")


ROWS = requests()


@pytest.fixture(scope="module")
def adapted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[torch.Tensor]]:
    """Tuned by adapters: 19 rows a class in scope after the split, 22 with the others."""
    seen: list[torch.Tensor] = []

    class Noted(Trial):
        def __init__(self, given: Given, lot: Lot) -> None:
            super().__init__(given, lot)
            seen.append(self.job.hints)

    out = tmp_path_factory.mktemp("adapted") / "a"
    settings = TuneSettings("a", "lora", epochs=1, batch=16, int8=False, out=out, quiet=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "Trial", Noted)
        return tune_classifier(ROWS, settings, oos=(*OUTSIDE, *MORE)), seen


def test_few_rows_are_few_in_every_training(adapted: tuple[Path, list[torch.Tensor]]) -> None:
    folder, seen = adapted
    assert "then trained anew" in (folder / "card.md").read_text()
    first, second = seen
    assert len(second) > len(first) > 60  # enough only with the names, or with those out of scope
    for hints in seen:
        assert set(hints.unique().tolist()) == {0, 1}  # labels, not what heads say of the row


def test_adapters_are_trained_saved_and_run(adapted: tuple[Path, list[torch.Tensor]]) -> None:
    folder, _ = adapted
    kept = Checkpoint.load(folder / "trained.safetensors").tensors
    used = {name: value for name, value in kept.items() if "pooler" not in name}
    moved = [value.abs().max() for name, value in used.items() if "lora_B" in name]
    assert len(moved) == 36  # six layers of six
    assert min(moved) > 0  # they start from nothing
    classifier = Classifier.load(folder)
    assert classifier.spec.training["method"] == "lora"
    network, files = load_network(folder)
    ids, mask = padded(tokenised(ROWS.texts, files), files.pad)
    trained = network(ids, mask).detach().numpy()
    assert np.allclose(trained, classifier.logits(ROWS.texts), atol=1e-3)
    said = [one.nearest for one in classifier.predict(ROWS.texts)]
    assert said == [classifier.labels[best] for best in trained.argmax(1)]
    assert evaluate_classifier(classifier, ROWS).accuracy > 0.9
