"""Labels in your own words, without training: a text-image model (CLIP or SigLIP)."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from shoal.errors import UsageError
from shoal.modalities.vision.labels import Label
from shoal.modalities.vision.opening.images import open_pixels
from shoal.modalities.vision.text_image import TextImageModel, open_model

if TYPE_CHECKING:
    from shoal.modalities.vision.opening.images import ImageSource
    from shoal.modalities.vision.transform import Floats

_BATCH = 16  # bounds memory


class ZeroShot:
    """Rates pictures against names that are chosen at the call.

    CLIP (Radford et al. 2021) says which of the names fits best: its probabilities add up to
    1, so at least two names are needed. SigLIP (Zhai et al. 2023) rates each name by itself:
    none may fit. Safe to call from several threads.

    Args:
        model: A catalogue name such as "clip-vit-base-patch32", a hub repo whose files are
            in the local cache ("google/siglip-base-patch16-224", with or without "hf:", or
            "hf:owner/repo@COMMIT"), or a folder as transformers saves models.

    Raises:
        UnknownNameError: No such model; near names are suggested.
        MissingModelError: It is not on this machine; says how to get it. Nothing is fetched.
        UsageError: It is another kind of model.
        CorruptWeightsError: Its files are damaged or incomplete.
        MissingExtraError: Its tokenizer needs a package that is not installed.
    """

    def __init__(self, model: str | Path) -> None:
        self.model = str(model)
        self._model: TextImageModel = open_model(model)
        self._lock = threading.Lock()
        self._last: tuple[tuple[str, ...], Floats] | None = None

    @property
    def exclusive(self) -> bool:
        """Whether exactly one name is taken to fit (CLIP), or each is rated alone (SigLIP)."""
        return self._model.bias is None

    def label(
        self,
        images: Sequence[ImageSource],
        names: Sequence[str],
        template: str = "a photo of a {}",
        k: int = 5,
    ) -> list[list[Label]]:
        """Says which of the names fit what pictures show.

        Args:
            images: Pictures of any sizes, each as `load_image` takes it.
            names: What they may show, each once.
            template: The sentence that each name is put into, in place of "{}".
            k: How many labels for each.

        Returns:
            For each picture its k most probable labels, best first; `index` is the place in
            `names`.

        Raises:
            ImageError: A picture can't be read.
            UsageError: The names, the template or k can't be used.
        """
        import numpy as np

        sentences = _sentences(names, template, least=2 if self.exclusive else 1)
        if k < 1:
            raise UsageError(f"k is {k}", "at least one label is needed", "Pass k=1 or more")
        scores = self.embed(images) @ self._texts(sentences).T * self._model.scale
        return [
            _ranked(_probabilities(row, self._model.bias), names, k) for row in np.asarray(scores)
        ]

    def embed(self, images: Sequence[ImageSource]) -> Floats:
        """Returns pictures in the space shared with texts: float32 (n, d) of unit length.

        Raises:
            ImageError: A picture can't be read.
        """
        import numpy as np

        if isinstance(images, str | bytes | Path) or hasattr(images, "getbands"):
            raise UsageError("one image was passed", "a list is expected", "Pass [image]")
        parts = [np.empty((0, self._model.size), np.float32)]
        for start in range(0, len(images), _BATCH):
            pixels = [open_pixels(image) for image in images[start : start + _BATCH]]
            parts.append(self._model.images(pixels))
        joined: Floats = np.concatenate(parts)
        return joined

    def embed_texts(self, texts: Sequence[str]) -> Floats:
        """Returns texts in the space shared with pictures: float32 (n, d) of unit length."""
        import numpy as np

        if isinstance(texts, str):
            raise UsageError("one text was passed", "a list is expected", "Pass [text]")
        if not texts:
            return np.empty((0, self._model.size), np.float32)
        return self._model.texts(texts)

    def _texts(self, sentences: tuple[str, ...]) -> Floats:
        """Keeps the last sentences' vectors: the same names are asked for again and again."""
        with self._lock:
            if self._last is None or self._last[0] != sentences:
                self._last = sentences, self.embed_texts(sentences)
            return self._last[1]


def _sentences(names: Sequence[str], template: str, least: int) -> tuple[str, ...]:
    if isinstance(names, str):
        raise UsageError("one name was passed", "a list is expected", "Pass a list of names")
    if "{}" not in template:
        raise UsageError(
            f"the template {template!r} has no place for a name",
            "it holds no {}",
            "For example: a photo of a {}",
        )
    if len(names) < least:
        raise UsageError(
            f"{len(names)} names were passed",
            "this model says which name fits best" if least > 1 else "there is nothing to rate",
            f"Pass {least} or more",
        )
    for number, name in enumerate(names):
        if not name.strip() or name in names[:number]:
            raise UsageError(f"the name {name!r} can't be used", "it is empty or there twice")
    return tuple(template.replace("{}", name) for name in names)


def _probabilities(scores: Floats, bias: float | None) -> Floats:
    """Softmax over the names (CLIP), or each name's own sigmoid (SigLIP)."""
    import numpy as np

    if bias is not None:
        alone: Floats = 1 / (1 + np.exp(-np.clip(scores + np.float32(bias), -80, 80)))
        return alone
    odds = np.exp(scores - scores.max())
    shared: Floats = odds / odds.sum()
    return shared


def _ranked(probabilities: Floats, names: Sequence[str], k: int) -> list[Label]:
    import numpy as np

    order = np.argsort(-probabilities, kind="stable")[:k]
    return [Label(names[i], float(probabilities[i]), int(i), (names[i],)) for i in order]
