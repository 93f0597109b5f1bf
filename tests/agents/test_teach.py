"""Names taught with pictures: known in the next run, kept for one user, forgotten for good."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shoal import Agent
from shoal.agents.memory import MemoryStore, TaughtNames
from shoal.errors import ImageError, UnknownNameError, UsageError
from shoal.modalities.vision import VisionEncoder, load_image, vision_encoder
from shoal.types import Status

ASSETS = Path(__file__).parents[2] / "agents/demo/assets"
CAT, COFFEE, SIGN = (ASSETS / name for name in ("cat.jpg", "coffee.jpg", "sign.png"))


@pytest.fixture
def agent() -> Iterator[Agent]:
    with Agent() as made:
        yield made


def _part(path: Path, left: float, right: float) -> Image.Image:
    """Another photo of the same: a part of it."""
    image = load_image(path).pixels
    return image.crop((int(left * image.width), 0, int(right * image.width), image.height))


def test_one_picture_is_enough(agent: Agent) -> None:
    before = agent.run("What is in this picture?", images=[_part(COFFEE, 0.1, 1)])
    assert "espresso" in before.text
    assert agent.teach("my mug", images=[_part(COFFEE, 0, 0.9)]) == 1
    assert agent.taught == {"my mug": 1}
    run = agent.run("What is in this picture?", images=[_part(COFFEE, 0.1, 1)])
    assert run.status is Status.SOLVED
    assert run.expert == "vision"
    assert run.text.startswith("my mug (0.")
    assert run.answer is not None
    assert run.answer.provenance == "image"
    assert run.confidence == pytest.approx(2 / 3)  # of one picture no more can be said
    assert any("my mug: 0." in step.result.text for step in run.steps)
    other = agent.run("What is in this picture?", images=[CAT])
    assert "my mug" not in other.text
    assert "cat" in other.text
    assert any("none of the taught; my mug" in step.result.text for step in other.steps)
    assert "photo of my mug" in [item.text for item in agent.memory.recent(kind="image")]


def test_another_agent_knows_it_and_forgets_it(agent: Agent) -> None:
    agent.teach("Tom", images=[CAT])
    with Agent() as other:
        assert other.run("What is in this picture?", images=[_part(CAT, 0.1, 1)]).text.startswith(
            "Tom (0."
        )
        other.forget_taught("tom")
    assert agent.taught == {}
    assert agent.run("What is in this picture?", images=[CAT]).text.startswith("an Egyptian")
    with pytest.raises(UnknownNameError, match="unknown taught name 'Tom': there are none"):
        agent.forget_taught("Tom")


def test_pictures_add_up_and_the_names_stay_apart(agent: Agent) -> None:
    assert agent.teach("Tom", images=[CAT, CAT]) == 1
    assert agent.teach(" TOM ", images=[_part(CAT, 0, 0.8), _part(CAT, 0.2, 1)]) == 3
    agent.teach("my mug", images=[COFFEE])
    assert agent.taught == {"my mug": 1, "Tom": 3}
    assert agent.run("What is in this picture?", images=[_part(CAT, 0.1, 1)]).text.startswith(
        "Tom ("
    )
    with pytest.raises(UsageError, match="was taught as 'Tom' before"):
        agent.teach("my mug", images=[CAT])
    with pytest.raises(UnknownNameError, match="did you mean 'my mug'"):
        agent.forget_taught("my mugs")


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 81])
def test_what_can_be_no_name(agent: Agent, name: str) -> None:
    with pytest.raises(UsageError, match="can't be taught as a name"):
        agent.teach(name, images=[CAT])


def test_what_teaches_nothing(agent: Agent, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no image"):
        agent.teach("Tom", images=[])
    (tmp_path / "cut.jpg").write_bytes(CAT.read_bytes()[:3000])
    with pytest.raises(ImageError, match="damaged"):
        agent.teach("Tom", images=[CAT, tmp_path / "cut.jpg"])
    assert agent.taught == {}


def test_users_do_not_see_each_others_names(tmp_path: Path) -> None:
    encoder, loaded = vision_encoder(), load_image(CAT)
    ann, bob = (MemoryStore(tmp_path / "memory.sqlite", user=name) for name in ("ann", "bob"))
    TaughtNames(ann).teach("Tom", [loaded], encoder)
    assert TaughtNames(bob).names() == {}
    TaughtNames(bob).teach("Mia", [loaded], encoder)
    TaughtNames(ann).forget("Tom")
    assert bob.blobs.path(loaded.sha256).read_bytes() == loaded.encoded
    assert TaughtNames(bob).vectors(encoder)["Mia"].shape[0] == 1
    TaughtNames(bob).forget("Mia")
    assert not [path for path in bob.blobs.folder.rglob("*") if path.is_file()]
    ann.close()
    bob.close()


def test_a_picture_that_is_taught_stays_when_its_memory_is_forgotten(agent: Agent) -> None:
    agent.run("What is in this picture?", images=[CAT])
    agent.teach("Tom", images=[CAT])
    sha256 = load_image(CAT).sha256
    agent.memory.forget(sha256)
    assert agent.memory.blobs.path(sha256).is_file()
    assert {"taught", "run"} >= {item["kind"] for item in agent.memory.export()} >= {"taught"}


def test_embeddings_are_made_again_where_they_are_gone_or_of_another_encoder(
    agent: Agent,
) -> None:
    agent.teach("Tom", images=[CAT, SIGN])
    names, encoder = TaughtNames(agent.memory), vision_encoder()
    whole = names.vectors(encoder)["Tom"]
    (item,) = agent.memory.recent(kind="taught")
    first, second = item.data["images"].values()
    agent.memory.blobs.forget(first)
    agent.memory.blobs.path(second).write_bytes(b"damaged")
    assert np.allclose(names.vectors(encoder)["Tom"], whole, atol=1e-4)
    small = VisionEncoder("resnet10t", weights="random", engine="torch")
    assert names.vectors(small)["Tom"].shape == (2, 7, small.features)
    agent.memory.blobs.forget(load_image(SIGN).sha256)
    assert names.vectors(encoder)["Tom"].shape[0] == 1
    agent.memory.blobs.forget(load_image(CAT).sha256)
    assert names.vectors(small) == {}
