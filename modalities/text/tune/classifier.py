"""A tuned classifier as it runs: OpenVINO and numpy, no torch."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from shoal.errors import CorruptWeightsError, UsageError, unknown
from shoal.files import sha256_file
from shoal.modalities.openvino_import import compile_aside, import_openvino
from shoal.modalities.text.encoder_files import MAX_TOKENS
from shoal.modalities.text.tune.settings import CLASSIFIERS
from shoal.modalities.training.figures import softmax

_MAX_CHARACTERS = 16 * MAX_TOKENS
_BATCH = 32

Floats = NDArray[np.float32]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FILES = ("model.xml", "model.bin", "tokenizer.json")
"""What runs, beside classifier.json, which holds their hashes."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the classifier says about one text.

    Attributes:
        label: The likeliest label, or None where the text is rejected as out of scope.
        probability: Calibrated, of the likeliest label.
        nearest: The likeliest label, rejected or not.
        score: What is compared with the threshold; more is more in scope.
    """

    label: str | None
    probability: float
    nearest: str
    score: float


class ClassifierSpec(BaseModel):
    """The classifier.json of a saved classifier: checked field by field, never executed.

    Attributes:
        temperature: The logits are divided by it; fitted on held-out rows.
        threshold: Texts that score less are out of scope; None rejects none.
        files: File name to sha256.
        scores: Figures on the held-out rows.
        training: Method, seed, rows, seconds, command, machine.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["shoal-classifier-1"] = "shoal-classifier-1"
    name: Annotated[str, Field(pattern=r"^\w[\w.-]{0,63}$")]
    labels: Annotated[list[str], Field(min_length=2)]
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    threshold: Annotated[float, Field(allow_inf_nan=False)] | None
    files: dict[str, Sha256]
    scores: dict[str, JsonValue] = {}
    training: dict[str, JsonValue] = {}
    versions: dict[str, str] = {}


class Classifier:
    """Texts to labels.

    Args:
        spec: What classifier.json says.
        folder: Where the files lie; they have been checked.
    """

    def __init__(self, spec: ClassifierSpec, folder: Path) -> None:
        from tokenizers import Tokenizer

        self.spec, self.folder = spec, folder
        self.labels = tuple(spec.labels)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        core: Any = import_openvino("a tuned classifier").Core()
        compiled = compile_aside(core, folder / "model.xml", "CPU", settings)
        self._request = compiled.create_infer_request()
        self._lock = threading.Lock()

    @classmethod
    def load(cls, folder: Path | str) -> Classifier:
        """Opens a classifier by its folder or its name.

        Raises:
            UnknownNameError: No such classifier; near names are suggested.
            CorruptWeightsError: A file is damaged or was replaced.
        """
        path = _find(folder)
        spec = read_spec(path)
        for name in FILES:
            if not (path / name).is_file() or sha256_file(path / name) != spec.files.get(name):
                raise _damaged(path, f"{name} is missing, or not what classifier.json says")
        try:
            return cls(spec, path)
        except Exception as error:  # tokenizers and openvino raise bare types
            raise _damaged(path, str(error).strip().splitlines()[0]) from error

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Labels texts, any number of them."""
        logits = self.logits(texts)
        likely = softmax(logits, self.spec.temperature)
        return [self._one(row, p) for row, p in zip(logits, likely, strict=True)]

    def probabilities(self, texts: Sequence[str]) -> Floats:
        """Returns calibrated probabilities, float32 (n, classes), rows summing to 1."""
        return softmax(self.logits(texts), self.spec.temperature)

    def logits(self, texts: Sequence[str]) -> Floats:
        """Returns the logits, float32 (n, classes); long texts are cut as in training."""
        if isinstance(texts, str):
            raise UsageError("it takes a list of texts", "it got one string", "Pass [text]")
        result = np.empty((len(texts), len(self.labels)), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        for start in range(0, len(order), _BATCH):  # like lengths together: little padding
            rows = order[start : start + _BATCH]
            result[rows] = self._batch([texts[row][:_MAX_CHARACTERS] for row in rows])
        return result

    @property
    def max_tokens(self) -> int:
        """Tokens of a text that are read."""
        return int((self._tokenizer.truncation or {}).get("max_length", _MAX_CHARACTERS))

    def cuts(self, text: str) -> bool:
        """Whether a text is longer than what is read of it."""
        return len(text) > _MAX_CHARACTERS or bool(self._tokenizer.encode(text).overflowing)

    def scores(self, logits: Floats) -> Floats:
        """Returns how much in scope texts are, float32 (n,), from their logits (n, k)."""
        return in_scope(logits)

    def _batch(self, texts: list[str]) -> Floats:
        encodings = self._tokenizer.encode_batch(texts)
        ids = np.array([e.ids for e in encodings], dtype=np.int64)
        mask = np.array([e.attention_mask for e in encodings], dtype=np.int64)
        with self._lock:
            return np.array(self._request.infer([ids, mask])[0], dtype=np.float32)

    def _one(self, logits: Floats, likely: Floats) -> Prediction:
        best = int(likely.argmax())
        score = float(in_scope(logits[None])[0])
        rejected = self.spec.threshold is not None and score < self.spec.threshold
        label = self.labels[best]
        return Prediction(None if rejected else label, float(likely[best]), label, score)


def in_scope(logits: Floats) -> Floats:
    """The free energy of the logits, the other way round: low where nothing fits.

    Liu et al. 2020, "Energy-based Out-of-distribution Detection".

    Args:
        logits: float32 (n, k).

    Returns:
        float32 (n,), more is more in scope.
    """
    if not len(logits):
        return np.empty(0, dtype=np.float32)
    top = logits.max(1)
    result: Floats = top + np.log(np.exp(logits - top[:, None]).sum(1))
    return result


def read_spec(folder: Path) -> ClassifierSpec:
    """Reads classifier.json.

    Raises:
        CorruptWeightsError: It is missing or has unknown or wrong fields.
    """
    try:
        content = json.loads((folder / "classifier.json").read_text(encoding="utf-8"))
        return ClassifierSpec.model_validate(content)
    except (OSError, ValueError, ValidationError) as error:
        raise _damaged(folder, str(error).splitlines()[0]) from error


def _find(folder: Path | str) -> Path:
    found = CLASSIFIERS.find(folder)
    if found is None:
        fix = "Tune one: shoal tune FILE --name NAME"
        unknown("classifier", str(folder), CLASSIFIERS.names(), fix)
    return found


def _damaged(folder: Path, why: str) -> CorruptWeightsError:
    return CorruptWeightsError(
        f"cannot load the classifier {folder}", why, "Tune it again: shoal tune FILE --name NAME"
    )
