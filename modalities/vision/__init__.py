"""Pictures: opening them safely, labels, embeddings, similarity, and what is written in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoal.lazy import exports

if TYPE_CHECKING:
    from shoal.modalities.vision.encoder import Label, VisionEncoder, vision_encoder
    from shoal.modalities.vision.expert import VisionExpert
    from shoal.modalities.vision.images import ImageSource, LoadedImage, load_image
    from shoal.modalities.vision.read.asking import Answer, ask
    from shoal.modalities.vision.read.extraction import Extraction, Source, extract
    from shoal.modalities.vision.read.lines import Page, TextLine
    from shoal.modalities.vision.read.reader import TextReader, text_reader
    from shoal.modalities.vision.read.table import Table
    from shoal.modalities.vision.read.tables import tables

_LAZY = {
    "Answer": "shoal.modalities.vision.read.asking",
    "Extraction": "shoal.modalities.vision.read.extraction",
    "ImageSource": "shoal.modalities.vision.images",
    "Label": "shoal.modalities.vision.encoder",
    "LoadedImage": "shoal.modalities.vision.images",
    "Page": "shoal.modalities.vision.read.lines",
    "Source": "shoal.modalities.vision.read.extraction",
    "Table": "shoal.modalities.vision.read.table",
    "TextLine": "shoal.modalities.vision.read.lines",
    "TextReader": "shoal.modalities.vision.read.reader",
    "VisionEncoder": "shoal.modalities.vision.encoder",
    "VisionExpert": "shoal.modalities.vision.expert",
    "ask": "shoal.modalities.vision.read.asking",
    "extract": "shoal.modalities.vision.read.extraction",
    "load_image": "shoal.modalities.vision.images",
    "tables": "shoal.modalities.vision.read.tables",
    "text_reader": "shoal.modalities.vision.read.reader",
    "vision_encoder": "shoal.modalities.vision.encoder",
}
"""Name -> module of this room, imported on first use."""

__all__ = [
    "Answer",
    "Extraction",
    "ImageSource",
    "Label",
    "LoadedImage",
    "Page",
    "Source",
    "Table",
    "TextLine",
    "TextReader",
    "VisionEncoder",
    "VisionExpert",
    "ask",
    "extract",
    "load_image",
    "tables",
    "text_reader",
    "vision_encoder",
]

__getattr__ = exports(__name__, _LAZY)
