"""The vision encoder: labels, embeddings and similarity from any timm model."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal.errors import UsageError
from shoal.modalities.vision.engines import choose, open_engine
from shoal.modalities.vision.images import open_draft, open_pixels
from shoal.modalities.vision.timm_weights import resolve

if TYPE_CHECKING:
    from shoal.modalities.vision.images import ImageSource
    from shoal.modalities.vision.maps import FeatureMaps
    from shoal.modalities.vision.transform import Floats, Transform

DEFAULT_MODEL = "efficientnet-lite0"
_BATCH = 32  # bounds memory; larger batches are no faster on a CPU

_CLOSE, _CLOSE_IN_DRAFT = 0.25, 0.5
"""Logits; bfloat16, and with it a draft, seldom change the gap of two by more."""


@dataclass(frozen=True, slots=True)
class Label:
    """One class a picture may show.

    Attributes:
        name: The first of its names.
        probability: In [0, 1], as the model gives it.
        index: Its place in the model's list.
        synonyms: All its names, the first included.
    """

    name: str
    probability: float
    index: int
    synonyms: tuple[str, ...] = ()


class VisionEncoder:
    """A timm model behind a few methods; one forward pass gives features and labels.

    Safe to call from several threads.

    Args:
        model: A catalogue name, a timm name such as "resnet18", or a folder as timm and its
            hub save models (config.json and model.safetensors).
        engine: "auto" (openvino where installed, else torch), "openvino" or "torch".
        weights: For a name: a weights file, or "random" for an untrained model.

    Attributes:
        network: The model ready to run, and its card.

    Raises:
        UnknownNameError: No such model or engine; near names are suggested.
        MissingModelError: The weights are not on this machine; says how to get them.
        CorruptWeightsError: The weights are damaged or do not fit the model.
        MissingExtraError: openvino was asked for and is not installed.
    """

    def __init__(
        self,
        model: str | Path = DEFAULT_MODEL,
        engine: str = "auto",
        weights: str | Path | None = None,
    ) -> None:
        self.model = str(model)
        self.engine = choose(engine)
        self._weights = resolve(model, weights)
        self.network = open_engine(self._weights, self.engine)
        self._module: Any = None
        self._lock = threading.Lock()

    @property
    def labels(self) -> tuple[str, ...]:
        """All classes by index, each with its synonyms; empty without a classifier."""
        return self.network.card.labels

    @property
    def features(self) -> int:
        """Length of an embedding."""
        return self.network.card.features

    @property
    def transform(self) -> Transform:
        """What is done to a picture before the model sees it."""
        return self.network.card.transform

    @property
    def module(self) -> Any:
        """The timm model itself, in torch and without gradients; built on first use."""
        from shoal.modalities.vision.timm_models import build

        with self._lock:
            if self._module is None:
                both: Any = build(self._weights)[0]
                self._module = both.model.requires_grad_(False)
            return self._module

    def label(self, images: Sequence[ImageSource], k: int = 5) -> list[list[Label]]:
        """Names what pictures show.

        Args:
            images: Pictures of any sizes, each as `load_image` takes it.
            k: How many labels for each.

        Returns:
            For each picture its k most probable labels, best first. The probabilities of
            all labels add up to 1.

        Raises:
            ImageError: A picture can't be read.
            UsageError: k is not positive, or the model has no classifier.
        """
        if k < 1:
            raise UsageError(f"k is {k}", "at least one label is needed", "Pass k=1 or more")
        if not self.labels:
            raise UsageError(
                f"{self.model!r} can't label",
                "it has no classifier",
                "Use embed(), or another model",
            )
        checked = self._checked_logits(images)
        return [self._best(row, k) for logits in checked for row in logits]

    def embed(self, images: Sequence[ImageSource]) -> Floats:
        """Returns pooled features of unit length.

        In bfloat16 where the processor has it: the cosine with float32's is above 0.99.

        Args:
            images: Pictures of any sizes, each as `load_image` takes it.

        Returns:
            float32 (n, d).

        Raises:
            ImageError: A picture can't be read.
        """
        import numpy as np

        batches = [features for features, _, _ in self._run(images)]
        stacked = np.concatenate([np.empty((0, self.features), np.float32), *batches])
        lengths = np.linalg.norm(stacked, axis=1, keepdims=True)
        unit: Floats = stacked / np.maximum(lengths, np.float32(1e-12))
        return unit

    def similarity(self, a: ImageSource, b: ImageSource) -> float:
        """Returns the cosine of two pictures' embeddings, in [-1, 1].

        Raises:
            ImageError: A picture can't be read.
        """
        first, second = self.embed([a, b])
        return float(min(1.0, max(-1.0, first @ second)))

    def maps(
        self, images: Sequence[ImageSource], layers: Sequence[int] | None = None
    ) -> FeatureMaps:
        """Returns feature maps, computed in torch whatever the engine is.

        Args:
            images: At least one picture, each as `load_image` takes it.
            layers: Which intermediate maps, by timm's index (negative from the end); None
                for all, an empty sequence for none.

        Raises:
            ImageError: A picture can't be read.
            UsageError: There are no pictures, no such layer, or the model has no maps.
        """
        from shoal.modalities.vision.maps import feature_maps, joined

        batches = (self.transform([open_pixels(i) for i in part]) for part in _batches(images))
        parts = [feature_maps(self.module, batch, layers) for batch in batches]
        if not parts:
            raise UsageError("no image was passed", "maps need at least one", "Pass [image]")
        return joined(parts)

    def _run(
        self, images: Sequence[ImageSource]
    ) -> Iterator[tuple[Floats, Floats, Sequence[bool]]]:
        for batch in _batches(images):
            opened = (open_draft(image, self.transform.shortest) for image in batch)
            pixels, drafts = zip(*opened, strict=True)
            yield *self.network.quick(self.transform.crop(pixels)), drafts

    def _checked_logits(self, images: Sequence[ImageSource]) -> Iterator[Floats]:
        """Logits of each batch; close calls are looked at again, in full and in float32."""
        for number, (_, logits, drafts) in enumerate(self._run(images)):
            close = close_calls(logits, drafts)
            if close:
                again = [open_pixels(images[number * _BATCH + i]) for i in close]
                logits[close] = self.network.exact(self.transform.crop(again))[1]
            yield logits

    def _best(self, logits: Floats, k: int) -> list[Label]:
        import numpy as np

        odds = np.exp(logits - logits.max())
        probabilities = odds / odds.sum()
        order = np.argsort(-probabilities, kind="stable")[:k]
        return [_label(self.labels[i], float(probabilities[i]), int(i)) for i in order]


def close_calls(logits: Floats, drafts: Sequence[bool]) -> list[int]:
    """Rows whose two best logits are so near that less precision may have swapped them.

    Args:
        logits: float32 (n, classes).
        drafts: For each row, whether it was seen in fewer pixels than there are.
    """
    import numpy as np

    if logits.shape[1] < 2:
        return []
    best = np.partition(logits, -2, axis=1)[:, -2:]
    near = np.where(drafts, _CLOSE_IN_DRAFT, _CLOSE)
    close: list[int] = np.flatnonzero(best[:, 1] - best[:, 0] < near).tolist()
    return close


def _batches(images: Sequence[ImageSource]) -> Iterator[Sequence[ImageSource]]:
    if isinstance(images, str | bytes | Path) or hasattr(images, "getbands"):
        raise UsageError("one image was passed", "a list is expected", "Pass [image]")
    for start in range(0, len(images), _BATCH):
        yield images[start : start + _BATCH]


def _label(names: str, probability: float, index: int) -> Label:
    synonyms = tuple(name.strip() for name in names.split(","))
    return Label(synonyms[0], probability, index, synonyms)


_shared: dict[tuple[str, str], VisionEncoder] = {}
_lock = threading.Lock()


def vision_encoder(model: str = DEFAULT_MODEL, engine: str = "auto") -> VisionEncoder:
    """Returns the process's one encoder of that name, made on first use.

    Raises:
        ShoalError: As `VisionEncoder` does.
    """
    with _lock:
        key = (model, choose(engine))
        if key not in _shared:
            _shared[key] = VisionEncoder(model, engine)
        return _shared[key]
