"""The three built-in experts, on the same road as a stranger's."""

from __future__ import annotations

from shoal.types import Expert


def builtin_experts() -> list[Expert]:
    """Returns text, vision and policy; their models load when a task first needs them."""
    from shoal.modalities.policy import PolicyExpert
    from shoal.modalities.text import TextExpert
    from shoal.modalities.vision import VisionExpert

    return [TextExpert(), VisionExpert(), PolicyExpert()]
