"""What taught classifiers say is decided on whole pictures in float32 where it is a close call."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from shoal.modalities.vision import VisionExpert, load_image, vision_encoder
from shoal.modalities.vision.teach import ImageClassifier, Nearest, Pictures, evaluate_pictures
from shoal.modalities.vision.teach.classifier import EncoderSpec, ImageClassifierSpec
from shoal.modalities.vision.teach.head import NEAR, Head
from shoal.modalities.vision.teach.nearest import unit
from shoal.types import Context, ImageRef, Task

if TYPE_CHECKING:
    from shoal.modalities.vision.transform import Floats

ASSETS = Path(__file__).parents[2] / "agents/demo/assets"


@pytest.fixture(scope="module")
def drafts() -> list[bytes]:
    """Crops of two photos as JPEGs so large that they are decoded smaller at first."""
    random, made = np.random.default_rng(0), []
    for number in range(24):
        photo = load_image(ASSETS / ("cat.jpg", "coffee.jpg")[number % 2]).pixels
        side = int(min(photo.size) * random.uniform(0.3, 1))
        left, top = (int(random.integers(0, length - side + 1)) for length in photo.size)
        stream = io.BytesIO()
        photo.crop((left, top, left + side, top + side)).resize((900, 900)).save(stream, "JPEG")
        made.append(stream.getvalue())
    return made


@pytest.fixture(scope="module")
def first(drafts: list[bytes]) -> Floats:
    return vision_encoder().embed(drafts)


@pytest.fixture(scope="module")
def exact(drafts: list[bytes]) -> Floats:
    """Of the whole pictures, in float32."""
    encoder = vision_encoder()
    whole = encoder.transform.crop([load_image(draft).pixels for draft in drafts])
    return unit(encoder.network.exact(whole)[0])


def _classifier(head: Head, threshold: float) -> ImageClassifier:
    labels = [f"class {number}" for number in range(len(head.bias))]
    spec = ImageClassifierSpec(
        name="made", labels=labels, encoder=EncoderSpec(model="efficientnet-lite0", sha256=""),
        temperature=0.1, threshold=threshold, files={},
    )  # fmt: skip
    return ImageClassifier(spec, vision_encoder(), head)


def _between(first: Floats, exact: Floats) -> Head:
    """Class means between which each picture's first sight and its float32 fall apart.

    Class 2 i is a picture as it was seen at first, class 2 i + 1 is it in float32.
    """
    return Head.of_prototypes(np.stack([first, exact], axis=1).reshape(-1, first.shape[1]))


@pytest.mark.parametrize("scale", [1, 40], ids=["cosines", "as large as a linear head's"])
def test_the_label_is_that_of_float32_whatever_the_scale(
    drafts: list[bytes], first: Floats, exact: Floats, scale: float
) -> None:
    plain = _between(first, exact)
    head = Head(scale * plain.weights, plain.bias, plain.prototypes)
    wanted = (2 * np.arange(len(drafts)) + 1).tolist()
    assert head.logits(exact).argmax(1).tolist() == wanted
    assert head.logits(first).argmax(1).tolist() == [one - 1 for one in wanted]
    moved = np.linalg.norm(first - exact, axis=1) / 2  # to the boundary in the middle
    assert head.close_calls(first) == np.flatnonzero(moved < NEAR).tolist()
    near = np.flatnonzero(moved < NEAR)
    assert len(near) > 0
    classifier = _classifier(head, threshold=0)
    said = classifier.predict([drafts[i] for i in near])
    assert [one.label for one in said] == [f"class {wanted[i]}" for i in near]
    likely = classifier.probabilities([drafts[i] for i in near])
    assert likely.argmax(1).tolist() == [wanted[i] for i in near]


def test_a_score_near_the_threshold_is_a_close_call(
    drafts: list[bytes], first: Floats, exact: Floats, tmp_path: Path
) -> None:
    means = unit(np.stack([exact[0::2].mean(0), exact[1::2].mean(0)]))
    head = Head.of_prototypes(means)
    one, other = head.scores(first), head.scores(exact)
    torn = int(np.argmax(np.where(abs(one - other) < NEAR, abs(one - other), 0)))
    classifier = _classifier(head, float(one[torn] + other[torn]) / 2)
    assert (one[torn] >= classifier.threshold) != (other[torn] >= classifier.threshold)
    said = classifier.predict(drafts)
    known = [found.label is not None for found in said]
    assert known[torn] == (other[torn] >= classifier.threshold)
    assert known == (other >= classifier.threshold).tolist()
    file = tmp_path / "torn.jpg"
    file.write_bytes(drafts[torn])
    scored = evaluate_pictures(classifier, Pictures((file,), ("class 0",), "torn"))
    assert scored.scores.refused == float(not known[torn])


def test_what_is_clear_is_not_looked_at_again(first: Floats, exact: Floats) -> None:
    head = _between(first, exact)
    assert len(head.close_calls(first)) > 0
    assert head.close_calls(first, threshold=1.1) == []  # all of them are clearly refused
    assert len(head.close_calls(first, threshold=0.5)) == len(head.close_calls(first))
    twins = Head.of_prototypes(np.stack([first[0], first[0]]))
    assert twins.close_calls(first) == []  # nothing would ever tell these apart
    assert head.close_calls(first[:0], 0.5) == []


def test_whole_pictures_are_seen_as_before(first: Floats, drafts: list[bytes]) -> None:
    encoder = vision_encoder()
    assert np.allclose(encoder.embed(drafts, lambda vectors: []), first, atol=1e-6)
    seen = encoder.embed(drafts, lambda vectors: range(len(vectors)))
    assert np.allclose(np.linalg.norm(seen, axis=1), 1, atol=1e-5)
    whole = [load_image(draft).pixels for draft in drafts]
    again = encoder.embed(whole, lambda vectors: range(len(vectors)))
    assert np.allclose(seen, again, atol=1e-5)


def test_an_agent_knows_by_float32(
    drafts: list[bytes], first: Floats, exact: Floats, tmp_path: Path
) -> None:
    torn = int(np.linalg.norm(first - exact, axis=1).argmin())
    apart, middle = exact[torn] - first[torn], first[torn] + exact[torn]
    half = np.linalg.norm(middle) / 2
    # A name under the threshold for one picture at first sight, and over it in float32.
    along = 0.5 / half * middle / np.linalg.norm(middle) + 0.1 * apart / np.linalg.norm(apart)
    aside = np.linalg.qr(np.stack([middle, apart, np.eye(1, len(apart))[0]], axis=1))[0][:, 2]
    name = (along + np.sqrt(1 - along @ along) * aside).astype(np.float32)[None, None]
    names = Nearest({"my mug": name})
    assert names.match(first[torn]).score < names.threshold < names.match(exact[torn]).score
    assert names.close_calls(first[torn][None]) == [0]
    file = tmp_path / "torn.jpg"
    file.write_bytes(drafts[torn])
    loaded = load_image(file)
    task = Task("What is it?", (ImageRef(loaded.sha256, loaded.media_type, 900, 900),))
    context = Context(
        tools={}, call_tool=lambda *_: pytest.fail("no tool"), image_path=lambda _: str(file),
        artifacts_dir="", make_env=lambda *_: pytest.fail("no env"),
        taught=lambda encoder: {"my mug": name},
    )  # fmt: skip
    steps = VisionExpert().attempt(task, context).steps
    assert any(step.result.text.startswith("my mug: 0.50") for step in steps)


def test_a_picture_that_is_gone_keeps_its_first_look(first: Floats, tmp_path: Path) -> None:
    encoder, file = vision_encoder(), tmp_path / "gone.jpg"
    Image.effect_noise((900, 900), 50).convert("RGB").save(file)
    glance = encoder.glance(file)
    seen = encoder.embed_opened([glance])
    file.unlink()
    again = encoder.embed_opened([glance], lambda vectors: [0])
    assert (seen[0] @ again[0]) > 0.99
