"""Saves a tuned classifier: all of its files are made aside, then take their place at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from shoal.errors import CorruptWeightsError
from shoal.extras import installed
from shoal.files import sha256_file, write_atomic
from shoal.modalities.policy.card import machine
from shoal.modalities.sources import locate
from shoal.modalities.text.encoder_files import EncoderFiles, encoder_files, open_tokenizer
from shoal.modalities.text.tune.card import curves, versions
from shoal.modalities.text.tune.classifier import FILES, Classifier, ClassifierSpec, in_scope
from shoal.modalities.text.tune.data import Rows
from shoal.modalities.text.tune.examples import OUTSIDE
from shoal.modalities.text.tune.export import export
from shoal.modalities.text.tune.job import ClassifierJob
from shoal.modalities.text.tune.network import Network
from shoal.modalities.text.tune.scores import ClassifierScores, confusion, scores_of
from shoal.modalities.text.tune.settings import TuneSettings
from shoal.modalities.text.tune.split import Split
from shoal.modalities.text.tune.tested import scores_on
from shoal.modalities.training.card import card, listed
from shoal.modalities.training.checkpoint import Checkpoint
from shoal.modalities.training.head import calibrated_temperature, fit_threshold
from shoal.modalities.training.parity import Parity, parity
from shoal.modalities.training.plots import confusion_matrix, learning_curve, worst_pairs
from shoal.modalities.training.progress import say

Comparison = Callable[[Classifier], tuple[list[str], dict[str, Any]]]
"""Takes the classifier as it runs; returns lines for people and figures for JSON."""


@dataclass(frozen=True, slots=True)
class Result:
    """A trained classifier that is not saved yet.

    Attributes:
        job: Holds the network with its best weights.
        split: The rows.
        labels: The classes, by number.
        files: The encoder that training started from.
        method: "frozen", "lora", "full" or "distilled".
        history: One entry an epoch.
        command: What to type to repeat it.
        kept: Part of the way from the first weights to the tuned ones; see `blend`.
        seconds: How long it took, embedding and fitting included.
        judged: Logits float32 (n, k) of the validation rows from before they were learnt
            from; None where they never were.
        test: Rows to score by in the end that were not seen before; None where there are none.
        compare: Sets a student beside its teacher; None for what was tuned. A student is
            made anew and not trained further, so only what runs is saved.
    """

    job: ClassifierJob
    split: Split
    labels: list[str]
    files: EncoderFiles
    method: str
    history: list[dict[str, float]]
    command: str
    seconds: float
    kept: float
    judged: NDArray[np.float32] | None = None
    test: Rows | None = None
    compare: Comparison | None = None


def save(result: Result, settings: TuneSettings) -> Path:
    """Exports, calibrates and saves a classifier; prints its scores and its parity.

    Returns:
        The folder.

    Raises:
        UsageError: The folder holds something that is no classifier.
        StorageError: The disk is full; what was there before is intact.
    """
    with settings.place.filling() as made:
        _Saving(result, settings, made).write()
    return settings.folder


def load_network(folder: Path) -> tuple[Network, EncoderFiles]:
    """Opens the trained torch network of a classifier, to train or distil it further.

    Returns:
        The network in evaluation mode, adapters merged, and the encoder it is made from.

    Raises:
        CorruptWeightsError: The weights are damaged or do not fit.
        MissingModelError: The encoder it was tuned from is not on this machine.
    """
    kept = Checkpoint.load(folder / "trained.safetensors")
    try:
        files = encoder_files(locate(kept.facts["model"]))
        head, bias = kept.tensors["head"], kept.tensors["bias"]
        network = Network(files, head, bias, kept.facts["method"])
        with torch.no_grad():
            for name, value in network.trained().items():
                value.copy_(kept.tensors[name])
    except (KeyError, RuntimeError) as error:
        raise CorruptWeightsError(
            f"cannot load the trained weights in {folder}", str(error), "Tune it again"
        ) from error
    return network.merged(), files


class _Saving:
    """Fills a new folder."""

    def __init__(self, result: Result, settings: TuneSettings, folder: Path) -> None:
        self.result, self.settings, self.folder = result, settings, folder
        classes = result.job.validation.classes
        self.known = np.flatnonzero(classes != OUTSIDE)
        self.outside = np.flatnonzero(classes == OUTSIDE)
        self.truth = classes[self.known]

    def write(self) -> None:
        """Writes every file of the classifier, classifier.json last."""
        result = self.result
        if result.compare is None:
            origin = {"method": result.method, "model": self.settings.model}
            trained = Checkpoint(dict(result.job.network.trained()), origin)
            trained.save(self.folder / "trained.safetensors")
        # It holds the encoder's own truncation and padding.
        write_atomic(self.folder / "tokenizer.json", open_tokenizer(result.files).to_str())
        network = result.job.network.merged()
        export(network, self.folder, int8=self.settings.int8)
        running = Classifier(self._spec(1.0, None, {}), self.folder)
        near = self._parity(running.logits(self._texts(self.known)))
        logits, outside = (self._judged(running, which) for which in (self.known, self.outside))
        spec = self._calibrated(logits)
        running = Classifier(spec, self.folder)
        scores = scores_of(running, logits, self.truth, outside)
        self._draw(logits)
        facts = {**scores.facts(), "parity": near.facts()}
        tested = self._tested(running, facts)
        beside: list[str] = []
        if result.compare is not None:
            beside, facts["comparison"] = result.compare(running)
        write_atomic(self.folder / "card.md", self._card(scores, near, logits, beside, tested))
        whole = spec.model_copy(update={"scores": facts})
        write_atomic(self.folder / "classifier.json", whole.model_dump_json(indent=1) + "\n")
        if not self.settings.quiet:
            for line in (*scores.lines(), near.line(), *tested, *beside):
                say(line)

    def _tested(self, running: Classifier, facts: dict[str, Any]) -> list[str]:
        """Scores the test rows, if any: into `facts`, and as lines for people."""
        test = self.result.test
        if test is None:
            return []
        scores = scores_on(running, test, self.settings.oos_label)
        facts["test"] = scores.facts()
        return [f"{test.name}: {line}" for line in scores.lines()]

    def _judged(self, running: Classifier, places: Any) -> Any:
        judged = self.result.judged
        return running.logits(self._texts(places)) if judged is None else judged[places]

    def _texts(self, places: Any) -> Sequence[str]:
        return [self.result.split.validation.texts[place] for place in places]

    def _spec(
        self, temperature: float, threshold: float | None, training: dict[str, Any]
    ) -> ClassifierSpec:
        files = {name: sha256_file(self.folder / name) for name in FILES}
        return ClassifierSpec(
            name=self.settings.name, labels=self.result.labels, temperature=temperature,
            threshold=threshold, files=files, training=training, versions=versions(),
        )  # fmt: skip

    def _calibrated(self, logits: Any) -> ClassifierSpec:
        temperature = calibrated_temperature(torch.from_numpy(logits), torch.from_numpy(self.truth))
        right = logits.argmax(1) == self.truth
        threshold = fit_threshold(in_scope(logits), right, self.settings.in_scope_loss)
        return self._spec(round(temperature, 4), threshold, self._training())

    def _training(self) -> dict[str, Any]:
        result = self.result
        return {
            "command": result.command, "method": result.method, "model": self.settings.model,
            "seed": self.settings.seed, "rows": len(result.split.train),
            "validation_rows": len(result.split.validation), "classes": len(result.labels),
            "epochs": len(result.history), "kept": result.kept,
            "seconds": round(result.seconds), "machine": machine(), "int8": self.settings.int8,
        }  # fmt: skip

    def _parity(self, exported: Any) -> Parity:
        job = self.result.job
        ids = [job.validation.ids[place] for place in self.known]
        return parity(job.logits(ids, exact=True), exported, self.truth)

    def _draw(self, logits: Any) -> None:
        if not installed("matplotlib"):
            say("No pictures are drawn: matplotlib is missing. Type: pip install 'shoal[train]'")
            return
        name, result = self.settings.name, self.result
        if result.history:
            learning_curve(self.folder / "learning_curve.png", result.history, name)
        confusion_matrix(self.folder / "confusion.png", self._counts(logits), result.labels, name)

    def _counts(self, logits: Any) -> Any:
        return confusion(logits.argmax(1), self.truth, len(self.result.labels))

    def _card(
        self,
        scores: ClassifierScores,
        near: Parity,
        logits: Any,
        beside: list[str],
        tested: list[str],
    ) -> str:
        result = self.result
        count = len(result.labels)
        made = "tuned" if result.compare is None else "distilled"
        about = f"A text classifier with {count} classes, {made} from {self.settings.model}."
        held = "Chosen and calibrated by the same held-out rows, so a little too good."
        if result.judged is not None:
            held += " What runs was then trained anew, in the same way, with these rows too."
        pairs = worst_pairs(self._counts(logits), result.labels, 10)
        history = [json.dumps({k: round(v, 5) for k, v in e.items()}) for e in result.history]
        compared = {"Beside its teacher": beside} if beside else {}
        judged = {"Scores on the test rows": tested} if tested else {}
        sections = {
            "Make it again": [f"    {result.command}"],
            **compared,
            "Scores on the held-out rows": [*scores.lines(), held, "", near.line()],
            **judged,
            "Most often confused": [f"- {pair}" for pair in pairs] or ["Nothing."],
            "Rows": [*result.split.notes] or ["Nothing was left out."],
            "By epoch": [f"- {line}" for line in history] or ["The encoder was left as it is."],
            **curves(self.folder),
            "Training": listed(self._training()),
        }
        return card(self.settings.name, about, sections, versions())
