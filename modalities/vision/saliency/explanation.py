"""Why a label, and which part of the picture: heat over the pixels that speak for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shoal.errors import UsageError
from shoal.files import write_atomic
from shoal.modalities.vision.encoder import DEFAULT_MODEL, VisionEncoder, vision_encoder
from shoal.modalities.vision.labels import Label
from shoal.modalities.vision.opening.images import open_pixels
from shoal.modalities.vision.saliency.cam import METHODS, Class, TaughtClass, class_map
from shoal.modalities.vision.saliency.overlay import caption as write_caption
from shoal.modalities.vision.saliency.overlay import overlaid
from shoal.modalities.vision.teach.known import (
    Taught,
    in_library,
    knowing,
    named,
    unknown_label,
)

if TYPE_CHECKING:
    from PIL import Image

    from shoal.modalities.vision.opening.images import ImageSource
    from shoal.modalities.vision.transform import Floats

__all__ = ["METHODS", "Explanation", "explain"]

_ROWS = 256  # worked on at a time: bounds the memory of large pictures


@dataclass(frozen=True, slots=True, eq=False)
class HeatMap:
    """A coarse map, and where it lies in a picture: laid out only where it is asked for.

    Attributes:
        coarse: float32 (h, w) in 0..1, as the model computed it.
        frame: Left, top, right and bottom of what it covers, in the picture's pixels.
        size: Width and height of the picture.
    """

    coarse: Floats
    frame: tuple[float, float, float, float]
    size: tuple[int, int]

    def rows(self, top: int, bottom: int) -> Floats:
        """Returns rows of the map in the picture's own size, float32 (bottom - top, width)."""
        import numpy as np
        from PIL import Image

        left, upper, right, lower = self.frame
        x, y = self.coarse.shape[1] / (right - left), self.coarse.shape[0] / (lower - upper)
        affine = (x, 0, -left * x, 0, y, (top - upper) * y)
        way = Image.Transform.AFFINE, affine, Image.Resampling.BICUBIC
        spread = Image.fromarray(self.coarse).transform((self.size[0], bottom - top), *way)
        clipped: Floats = np.clip(np.asarray(spread), 0, 1)
        return clipped


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """Where a model sees a label in a picture.

    Attributes:
        image: The picture, upright RGB.
        map: Where the heat is.
        label: What was asked about, with the probability the model gives it.
        method: "cam" or "grad-cam".
    """

    image: Image.Image
    map: HeatMap
    label: Label
    method: str

    @property
    def heat(self) -> Floats:
        """The heat, float32 (height, width) in 0..1, in the picture's own size.

        It is 0 also where the model did not look (what its transform cuts off).
        """
        import numpy as np

        height = self.image.height
        heat = np.empty((height, self.image.width), np.float32)
        for top in range(0, height, _ROWS):
            heat[top : top + _ROWS] = self.map.rows(top, min(top + _ROWS, height))
        return heat

    def box(self, least: float = 0.5) -> tuple[int, int, int, int] | None:
        """Returns the smallest box round all heat of at least `least` times the hottest.

        Returns:
            Left, top, right and bottom in pixels; None where there is no heat at all.
        """
        import numpy as np

        heat = self.heat
        hottest = float(heat.max())
        if hottest <= 0:
            return None
        hot = heat >= np.float32(least * hottest)
        rows, columns = np.flatnonzero(hot.any(axis=1)), np.flatnonzero(hot.any(axis=0))
        return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1

    def overlay(self, opacity: float = 0.6, caption: bool = False) -> Image.Image:
        """Returns the picture, in its own size, with the heat laid over it.

        Args:
            opacity: Of the hottest places, 0 to 1.
            caption: Write the label and its probability along the lower edge.
        """
        made = overlaid(self.image, self.map.rows, opacity)
        if caption:
            write_caption(made, f"{self.label.name} {self.label.probability:.2f}")
        return made

    def save(self, path: str | Path, caption: bool = True) -> Path:
        """Saves the overlay as PNG.

        Returns:
            The path.

        Raises:
            UsageError: The path does not end in .png.
            StorageError: It can't be written; what was there before is intact.
        """
        target = Path(path).expanduser()
        if target.suffix.lower() != ".png":
            raise UsageError(f"cannot save to {target}", "overlays are PNG", "Name a .png file")
        return write_atomic(target, lambda part: self.overlay(caption=caption).save(part, "PNG"))


def explain(
    image: ImageSource,
    label: str | None = None,
    *,
    model: str | VisionEncoder = "",
    method: str = "auto",
    taught: Callable[[], Sequence[Taught]] = in_library,
) -> Explanation:
    """Shows which part of a picture speaks for a label.

    Args:
        image: As `load_image` takes it.
        label: A name that was taught, or one of the encoder's labels or synonyms, in any case;
            the model's likeliest by default.
        model: A taught classifier's name or folder, an encoder's name, or an encoder of your
            own; by default who was taught the label, else the embedded encoder.
        method: "auto", "cam" (Zhou et al. 2016) or "grad-cam" (Selvaraju et al. 2017).
        taught: Returns who knows labels beside the encoder, as for `ImageIndex`.

    Raises:
        ImageError: The picture can't be read.
        UnknownNameError: There is no such label or method; near names are suggested.
        UsageError: The model has no classifier or no feature map, or several classifiers know
            the label.
        MissingModelError: The model's weights are not on this machine.
    """
    encoder, chosen, seen = _asked(image, label, model, taught)
    pixels = open_pixels(image)
    batch = encoder.transform([pixels])
    coarse, used = class_map(encoder.module, batch, seen, method)
    frame = encoder.transform.frame(*pixels.size)
    return Explanation(pixels, HeatMap(coarse, frame, pixels.size), chosen, used)


def _asked(
    image: ImageSource,
    label: str | None,
    model: str | VisionEncoder,
    taught: Callable[[], Sequence[Taught]],
) -> tuple[VisionEncoder, Label, Class | TaughtClass]:
    """Who explains, which label, and its class.

    A label is judged from the source, not from the pixels: what is asked of `label` or
    `predict` is what is explained.
    """
    known = list(taught()) if isinstance(model, str) and (model or label is not None) else []
    one = named(model, known) if isinstance(model, str) and model else knowing(label or "", known)
    if one is None:
        encoder = vision_encoder(model or DEFAULT_MODEL) if isinstance(model, str) else model
        rated = encoder.label([image], k=max(1, len(encoder.labels)))[0]
        found = _chosen(rated, label, () if model else known)
        return encoder, found, Class(found.index)
    encoder, rater = one.open()
    rating = rater.rate(encoder.embed([image], rater.close_calls))
    number = int(rating.best[0]) if label is None else one.number(label)
    if number is None:
        unknown_label(label or "", [one])
    name = one.labels[number]
    sure = float(rating.probabilities[0, number])
    return encoder, Label(name, sure, number, (name,)), TaughtClass(rater.head, number)


def _chosen(labels: list[Label], name: str | None, known: Sequence[Taught]) -> Label:
    """The label of that name, the likeliest if two classes share it ("crane")."""
    if name is None:
        return labels[0]
    wanted = name.strip().casefold()
    for label in labels:
        if wanted in (other.casefold() for other in label.synonyms):
            return label
    unknown_label(name, known, [other for label in labels for other in label.synonyms])
