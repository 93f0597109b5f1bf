"""Pictures: reading them safely, labels and why, embeddings, similarity, and the text in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoal.lazy import exports

if TYPE_CHECKING:
    from shoal.modalities.vision.describe import ImageReport, describe_image
    from shoal.modalities.vision.encoder import VisionEncoder, vision_encoder
    from shoal.modalities.vision.expert import VisionExpert
    from shoal.modalities.vision.explanation import Explanation, explain
    from shoal.modalities.vision.extractor import TimmExtractor
    from shoal.modalities.vision.find import ImageIndex, label_folder
    from shoal.modalities.vision.images import ImageSource, LoadedImage, load_image
    from shoal.modalities.vision.labels import Label
    from shoal.modalities.vision.maps import FeatureMaps
    from shoal.modalities.vision.reader import TextLine, TextReader, text_reader
    from shoal.modalities.vision.zero_shot import ZeroShot

_LAZY = {
    "Explanation": "shoal.modalities.vision.explanation",
    "FeatureMaps": "shoal.modalities.vision.maps",
    "ImageIndex": "shoal.modalities.vision.find",
    "ImageReport": "shoal.modalities.vision.describe",
    "ImageSource": "shoal.modalities.vision.images",
    "Label": "shoal.modalities.vision.labels",
    "LoadedImage": "shoal.modalities.vision.images",
    "TextLine": "shoal.modalities.vision.reader",
    "TextReader": "shoal.modalities.vision.reader",
    "TimmExtractor": "shoal.modalities.vision.extractor",
    "VisionEncoder": "shoal.modalities.vision.encoder",
    "VisionExpert": "shoal.modalities.vision.expert",
    "ZeroShot": "shoal.modalities.vision.zero_shot",
    "describe_image": "shoal.modalities.vision.describe",
    "explain": "shoal.modalities.vision.explanation",
    "label_folder": "shoal.modalities.vision.find",
    "load_image": "shoal.modalities.vision.images",
    "text_reader": "shoal.modalities.vision.reader",
    "vision_encoder": "shoal.modalities.vision.encoder",
}
"""Name -> module of this room, imported on first use."""

__all__ = [
    "Explanation",
    "FeatureMaps",
    "ImageIndex",
    "ImageReport",
    "ImageSource",
    "Label",
    "LoadedImage",
    "TextLine",
    "TextReader",
    "TimmExtractor",
    "VisionEncoder",
    "VisionExpert",
    "ZeroShot",
    "describe_image",
    "explain",
    "label_folder",
    "load_image",
    "text_reader",
    "vision_encoder",
]

__getattr__ = exports(__name__, _LAZY)
