"""Pictures that a task was made with are decoded once, and read as their files are."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from shoal import Agent
from shoal.agents.memory import MemoryStore
from shoal.agents.reflexes.features import Grain, read
from shoal.errors import StorageError
from shoal.modalities.vision import LoadedImage, load_image
from shoal.modalities.vision.opening.recent import Recent


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    with Agent(memory=MemoryStore(tmp_path / "memory.sqlite")) as made:
        yield made


def _picture(seed: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    grain = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), np.uint8)
    return Image.fromarray(grain).resize(size, Image.Resampling.BICUBIC)


def _file(kind: str, seed: int) -> bytes:
    stream = io.BytesIO()
    _picture(seed).save(stream, kind)
    return stream.getvalue()


@pytest.mark.parametrize("grain", ["quick", "deep"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "pixels"])
def test_it_is_read_as_its_file_is(agent: Agent, kind: str, grain: Grain) -> None:
    given: Any = _picture(1) if kind == "pixels" else _file(kind, 1)
    task = agent.task("what is this?", images=[given])
    assert isinstance(agent.house.picture(task.images[0]), LoadedImage)
    shared = read([task], grain, agent.house.picture)
    np.testing.assert_array_equal(shared, read([task], grain, agent.house.image_path))


def test_a_photo_and_its_copy_as_png_look_alike_to_the_quick_head(agent: Agent) -> None:
    tasks = [agent.task("what is this?", images=[_file(kind, 1)]) for kind in ("JPEG", "PNG")]
    one, other = read(tasks, "quick", agent.house.picture)
    assert float(one @ other) > 0.999


def test_what_was_forgotten_is_gone_from_here_too(agent: Agent) -> None:
    image = agent.task("what is this?", images=[_file("PNG", 1)]).images[0]
    agent.memory.blobs.forget(image.sha256)
    with pytest.raises(StorageError, match="forgotten"):
        agent.house.picture(image)


def test_pixels_that_are_a_callers_own_are_not_shared(agent: Agent) -> None:
    own = load_image(_file("PNG", 1))
    other = replace(own, pixels=_picture(2))
    image = agent.task("what is this?", images=[other]).images[0]
    assert agent.house.picture(image) == agent.house.image_path(image)


def test_the_latest_are_kept_within_the_bound() -> None:
    pictures = [load_image(_picture(seed, (64, 48))) for seed in range(4)]
    one = max(3 * 64 * 48 + len(picture.encoded) for picture in pictures)
    recent = Recent(2 * one)
    for picture in (*pictures, pictures[2]):
        recent.add(picture)
    kept = [recent.get(picture.sha256) is picture for picture in pictures]
    assert kept == [False, False, True, True]
    recent.add(load_image(_picture(9, (400, 400))))  # larger than all that may be kept
    assert recent.get(pictures[3].sha256) is not None


def test_a_picture_keeps_its_name_when_its_file_is_packed(agent: Agent) -> None:
    task = agent.task("what is in this picture?", images=[_picture(3)])
    agent.memory.blobs.flush()
    path = agent.house.image_path(task.images[0])
    assert load_image(path).sha256 != task.images[0].sha256  # its file is another by now
    run = agent.run(task)
    name = task.images[0].sha256
    assert [step.arguments["image"] for step in run.steps if step.kind == "encoder"] == [name]
    assert [item.key for item in agent.memory.items(("image",))] == [name]
    again = agent.run("read the text in this picture", images=[_picture(3)])
    assert {step.arguments["image"] for step in again.steps if step.kind == "ocr"} == {name}
