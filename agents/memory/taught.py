"""Names that the user taught with pictures: the pictures and their embeddings, in the memory."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shoal.errors import CorruptWeightsError, StorageError, UsageError, unknown
from shoal.types import Memory

if TYPE_CHECKING:
    import numpy as np

    from shoal.agents.memory.store import MemoryStore
    from shoal.modalities.vision import LoadedImage, VisionEncoder
    from shoal.modalities.vision.teach.head import Rater
    from shoal.modalities.vision.teach.known import Taught

    Floats = np.ndarray[Any, np.dtype[np.float32]]

TEACHER = "agent.teach"
"""Who knows these names, beside the classifiers that `shoal tune` saved."""

_LONGEST = 80


class TaughtNames:
    """What one user taught.

    Args:
        memory: The user's memory.
    """

    def __init__(self, memory: MemoryStore) -> None:
        self._memory = memory

    def names(self) -> dict[str, int]:
        """Returns each name with the number of its pictures, the latest first."""
        return {item.text: len(item.data["images"]) for item in self._items()}

    def teach(self, name: str, images: Sequence[LoadedImage], encoder: VisionEncoder) -> int:
        """Adds pictures to a name; those that it has already do not count twice.

        Returns:
            How many pictures the name has now.

        Raises:
            UsageError: The name can't be one, there is no picture, or another name has one.
            StorageError: The disk is full; what was taught before is intact.
        """
        shown = _checked(name)
        if not images:
            raise UsageError(f"{shown!r} has no image to be taught by", fix="Give one or more")
        self._check_apart(shown, images)
        known = self._memory.lookup("taught", _key(shown))
        kept: dict[str, str] = {}
        if known is not None and known.data["model"] == _model(encoder):
            kept = dict(known.data["images"])
        elif known is not None:
            kept = self._embedded_anew(list(known.data["images"]), encoder)
        for image in images:
            if image.sha256 not in kept:
                self._memory.blobs.put(image.encoded)
                kept[image.sha256] = self._put(image, encoder)
        self._keep(known.text if known else shown, kept, encoder)
        return len(kept)

    def forget(self, name: str) -> None:
        """Deletes a name, its embeddings, and its pictures where nothing else holds them.

        Raises:
            UnknownNameError: No such name was taught; near ones are suggested.
        """
        item = self._memory.lookup("taught", _key(name))
        if item is None:
            unknown("taught name", name, self.names(), "Teach it: agent.teach(name, images=[…])")
        self._memory.forget_item(item)

    def vectors(self, encoder: VisionEncoder) -> Mapping[str, Floats]:
        """Returns for each name float32 (n, v, d): unit embeddings of its n pictures in v views.

        Pictures that were taught with another encoder are embedded anew, once.
        """
        found: dict[str, Floats] = {}
        for item in self._items():
            arrays = self._arrays(item, encoder)
            if arrays is not None:
                found[item.text] = arrays
        return found

    def known(self) -> list[Taught]:
        """Returns who knows these names, for `ImageIndex` and `explain`; none where none is taught.

        The memory is needed for as long as that is used.
        """
        from shoal.modalities.vision.encoder import DEFAULT_MODEL
        from shoal.modalities.vision.teach.known import Taught

        names = tuple(self.names())
        return [Taught(TEACHER, names, DEFAULT_MODEL, self.opened)] if names else []

    def opened(self) -> tuple[VisionEncoder, Rater]:
        """Loads the encoder, and what knows these names by its embeddings."""
        from shoal.modalities.vision import vision_encoder
        from shoal.modalities.vision.teach import Nearest

        encoder = vision_encoder()
        return encoder, Nearest(self.vectors(encoder))

    def _arrays(self, item: Memory, encoder: VisionEncoder) -> Floats | None:
        import numpy as np

        blobs: dict[str, str] = dict(item.data["images"])
        if item.data["model"] == _model(encoder):
            try:
                return np.stack([self._read(blob) for blob in blobs.values()])
            except (StorageError, CorruptWeightsError):
                pass  # a file was deleted or damaged: the pictures may still be there
        blobs = self._embedded_anew(list(blobs), encoder)
        if not blobs:
            return None
        self._keep(item.text, blobs, encoder)
        return np.stack([self._read(blob) for blob in blobs.values()])

    def _embedded_anew(self, images: Sequence[str], encoder: VisionEncoder) -> dict[str, str]:
        from shoal.modalities.vision import load_image

        made = {}
        for sha256 in images:
            try:
                made[sha256] = self._put(load_image(self._memory.blobs.path(sha256)), encoder)
            except (StorageError, UsageError):
                continue  # a picture that is gone teaches nothing any more
        return made

    def _put(self, image: LoadedImage, encoder: VisionEncoder) -> str:
        from safetensors.numpy import save

        from shoal.modalities.vision.teach.views import embed_views

        return self._memory.blobs.put(save({"vectors": embed_views([image], encoder)[0]}))

    def _read(self, sha256: str) -> Floats:
        from safetensors import SafetensorError
        from safetensors.numpy import load

        content = self._memory.blobs.path(sha256).read_bytes()
        try:
            if hashlib.sha256(content).hexdigest() == sha256:
                vectors: Floats = load(content)["vectors"]
                return vectors
        except (SafetensorError, KeyError):
            pass
        raise CorruptWeightsError(f"the embeddings {sha256[:12]}… are damaged")

    def _keep(self, name: str, images: Mapping[str, str], encoder: VisionEncoder) -> None:
        data = {"model": _model(encoder), "images": dict(images)}
        self._memory.remember("taught", name, data=data, provenance="user", key=_key(name))

    def _check_apart(self, name: str, images: Sequence[LoadedImage]) -> None:
        given = {image.sha256 for image in images}
        for item in self._items():
            if item.key != _key(name) and given & set(item.data["images"]):
                raise UsageError(
                    f"an image of {name!r} was taught as {item.text!r} before",
                    "one picture can't have two names",
                    f"Forget the other: agent.forget_taught({item.text!r})",
                )

    def _items(self) -> Sequence[Memory]:
        return self._memory.recent(kind="taught", limit=10_000)


def _model(encoder: VisionEncoder) -> str:
    return f"{encoder.model}, {encoder.features} features"


def _checked(name: str) -> str:
    shown = unicodedata.normalize("NFC", name).strip() if isinstance(name, str) else ""
    if not shown or len(shown) > _LONGEST or not shown.isprintable():
        raise UsageError(
            f"{str(name)[:_LONGEST]!r} can't be taught as a name",
            f"it needs 1 to {_LONGEST} printable characters on one line",
        )
    return shown


def _key(name: str) -> str:
    plain = unicodedata.normalize("NFC", str(name)).strip().casefold()
    return hashlib.sha256(plain.encode("utf-8", "replace")).hexdigest()[:32]
