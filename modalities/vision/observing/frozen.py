"""A frozen encoder for streams of frames: what was seen before is not computed again."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from shoal.modalities.vision.transform import Floats

    Frames = np.ndarray[Any, np.dtype[np.uint8]]

_BATCH = 32  # bounds memory; larger batches are no faster on a CPU


class EmbeddingCache:
    """Embeddings of frames by the hash of their pixels; the least recently used go first.

    Safe to call from several threads.

    Args:
        embed: uint8 (n, c, h, w) -> float32 (n, d).
        limit: How many embeddings are kept.

    Attributes:
        hits: Frames that were known, or there twice in one call.
        misses: Frames that were computed.
    """

    def __init__(self, embed: Callable[[Frames], Floats], limit: int) -> None:
        self._embed, self._limit = embed, limit
        self._kept: OrderedDict[bytes, Floats] = OrderedDict()
        self._lock = threading.Lock()
        self.hits = self.misses = 0

    def __len__(self) -> int:
        return len(self._kept)

    def __call__(self, frames: Frames) -> Floats:
        """Returns the embeddings of at least one frame: float32 (n, d)."""
        import numpy as np

        names = [_name(frame) for frame in frames]
        with self._lock:
            found = {name: self._kept[name] for name in names if name in self._kept}
            new = {name: place for place, name in enumerate(names) if name not in found}
            places = list(new.values())
            for start in range(0, len(places), _BATCH):
                part = places[start : start + _BATCH]
                rows = self._embed(frames[part])
                found.update(zip([names[place] for place in part], rows, strict=True))
            self.hits, self.misses = self.hits + len(names) - len(new), self.misses + len(new)
            self._keep(names, found)
        stacked: Floats = np.stack([found[name] for name in names])
        return stacked

    def _keep(self, names: list[bytes], found: dict[bytes, Floats]) -> None:
        for name in names:
            self._kept[name] = found[name]
            self._kept.move_to_end(name)
        while len(self._kept) > self._limit:
            self._kept.popitem(last=False)


def _name(frame: Frames) -> bytes:
    content = hashlib.blake2b(str(frame.shape).encode(), digest_size=16)
    content.update(frame.tobytes())
    return content.digest()


class FrozenEncoder:
    """An encoder that is never trained, with its cache; it runs in OpenVINO where installed.

    Args:
        model: As `VisionEncoder` takes it.
        weights: As `VisionEncoder` takes it.
        limit: How many embeddings are kept.

    Attributes:
        sha256: Hash of the weights; empty for random ones.
        features: Length of an embedding.
        cache: Frames, uint8 (n, c, h, w) with c = 1 or 3, to embeddings.
    """

    def __init__(self, model: str, weights: str | None, limit: int) -> None:
        from shoal.modalities.vision.encoders.engines import choose, open_engine
        from shoal.modalities.vision.encoders.timm_weights import resolve

        found = resolve(model, weights)
        self._network = open_engine(found, choose("auto"))
        self.sha256, self.features = found.sha256, self._network.card.features
        self.cache = EmbeddingCache(self._embed, limit)

    def _embed(self, frames: Frames) -> Floats:
        import torch

        from shoal.modalities.vision.observing.observed import resized

        transform = self._network.card.transform
        fitted = resized(torch.from_numpy(frames).float(), transform).expand(-1, 3, -1, -1)
        pixels = fitted.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)
        # In float32: a policy must not act otherwise where a processor has no bfloat16.
        features, _ = self._network.exact(pixels.contiguous().numpy())
        return features.copy()  # the engine may use its memory again


@lru_cache(maxsize=4)
def frozen_encoder(model: str, weights: str | None, limit: int) -> FrozenEncoder:
    """Returns the process's one such encoder, made on first use.

    Raises:
        ShoalError: As `VisionEncoder` does.
    """
    return FrozenEncoder(model, weights, limit)
