"""The vision encoder: labels, embeddings and similarity from any timm model."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal.errors import ImageError, UsageError
from shoal.modalities.vision.encoders.engines import choose, open_engine
from shoal.modalities.vision.encoders.timm_weights import resolve
from shoal.modalities.vision.labels import Label, close_calls, ranked
from shoal.modalities.vision.opening.images import drafted, open_pixels

if TYPE_CHECKING:
    from shoal.modalities.vision.maps import FeatureMaps
    from shoal.modalities.vision.opening.images import ImageSource
    from shoal.modalities.vision.transform import Bytes, Floats, Transform

DEFAULT_MODEL = "efficientnet-lite0"
_BATCH = 32  # bounds memory; larger batches are no faster on a CPU


@dataclass(frozen=True, slots=True, eq=False)
class Glance:
    """A picture as a model takes it.

    Attributes:
        pixels: uint8 (height, width, 3), cropped.
        draft: Whether it was decoded smaller than it is, as large JPEGs are.
        source: Where it came from, for a second look.
    """

    pixels: Bytes
    draft: bool
    source: ImageSource


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
        weights: Its architecture, and the file that fills it.

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
        self.weights = resolve(model, weights)
        self.network = open_engine(self.weights, self.engine)
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
        from shoal.modalities.vision.encoders.timm_models import build

        with self._lock:
            if self._module is None:
                both: Any = build(self.weights)[0]
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
        return [labels for seen in self._seen(images, k) for labels in seen[1]]

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

        batches = [vectors for vectors, _ in self._seen(images, 0)]
        return np.concatenate([np.empty((0, self.features), np.float32), *batches])

    def glance(self, image: ImageSource) -> Glance:
        """Opens one picture, no larger than the model needs: the part of `see` for threads.

        Raises:
            ImageError: It can't be read.
        """
        with drafted(image, self.transform.shortest) as (pixels, draft):
            return Glance(self.transform.crop([pixels])[0], draft, image)

    def see(self, glances: Sequence[Glance], k: int = 5) -> tuple[Floats, list[list[Label]]]:
        """Embeds and labels opened pictures in one pass; all of them at once.

        Args:
            glances: From this encoder's `glance`.
            k: How many labels for each; with 0 none, and nothing is looked at again.

        Returns:
            Embeddings as of `embed`, and labels as of `label`.

        Raises:
            UsageError: Labels are wanted and the model has no classifier.
        """
        import numpy as np

        self._check(k)
        if not glances:
            return np.empty((0, self.features), np.float32), []
        features, logits = self.network.quick(np.stack([glance.pixels for glance in glances]))
        if k:
            self._look_again(logits, glances)
        lengths = np.linalg.norm(features, axis=1, keepdims=True)
        unit: Floats = features / np.maximum(lengths, np.float32(1e-12))
        return unit, [ranked(row, self.labels, k) for row in logits] if k else [[] for _ in glances]

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

    def _seen(
        self, images: Sequence[ImageSource], k: int
    ) -> Iterator[tuple[Floats, list[list[Label]]]]:
        self._check(k)
        for batch in _batches(images):
            yield self.see([self.glance(image) for image in batch], k)

    def _check(self, k: int) -> None:
        if k and not self.labels:
            why = "it has no classifier"
            raise UsageError(f"{self.model!r} can't label", why, "Use embed(), or another model")

    def _look_again(self, logits: Floats, glances: Sequence[Glance]) -> None:
        """Decides close calls on whole pictures and in float32, in place."""
        import numpy as np

        close = close_calls(logits, [glance.draft for glance in glances])
        if close:
            again = np.stack([self._whole(glances[i]) for i in close])
            logits[close] = self.network.exact(again)[1]

    def _whole(self, glance: Glance) -> Bytes:
        if not glance.draft:
            return glance.pixels
        try:
            with drafted(glance.source, 0) as (pixels, _):
                whole: Bytes = self.transform.crop([pixels])[0]
        except ImageError:  # the file was deleted or written over since
            return glance.pixels
        return whole


def _batches(images: Sequence[ImageSource]) -> Iterator[Sequence[ImageSource]]:
    if isinstance(images, str | bytes | Path) or hasattr(images, "getbands"):
        raise UsageError("one image was passed", "a list is expected", "Pass [image]")
    for start in range(0, len(images), _BATCH):
        yield images[start : start + _BATCH]


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
