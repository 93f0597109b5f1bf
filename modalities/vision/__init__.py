"""Pictures: opened safely, labelled, explained, compared, found, and read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoal.lazy import exports

if TYPE_CHECKING:
    from shoal.modalities.vision.describe import ImageReport, describe_image
    from shoal.modalities.vision.encoder import VisionEncoder, vision_encoder
    from shoal.modalities.vision.expert import VisionExpert
    from shoal.modalities.vision.find import ImageIndex, label_folder
    from shoal.modalities.vision.labels import Label
    from shoal.modalities.vision.maps import FeatureMaps
    from shoal.modalities.vision.observing.extractor import TimmExtractor
    from shoal.modalities.vision.opening.images import ImageSource, LoadedImage, load_image
    from shoal.modalities.vision.read.asking import Answer, ask
    from shoal.modalities.vision.read.extraction import Extraction, Source, extract
    from shoal.modalities.vision.read.lines import Page, TextLine
    from shoal.modalities.vision.read.reader import TextReader, text_reader
    from shoal.modalities.vision.read.table import Table
    from shoal.modalities.vision.read.tables import tables
    from shoal.modalities.vision.saliency.explanation import Explanation, explain
    from shoal.modalities.vision.zero_shot import ZeroShot

_LAZY = {
    "Answer": "shoal.modalities.vision.read.asking",
    "Explanation": "shoal.modalities.vision.saliency.explanation",
    "Extraction": "shoal.modalities.vision.read.extraction",
    "FeatureMaps": "shoal.modalities.vision.maps",
    "ImageIndex": "shoal.modalities.vision.find",
    "ImageReport": "shoal.modalities.vision.describe",
    "ImageSource": "shoal.modalities.vision.opening.images",
    "Label": "shoal.modalities.vision.labels",
    "LoadedImage": "shoal.modalities.vision.opening.images",
    "Page": "shoal.modalities.vision.read.lines",
    "Source": "shoal.modalities.vision.read.extraction",
    "Table": "shoal.modalities.vision.read.table",
    "TextLine": "shoal.modalities.vision.read.lines",
    "TextReader": "shoal.modalities.vision.read.reader",
    "TimmExtractor": "shoal.modalities.vision.observing.extractor",
    "VisionEncoder": "shoal.modalities.vision.encoder",
    "VisionExpert": "shoal.modalities.vision.expert",
    "ZeroShot": "shoal.modalities.vision.zero_shot",
    "ask": "shoal.modalities.vision.read.asking",
    "describe_image": "shoal.modalities.vision.describe",
    "explain": "shoal.modalities.vision.saliency.explanation",
    "extract": "shoal.modalities.vision.read.extraction",
    "label_folder": "shoal.modalities.vision.find",
    "load_image": "shoal.modalities.vision.opening.images",
    "tables": "shoal.modalities.vision.read.tables",
    "text_reader": "shoal.modalities.vision.read.reader",
    "vision_encoder": "shoal.modalities.vision.encoder",
}
"""Name -> module of this room, imported on first use."""

__all__ = [
    "Answer",
    "Explanation",
    "Extraction",
    "FeatureMaps",
    "ImageIndex",
    "ImageReport",
    "ImageSource",
    "Label",
    "LoadedImage",
    "Page",
    "Source",
    "Table",
    "TextLine",
    "TextReader",
    "TimmExtractor",
    "VisionEncoder",
    "VisionExpert",
    "ZeroShot",
    "ask",
    "describe_image",
    "explain",
    "extract",
    "label_folder",
    "load_image",
    "tables",
    "text_reader",
    "vision_encoder",
]

__getattr__ = exports(__name__, _LAZY)
