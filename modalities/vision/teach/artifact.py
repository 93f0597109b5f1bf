"""Saves a taught classifier: all of its files are made aside, then take their place at once."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shoal.extras import installed
from shoal.files import sha256_file, write_atomic
from shoal.modalities.policy.card import machine
from shoal.modalities.training.plots import confusion_matrix, learning_curve, worst_pairs
from shoal.modalities.training.progress import say
from shoal.modalities.vision.teach.card import card, versions
from shoal.modalities.vision.teach.classifier import (
    HEAD,
    MODEL,
    SPEC,
    EncoderSpec,
    ImageClassifierSpec,
    softmax,
)
from shoal.modalities.vision.teach.fitting import Judged
from shoal.modalities.vision.teach.head import Head
from shoal.modalities.vision.teach.scores import PictureScores, scores_of
from shoal.modalities.vision.teach.settings import TeachSettings
from shoal.modalities.vision.teach.sheet import MOST, contact_sheet
from shoal.modalities.vision.timm_models import resolve


@dataclass(frozen=True, slots=True)
class Result:
    """A classifier that is not saved yet.

    Attributes:
        head: What runs on the encoder's embeddings.
        judged: What it said of pictures that it had not seen.
        labels: The classes, by number.
        method: "prototype", "linear" or "full".
        images: How many it was fitted on.
        notes: Sentences on what was left out.
        history: One entry an epoch of "full".
        command: What to type to repeat it.
        seconds: How long it took, reading included.
        refitted: Whether what runs was fitted anew with the judged pictures too.
    """

    head: Head
    judged: Judged
    labels: tuple[str, ...]
    method: str
    images: int
    notes: tuple[str, ...]
    history: list[dict[str, float]]
    command: str
    seconds: float
    refitted: bool


class Saving:
    """Fills a new folder, image_classifier.json last.

    Args:
        result: What to save.
        settings: How it was made.
        folder: The folder; it holds model.safetensors already where the encoder was trained.
    """

    def __init__(self, result: Result, settings: TeachSettings, folder: Path) -> None:
        self.result, self.settings, self.folder = result, settings, folder
        judged = result.judged
        self.temperature = judged.temperature()
        self.threshold = round(judged.threshold(settings.in_scope_loss), 4)
        likely = softmax(judged.logits, self.temperature)
        known = judged.scores >= self.threshold
        self.scores = scores_of(likely, known, judged.truth, judged.how)
        self.said = judged.logits.argmax(1) if len(judged.truth) else judged.truth

    def write(self) -> PictureScores:
        """Writes every file; says the scores."""
        self.result.head.save(self.folder / HEAD)
        self._draw()
        write_atomic(self.folder / "README.md", self._card())
        write_atomic(self.folder / SPEC, self._spec().model_dump_json(indent=1) + "\n")
        if not self.settings.quiet:
            for line in self.scores.lines():
                say(line)
        return self.scores

    def _spec(self) -> ImageClassifierSpec:
        names = [name for name in (HEAD, MODEL) if (self.folder / name).is_file()]
        files = {name: sha256_file(self.folder / name) for name in names}
        sha256 = "" if MODEL in files else resolve(self.settings.model).sha256
        return ImageClassifierSpec(
            name=self.settings.name, labels=list(self.result.labels),
            encoder=EncoderSpec(model=self.settings.model, sha256=sha256),
            temperature=self.temperature, threshold=self.threshold, files=files,
            scores=self.scores.facts(), training=self._training(), versions=versions(),
        )  # fmt: skip

    def _training(self) -> dict[str, Any]:
        result = self.result
        return {
            "command": result.command, "method": result.method, "model": self.settings.model,
            "seed": self.settings.seed, "images": result.images, "classes": len(result.labels),
            "judged_images": len(result.judged.truth), "epochs": len(result.history),
            "seconds": round(result.seconds, 1), "machine": machine(),
        }  # fmt: skip

    def _draw(self) -> None:
        judged, labels = self.result.judged, self.result.labels
        wrong = np.flatnonzero(self.said != judged.truth)
        if len(wrong):
            entries = [
                (judged.files[i], labels[judged.truth[i]], f"taken for {labels[self.said[i]]}")
                for i in wrong
            ]
            contact_sheet(self.folder / "wrong.png", entries)
        if not installed("matplotlib"):
            say("No plots are drawn: matplotlib is missing. Type: pip install 'shoal[train]'")
            return
        with warnings.catch_warnings():  # of letters that its font lacks, emoji for example
            warnings.simplefilter("ignore", UserWarning)
            self._plot()

    def _plot(self) -> None:
        name, result = self.settings.name, self.result
        if result.history:
            learning_curve(self.folder / "learning_curve.png", result.history, name)
        if len(result.judged.truth):
            confusion_matrix(self.folder / "confusion.png", self._counts(), result.labels, name)

    def _counts(self) -> Any:
        counts = np.zeros((len(self.result.labels),) * 2, dtype=np.int64)
        np.add.at(counts, (self.result.judged.truth, self.said), 1)
        return counts

    def _card(self) -> str:
        result = self.result
        about = f"A classifier of images with {len(result.labels)} classes, taught on "
        about += f"{self.settings.model} ({result.method})."
        held = "Chosen and calibrated by the same images, so a little too good."
        if result.refitted:
            held += " What runs was then fitted anew with these images too."
        wrong = int((self.said != result.judged.truth).sum())
        sheet = f"`wrong.png` shows {min(wrong, MOST)} of the {wrong} that were labelled wrong."
        pairs = worst_pairs(self._counts(), result.labels, 10)
        sections = {
            "Make it again": [f"    {result.command}"],
            "Classes": [", ".join(result.labels)],
            "Scores": [*self.scores.lines(), held, *([sheet] if wrong else [])],
            "Most often confused": [f"- {pair}" for pair in pairs] or ["Nothing."],
            "None of these": [
                f"An image whose embedding has a cosine below {self.threshold} to each class "
                "mean gets no label."
            ],
            "Images": list(result.notes) or ["Nothing was left out."],
        }
        if result.history:
            rounded = [{k: round(v, 5) for k, v in e.items()} for e in result.history]
            sections["By epoch"] = [f"- {json.dumps(entry)}" for entry in rounded]
        training = {k: v for k, v in self._training().items() if k != "command"}
        return card(self.settings.name, about, sections, training)
