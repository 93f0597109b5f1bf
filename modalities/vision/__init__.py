"""Pictures: reading them safely, labels, embeddings, similarity, and the text in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoal.lazy import exports

if TYPE_CHECKING:
    from shoal.modalities.vision.encoder import Label, VisionEncoder, vision_encoder
    from shoal.modalities.vision.expert import VisionExpert
    from shoal.modalities.vision.images import ImageSource, LoadedImage, load_image
    from shoal.modalities.vision.read.lines import Page, TextLine
    from shoal.modalities.vision.read.reader import TextReader, text_reader

_LAZY = {
    "ImageSource": "shoal.modalities.vision.images",
    "Label": "shoal.modalities.vision.encoder",
    "LoadedImage": "shoal.modalities.vision.images",
    "Page": "shoal.modalities.vision.read.lines",
    "TextLine": "shoal.modalities.vision.read.lines",
    "TextReader": "shoal.modalities.vision.read.reader",
    "VisionEncoder": "shoal.modalities.vision.encoder",
    "VisionExpert": "shoal.modalities.vision.expert",
    "load_image": "shoal.modalities.vision.images",
    "text_reader": "shoal.modalities.vision.read.reader",
    "vision_encoder": "shoal.modalities.vision.encoder",
}
"""Name -> module of this room, imported on first use."""

__all__ = [
    "ImageSource",
    "Label",
    "LoadedImage",
    "Page",
    "TextLine",
    "TextReader",
    "VisionEncoder",
    "VisionExpert",
    "load_image",
    "text_reader",
    "vision_encoder",
]

__getattr__ = exports(__name__, _LAZY)
