"""The text expert: a small language model, a sentence encoder, and how they call tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoal.lazy import exports

if TYPE_CHECKING:
    from shoal.modalities.text.chat import ChatShoal
    from shoal.modalities.text.decision_model import DecisionShoal as DecisionShoal
    from shoal.modalities.text.decisions import Decision, decide
    from shoal.modalities.text.encoder import TextEncoder, text_encoder
    from shoal.modalities.text.expert import TextExpert

_LAZY = {
    "ChatShoal": "shoal.modalities.text.chat",
    "Decision": "shoal.modalities.text.decisions",
    "DecisionShoal": "shoal.modalities.text.decision_model",
    "TextEncoder": "shoal.modalities.text.encoder",
    "TextExpert": "shoal.modalities.text.expert",
    "decide": "shoal.modalities.text.decisions",
    "text_encoder": "shoal.modalities.text.encoder",
}
"""Name -> module that holds it, imported on first use. `DecisionShoal` is not in `__all__`:
it needs langchain-core 1.8, and says so where that is older."""

__all__ = [
    "ChatShoal",
    "Decision",
    "TextEncoder",
    "TextExpert",
    "decide",
    "text_encoder",
]

__getattr__ = exports(__name__, _LAZY)
