"""Pictures: reading them safely, labels, embeddings, similarity, and the text in them."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shoal.modalities.vision.encoder import Label, VisionEncoder, vision_encoder
    from shoal.modalities.vision.expert import VisionExpert
    from shoal.modalities.vision.images import ImageSource, LoadedImage, load_image
    from shoal.modalities.vision.reader import TextLine, TextReader, text_reader

_MODULES = {
    "ImageSource": "images",
    "Label": "encoder",
    "LoadedImage": "images",
    "TextLine": "reader",
    "TextReader": "reader",
    "VisionEncoder": "encoder",
    "VisionExpert": "expert",
    "load_image": "images",
    "text_reader": "reader",
    "vision_encoder": "encoder",
}
"""Name -> module of this room, imported on first use."""

__all__ = [
    "ImageSource",
    "Label",
    "LoadedImage",
    "TextLine",
    "TextReader",
    "VisionEncoder",
    "VisionExpert",
    "load_image",
    "text_reader",
    "vision_encoder",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
