"""A taught classifier of pictures as it runs: the encoder and a small head, no torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from safetensors import SafetensorError

from shoal.errors import CorruptWeightsError, unknown
from shoal.files import sha256_file
from shoal.modalities.training.figures import softmax
from shoal.modalities.vision.encoder import VisionEncoder, vision_encoder
from shoal.modalities.vision.encoders.timm_models import resolve
from shoal.modalities.vision.opening.images import ImageSource
from shoal.modalities.vision.teach.head import Floats, Head, Rating
from shoal.modalities.vision.teach.settings import IMAGE_CLASSIFIERS

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
File = Literal["head.safetensors", "model.safetensors", "config.json"]
SPEC = "image_classifier.json"
HEAD: File = "head.safetensors"
MODEL: File = "model.safetensors"
SHAPE: File = "config.json"
"""The encoder's own config.json, of students: their folder is a timm folder as well."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the classifier says about one picture.

    Attributes:
        label: The likeliest label, or None where the picture is none of these.
        probability: Calibrated, of the likeliest label.
        nearest: The likeliest label, refused or not; where it is clearly refused, at first sight.
        score: What is compared with the threshold: the largest cosine to a class mean.
    """

    label: str | None
    probability: float
    nearest: str
    score: float


class EncoderSpec(BaseModel):
    """Which encoder the head belongs to.

    Attributes:
        model: The name it was opened by.
        sha256: Of its weights file; empty where it has its own in the folder.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: Annotated[str, Field(min_length=1)]
    sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]


class ImageClassifierSpec(BaseModel):
    """The image_classifier.json of a saved classifier: checked field by field, never executed.

    Attributes:
        temperature: The logits are divided by it; fitted on pictures that were left out.
        threshold: Pictures that score less are none of these.
        files: File name to sha256.
        scores: Figures on the pictures that were left out.
        training: Method, seed, images, seconds, command, machine.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["shoal-image-classifier-1"] = "shoal-image-classifier-1"
    name: Annotated[str, Field(pattern=r"^\w[\w.-]{0,63}$")]
    labels: Annotated[list[str], Field(min_length=2)]
    encoder: EncoderSpec
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    threshold: Annotated[float, Field(allow_inf_nan=False)]
    files: dict[File, Sha256]
    scores: dict[str, JsonValue] = {}
    training: dict[str, JsonValue] = {}
    versions: dict[str, str] = {}


class ImageClassifier:
    """Pictures to labels.

    Args:
        spec: What image_classifier.json says.
        encoder: What the head was fitted on.
        head: The head.
    """

    def __init__(self, spec: ImageClassifierSpec, encoder: VisionEncoder, head: Head) -> None:
        self.spec, self.encoder, self.head = spec, encoder, head
        self.labels = tuple(spec.labels)

    @classmethod
    def load(cls, folder: Path | str) -> ImageClassifier:
        """Opens a classifier by its folder or its name.

        Raises:
            UnknownNameError: No such classifier; near names are suggested.
            CorruptWeightsError: A file is damaged or was replaced, or the encoder's weights
                are not those that it was taught with.
            MissingModelError: The encoder's weights are not on this machine.
        """
        path = _find(folder)
        spec = read_spec(path)
        for name in {HEAD, *spec.files}:
            whole = (path / name).is_file() and name in spec.files
            if not whole or sha256_file(path / name) != spec.files[name]:
                raise _damaged(path, f"{name} is missing, or not what {SPEC} says")
        encoder = _encoder(path, spec)
        try:
            head = Head.load(path / HEAD, len(spec.labels), encoder.features)
        except (SafetensorError, ValueError) as error:
            raise _damaged(path, str(error)) from error
        return cls(spec, encoder, head)

    def predict(self, images: Sequence[ImageSource]) -> list[Prediction]:
        """Labels pictures, any number of them, each as `load_image` takes it.

        Close calls are decided on whole pictures and in float32, as `VisionEncoder.label` does.

        Raises:
            ImageError: A picture can't be read.
        """
        vectors = self.encoder.embed(images, self.close_calls)
        rated = self.rate(vectors)
        return [self._one(rated, row) for row in range(len(vectors))]

    def probabilities(self, images: Sequence[ImageSource]) -> Floats:
        """Returns calibrated probabilities, float32 (n, classes), rows summing to 1."""
        return self.rate(self.encoder.embed(images, self.head.close_calls)).probabilities

    def embed(self, images: Sequence[ImageSource]) -> Floats:
        """Returns unit embeddings, float32 (n, d), made as for teaching."""
        return self.encoder.embed(images)

    @property
    def threshold(self) -> float:
        """Pictures that score less are none of these."""
        return self.spec.threshold

    def rate(self, vectors: Floats) -> Rating:
        """Says what pictures show, from their unit embeddings, float32 (n, d)."""
        logits, scores = self.head.logits(vectors), self.head.scores(vectors)
        likely = softmax(logits, self.spec.temperature)
        return Rating(logits.argmax(axis=1), likely, scores, self.threshold)

    def close_calls(self, vectors: Floats) -> list[int]:
        """Rows of embeddings whose label, "none of these" included, less precision may change."""
        return self.head.close_calls(vectors, self.threshold)

    def _one(self, rated: Rating, row: int) -> Prediction:
        label = self.labels[rated.best[row]]
        sure = float(rated.probabilities[row, rated.best[row]])
        known = bool(rated.known[row])
        return Prediction(label if known else None, sure, label, float(rated.scores[row]))


def read_spec(folder: Path) -> ImageClassifierSpec:
    """Reads image_classifier.json.

    Raises:
        CorruptWeightsError: It is missing or has unknown or wrong fields.
    """
    try:
        content = json.loads((folder / SPEC).read_text(encoding="utf-8"))
        return ImageClassifierSpec.model_validate(content)
    except (OSError, ValueError, ValidationError) as error:
        raise _damaged(folder, str(error).splitlines()[0]) from error


def _encoder(folder: Path, spec: ImageClassifierSpec) -> VisionEncoder:
    if SHAPE in spec.files:
        return VisionEncoder(folder)
    if MODEL in spec.files:
        return VisionEncoder(spec.encoder.model, weights=folder / MODEL)
    if resolve(spec.encoder.model).sha256 != spec.encoder.sha256:
        raise _damaged(folder, f"the weights of {spec.encoder.model} are others than then")
    return vision_encoder(spec.encoder.model)


def _find(folder: Path | str) -> Path:
    found = IMAGE_CLASSIFIERS.find(folder)
    if found is None:
        fix = "Teach one: shoal tune FOLDER --name NAME"
        unknown("classifier of images", str(folder), IMAGE_CLASSIFIERS.names(), fix)
    return found


def _damaged(folder: Path, why: str) -> CorruptWeightsError:
    return CorruptWeightsError(
        f"cannot load the classifier {folder}", why, "Teach it again: shoal tune FOLDER --name NAME"
    )
