"""Pictures over time: frames of videos, animations, folders of stills, and screens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoal.lazy import exports

if TYPE_CHECKING:
    from shoal.modalities.vision.frames.sampling import Frame, Frames, frames

_LAZY = {
    "Frame": "shoal.modalities.vision.frames.sampling",
    "Frames": "shoal.modalities.vision.frames.sampling",
    "frames": "shoal.modalities.vision.frames.sampling",
}
"""Name -> module, imported on first use."""

__all__ = ["Frame", "Frames", "frames"]

__getattr__ = exports(__name__, _LAZY)
