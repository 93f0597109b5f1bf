"""The vision encoder: labels, embeddings and similarity from any timm model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

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

CloseCalls: TypeAlias = "Callable[[Floats], Sequence[int]]"
"""Takes unit embeddings (n, d) and returns the rows that less precision may have decided."""


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
        self._check(k)
        batches = (self.see(glances, k)[1] for glances in self._glances(images))
        return [labels for rows in batches for labels in rows]

    def embed(self, images: Sequence[ImageSource], close: CloseCalls | None = None) -> Floats:
        """Returns pooled features of unit length.

        In bfloat16 where the processor has it: the cosine with float32's is 0.997 on average,
        and seldom below 0.98.

        Args:
            images: Pictures of any sizes, each as `load_image` takes it.
            close: Finds those to be embedded again, whole and in float32: who decides by
                embeddings passes it, so that drafts and bfloat16 decide nothing.

        Returns:
            float32 (n, d).

        Raises:
            ImageError: A picture can't be read.
        """
        import numpy as np

        batches = [self.embed_opened(glances, close) for glances in self._glances(images)]
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
            self._look_again(logits, 1, close_calls(logits, [g.draft for g in glances]), glances)
        return _unit(features), [ranked(row, self.labels, k) for row in logits] if k else [
            [] for _ in glances
        ]

    def embed_opened(self, glances: Sequence[Glance], close: CloseCalls | None = None) -> Floats:
        """Embeds opened pictures, all of them at once; as `embed`."""
        vectors, _ = self.see(glances, 0)
        if close is None:
            return vectors
        self._look_again(vectors, 0, close(vectors), glances)
        return _unit(vectors)

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

    def _glances(self, images: Sequence[ImageSource]) -> Iterator[list[Glance]]:
        for batch in _batches(images):
            yield [self.glance(image) for image in batch]

    def _check(self, k: int) -> None:
        if k and not self.labels:
            why = "it has no classifier"
            raise UsageError(f"{self.model!r} can't label", why, "Use embed(), or another model")

    def _look_again(
        self, seen: Floats, part: int, close: Sequence[int], glances: Sequence[Glance]
    ) -> None:
        """Replaces rows of features (part 0) or logits (part 1) by those of a second look.

        It is on whole pictures and in float32; what was seen so at first is left as it is.
        """
        import numpy as np

        quick = self.network.quick is not self.network.exact
        rows = [i for i in close if quick or glances[i].draft]
        if rows:
            again = np.stack([self._whole(glances[i]) for i in rows])
            seen[rows] = self.network.exact(again)[part]

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


def _unit(vectors: Floats) -> Floats:
    import numpy as np

    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Floats = vectors / np.maximum(lengths, np.float32(1e-12))
    return scaled


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
