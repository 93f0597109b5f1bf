"""Teaching: labelled pictures in, a classifier that runs out, from one picture a class on.

`teach_classifier` teaches one, `ImageClassifier.load` opens it, `read_pictures` lists a folder
or a table of pictures, `evaluate_pictures` scores it on them. `Nearest` is the maths of few
pictures, for a running agent; `in_library` tells which labels are known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoal.lazy import exports

if TYPE_CHECKING:
    from shoal.modalities.vision.teach.classifier import ImageClassifier, Prediction
    from shoal.modalities.vision.teach.data import Pictures, is_pictures, read_pictures
    from shoal.modalities.vision.teach.evaluation import Evaluation, evaluate_pictures
    from shoal.modalities.vision.teach.known import Taught, in_library
    from shoal.modalities.vision.teach.nearest import Match, Nearest
    from shoal.modalities.vision.teach.settings import TeachSettings, is_taught
    from shoal.modalities.vision.teach.teaching import teach_classifier

_LAZY = {
    "Evaluation": "shoal.modalities.vision.teach.evaluation",
    "ImageClassifier": "shoal.modalities.vision.teach.classifier",
    "Match": "shoal.modalities.vision.teach.nearest",
    "Nearest": "shoal.modalities.vision.teach.nearest",
    "Pictures": "shoal.modalities.vision.teach.data",
    "Prediction": "shoal.modalities.vision.teach.classifier",
    "Taught": "shoal.modalities.vision.teach.known",
    "TeachSettings": "shoal.modalities.vision.teach.settings",
    "evaluate_pictures": "shoal.modalities.vision.teach.evaluation",
    "in_library": "shoal.modalities.vision.teach.known",
    "is_pictures": "shoal.modalities.vision.teach.data",
    "is_taught": "shoal.modalities.vision.teach.settings",
    "read_pictures": "shoal.modalities.vision.teach.data",
    "teach_classifier": "shoal.modalities.vision.teach.teaching",
}
"""Name -> module that holds it, imported on first use."""

__all__ = [
    "Evaluation",
    "ImageClassifier",
    "Match",
    "Nearest",
    "Pictures",
    "Prediction",
    "Taught",
    "TeachSettings",
    "evaluate_pictures",
    "in_library",
    "is_pictures",
    "is_taught",
    "read_pictures",
    "teach_classifier",
]

__getattr__ = exports(__name__, _LAZY)
