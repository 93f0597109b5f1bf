"""The text expert: a small language model, a sentence encoder, and how they call tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoal.lazy import exports

if TYPE_CHECKING:
    from shoal.modalities.text.chat import ChatShoal
    from shoal.modalities.text.encoder import TextEncoder, text_encoder
    from shoal.modalities.text.expert import TextExpert

_LAZY = {
    "ChatShoal": "shoal.modalities.text.chat",
    "TextEncoder": "shoal.modalities.text.encoder",
    "TextExpert": "shoal.modalities.text.expert",
    "text_encoder": "shoal.modalities.text.encoder",
}
"""Name -> module that holds it, imported on first use."""

__all__ = ["ChatShoal", "TextEncoder", "TextExpert", "text_encoder"]

__getattr__ = exports(__name__, _LAZY)
