"""Fine-tuning: rows in, a classifier or a generator that runs out.

`tune_classifier` trains a classifier, `Classifier.load` opens it, `read_rows` reads a file.
`tune_generator` trains a language model on what `read_dialogues` reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoal.lazy import exports

if TYPE_CHECKING:
    from shoal.modalities.text.tune.classifier import Classifier, Prediction
    from shoal.modalities.text.tune.data import Rows, read_dataset, read_rows
    from shoal.modalities.text.tune.generator import tune_generator
    from shoal.modalities.text.tune.generator_data import Dialogues, read_dialogues
    from shoal.modalities.text.tune.generator_settings import GeneratorSettings
    from shoal.modalities.text.tune.scores import ClassifierScores, evaluate_classifier
    from shoal.modalities.text.tune.settings import TuneSettings
    from shoal.modalities.text.tune.training import tune_classifier

_LAZY = {
    "Classifier": "shoal.modalities.text.tune.classifier",
    "ClassifierScores": "shoal.modalities.text.tune.scores",
    "Dialogues": "shoal.modalities.text.tune.generator_data",
    "GeneratorSettings": "shoal.modalities.text.tune.generator_settings",
    "Prediction": "shoal.modalities.text.tune.classifier",
    "Rows": "shoal.modalities.text.tune.data",
    "TuneSettings": "shoal.modalities.text.tune.settings",
    "evaluate_classifier": "shoal.modalities.text.tune.scores",
    "read_dialogues": "shoal.modalities.text.tune.generator_data",
    "read_dataset": "shoal.modalities.text.tune.data",
    "read_rows": "shoal.modalities.text.tune.data",
    "tune_classifier": "shoal.modalities.text.tune.training",
    "tune_generator": "shoal.modalities.text.tune.generator",
}
"""Name -> module that holds it, imported on first use."""

__all__ = [
    "Classifier",
    "ClassifierScores",
    "Dialogues",
    "GeneratorSettings",
    "Prediction",
    "Rows",
    "TuneSettings",
    "evaluate_classifier",
    "read_dataset",
    "read_dialogues",
    "read_rows",
    "tune_classifier",
    "tune_generator",
]

__getattr__ = exports(__name__, _LAZY)
