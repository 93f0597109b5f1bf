"""Makes a task of what a caller gives: checked words, stored pictures, a known env."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal.errors import EmptyTaskError, UsageError, unknown
from shoal.types import ImageRef, Provenance, Task

if TYPE_CHECKING:
    from shoal.agents.house import House
    from shoal.agents.router import Dial
    from shoal.modalities.vision import LoadedImage


def make_task(
    house: House,
    text: str,
    images: Sequence[Any],
    env: str | None,
    seed: int,
    thread: str,
    provenance: Provenance,
) -> Task:
    """Makes a task; see `Agent.task`."""
    if not isinstance(text, str) or not text.strip():
        raise EmptyTaskError("the task is empty", "there is no text in it", "Say what to do")
    if not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise UsageError(f"the seed is {seed!r}", "it has to be a number from 0 to 2**32 - 1")
    if env is not None:
        _check_env(env)
    stored = tuple(_stored(house, image) for image in listed(images))
    words = text.encode("utf-8", "replace").decode()
    return Task(words, stored, env, seed, thread, provenance=provenance)


def start(task: Task, approve: bool, interactive: bool, dial: Dial | None) -> dict[str, Any]:
    """The graph's state at the beginning."""
    state = {"task": task, "approved": ["*"] if approve else [], "interactive": interactive}
    return state | ({"dial": dial} if dial else {})


def small_pictures(images: Sequence[Any]) -> list[LoadedImage]:
    """Loads pictures to teach by; all are checked before one is taught, so none stays large."""
    from shoal.modalities.vision import load_image
    from shoal.modalities.vision.teach.views import small

    loaded = []
    for image in listed(images):
        whole = load_image(image)
        loaded.append(replace(whole, pixels=small(whole)))
    return loaded


def listed(images: Sequence[Any]) -> Sequence[Any]:
    """One picture as a list of one; several as they are."""
    return [images] if isinstance(images, str | bytes | Path) else images


def _check_env(env: str) -> None:
    from shoal.envs.registry import has, names

    if not has(env):
        unknown("env", str(env), names(), "Type: shoal run 'which envs are there?'")


def _stored(house: House, image: Any) -> ImageRef:
    from shoal.modalities.vision import load_image

    loaded = load_image(image)
    blobs, sha256 = house.memory.blobs, loaded.sha256
    if loaded is image:  # a caller's own: its pixels, and its name, may be others by then
        sha256 = blobs.put(loaded.encoded)
    elif house.recent.get(sha256) is None or not blobs.holds(sha256):
        blobs.put_soon(loaded.encoded, sha256)
        house.recent.add(loaded)
    return ImageRef(sha256, loaded.media_type, loaded.width, loaded.height)
