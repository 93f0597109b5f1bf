"""Pictures: reading them safely, labels, embeddings, similarity, and the text in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoal.lazy import exports

if TYPE_CHECKING:
    from shoal.modalities.vision.encoder import Label, VisionEncoder, vision_encoder
    from shoal.modalities.vision.expert import VisionExpert
    from shoal.modalities.vision.find import ImageIndex, label_folder
    from shoal.modalities.vision.images import ImageSource, LoadedImage, load_image
    from shoal.modalities.vision.reader import TextLine, TextReader, text_reader

_LAZY = {
    "ImageIndex": "shoal.modalities.vision.find",
    "ImageSource": "shoal.modalities.vision.images",
    "Label": "shoal.modalities.vision.encoder",
    "LoadedImage": "shoal.modalities.vision.images",
    "TextLine": "shoal.modalities.vision.reader",
    "TextReader": "shoal.modalities.vision.reader",
    "VisionEncoder": "shoal.modalities.vision.encoder",
    "VisionExpert": "shoal.modalities.vision.expert",
    "label_folder": "shoal.modalities.vision.find",
    "load_image": "shoal.modalities.vision.images",
    "text_reader": "shoal.modalities.vision.reader",
    "vision_encoder": "shoal.modalities.vision.encoder",
}
"""Name -> module of this room, imported on first use."""

__all__ = [
    "ImageIndex",
    "ImageSource",
    "Label",
    "LoadedImage",
    "TextLine",
    "TextReader",
    "VisionEncoder",
    "VisionExpert",
    "label_folder",
    "load_image",
    "text_reader",
    "vision_encoder",
]

__getattr__ = exports(__name__, _LAZY)
