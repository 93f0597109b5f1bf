"""Saves a taught classifier: all of its files are made aside, then take their place at once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shoal.extras import installed
from shoal.files import sha256_file, write_atomic
from shoal.modalities.policy.card import machine
from shoal.modalities.training.card import card, listed, versions_of
from shoal.modalities.training.figures import softmax
from shoal.modalities.training.plots import learning_curve
from shoal.modalities.training.progress import say
from shoal.modalities.vision.encoders.timm_folder import read_config
from shoal.modalities.vision.encoders.timm_models import resolve
from shoal.modalities.vision.teach.classifier import (
    HEAD,
    MODEL,
    SHAPE,
    SPEC,
    EncoderSpec,
    ImageClassifierSpec,
)
from shoal.modalities.vision.teach.fitting import Judged
from shoal.modalities.vision.teach.head import Head
from shoal.modalities.vision.teach.mistakes import Mistakes
from shoal.modalities.vision.teach.scores import PictureScores, scores_of
from shoal.modalities.vision.teach.settings import TeachSettings

_PACKAGES = ("numpy", "openvino", "pillow", "shoal", "timm", "torch", "torchvision")


@dataclass(frozen=True, slots=True)
class Beside:
    """What is told of a student beside its own scores.

    Attributes:
        about: How it was made, as a part of a sentence.
        sections: Headings of the card to lines of text.
        facts: Figures for JSON.
    """

    about: str
    sections: dict[str, list[str]]
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Result:
    """A classifier that is not saved yet.

    Attributes:
        head: What runs on the encoder's embeddings.
        judged: What it said of pictures that it had not seen.
        labels: The classes, by number.
        method: "prototype", "linear", "full" or "distilled".
        images: How many it was fitted on.
        notes: Sentences on what was left out.
        history: One entry an epoch of training.
        command: What to type to repeat it.
        seconds: How long it took, reading included.
        refitted: Whether what runs was fitted anew with the judged pictures too.
        beside: What is told of a student; None for what was taught.
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
    beside: Beside | None = None


class Saving:
    """Fills a new folder, image_classifier.json last.

    Args:
        result: What to save.
        settings: How it was made.
        folder: The folder; it holds model.safetensors already where the encoder was trained,
            and config.json where that is smaller than its architecture.
    """

    def __init__(self, result: Result, settings: TeachSettings, folder: Path) -> None:
        self.result, self.settings, self.folder = result, settings, folder
        judged = result.judged
        self.temperature = judged.temperature()
        self.threshold = round(judged.threshold(settings.in_scope_loss), 4)
        likely = softmax(judged.logits, self.temperature)
        known = judged.scores >= self.threshold
        self.scores = scores_of(likely, known, judged.truth, judged.how)
        said = judged.logits.argmax(1) if len(judged.truth) else judged.truth
        self.mistakes = Mistakes(judged.files, judged.truth, said, result.labels)

    def write(self) -> PictureScores:
        """Writes every file; says the scores."""
        self.result.head.save(self.folder / HEAD)
        self._draw()
        write_atomic(self.folder / "README.md", self._card())
        write_atomic(self.folder / SPEC, self._spec().model_dump_json(indent=1) + "\n")
        if not self.settings.quiet:
            for line in self._told():
                say(line)
        return self.scores

    def _told(self) -> list[str]:
        beside = self.result.beside
        more = [line for own in beside.sections.values() for line in own] if beside else []
        return [*self.scores.lines(), *more]

    def _spec(self) -> ImageClassifierSpec:
        names = [name for name in (HEAD, MODEL, SHAPE) if (self.folder / name).is_file()]
        files = {name: sha256_file(self.folder / name) for name in names}
        sha256 = "" if MODEL in files else resolve(self.settings.model).sha256
        model = self.settings.model
        if SHAPE in files:
            model = read_config(self.folder).architecture
        beside = self.result.beside.facts if self.result.beside else {}
        return ImageClassifierSpec(
            name=self.settings.name, labels=list(self.result.labels),
            encoder=EncoderSpec(model=model, sha256=sha256),
            temperature=self.temperature, threshold=self.threshold, files=files,
            scores={**self.scores.facts(), **beside}, training=self._training(),
            versions=versions_of(_PACKAGES),
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
        name, history = self.settings.name, self.result.history
        self.mistakes.draw(self.folder, name)
        if history and installed("matplotlib"):
            learning_curve(self.folder / "learning_curve.png", history, name)

    def _card(self) -> str:
        result = self.result
        held = "Chosen and calibrated by the same images, so a little too good."
        if result.refitted:
            held += " What runs was then fitted anew with these images too."
        sheet, beside, count = self.mistakes.sheet(), result.beside, len(result.labels)
        made = beside.about if beside else f"taught on {self.settings.model} ({result.method})"
        about = f"A classifier of images with {count} classes, {made}."
        sections = {
            **(beside.sections if beside else {}),
            "Make it again": [f"    {result.command}"],
            "Classes": [", ".join(result.labels)],
            "Scores": [*self.scores.lines(), held, *([sheet] if sheet else [])],
            "Most often confused": [f"- {pair}" for pair in self.mistakes.pairs()] or ["Nothing."],
            "None of these": [
                f"An image whose embedding has a cosine below {self.threshold} to each class "
                "mean gets no label."
            ],
            "Images": list(result.notes) or ["Nothing was left out."],
        }
        if result.history:
            rounded = [{k: round(v, 5) for k, v in e.items()} for e in result.history]
            sections["By epoch"] = [f"- {json.dumps(entry)}" for entry in rounded]
        sections["Teaching"] = listed(self._training())
        return card(self.settings.name, about, sections, versions_of(_PACKAGES))
