"""Classifiers of pictures that are really taught, by each method, on the real encoder."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from shoal.errors import CorruptWeightsError, RunError, UnknownNameError, UsageError
from shoal.modalities.training.loop import Loop
from shoal.modalities.vision import VisionEncoder, vision_encoder
from shoal.modalities.vision.teach import (
    ImageClassifier,
    TeachSettings,
    read_pictures,
    teach_classifier,
)
from shoal.modalities.vision.teach.fitting import Judged
from shoal.modalities.vision.teach.nearest import (
    Nearest,
    few_threshold,
    left_out,
    prototypes,
    unit,
)
from shoal.modalities.vision.teach.sheet import contact_sheet
from shoal.modalities.vision.teach.views import embed_views
from tests.vision.drawn import ASSETS, Maker, crop, save_classes, stripes

CLASSES = ("dots", "my 🐈", "stripes")


def _dots(draw: np.random.Generator) -> Image.Image:
    image = Image.new("RGB", (160, 120), "white")
    pen = ImageDraw.Draw(image)
    for x, y in draw.integers(10, 110, (25, 2)).tolist():
        pen.ellipse([x - 7, y - 7, x + 7, y + 7], "darkgreen")
    return image


_DRAW: dict[str, Maker] = {
    "dots": _dots,
    "my 🐈": lambda draw: crop("cat.jpg", draw),
    "stripes": stripes,
}


def _make(root: Path, count: int, seed: int = 0) -> Path:
    return save_classes(root, _DRAW, count, seed)


def _teach(folder: Path, out: Path, **more: Any) -> Path:
    settings = TeachSettings("small", out=out, quiet=True, **more)
    return teach_classifier(read_pictures(folder)["train"], settings, source=str(folder))


@pytest.fixture(scope="module")
def eight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _make(tmp_path_factory.mktemp("eight"), 8)


@pytest.fixture(scope="module")
def linear(eight: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _teach(eight, tmp_path_factory.mktemp("linear") / "small")


def _new(count: int = 4) -> tuple[list[Image.Image], list[str]]:
    draw = np.random.default_rng(99)
    images = [(make(draw), name) for name, make in _DRAW.items() for _ in range(count)]
    return [image for image, _ in images], [name for _, name in images]


def test_a_linear_probe_knows_new_pictures_and_refuses_strange_ones(linear: Path) -> None:
    classifier = ImageClassifier.load(linear)
    images, names = _new()
    said = classifier.predict(images)
    assert [one.nearest for one in said] == names
    assert np.mean([one.label == name for one, name in zip(said, names, strict=True)]) > 0.8
    (sign, espresso) = classifier.predict([ASSETS / "sign.png", str(ASSETS / "coffee.jpg")])
    assert sign.label is None
    assert espresso.label is None
    assert espresso.nearest in CLASSES
    likely = classifier.probabilities(images)
    assert likely.shape == (12, 3)
    assert np.allclose(likely.sum(1), 1, atol=1e-5)
    assert classifier.predict([]) == []
    with pytest.raises(UsageError, match=r"Pass \[image\]"):
        classifier.predict(ASSETS / "cat.jpg")  # type: ignore[arg-type]


def test_what_is_saved_tells_how_it_was_made(linear: Path, eight: Path) -> None:
    spec = json.loads((linear / "image_classifier.json").read_text())
    assert spec["labels"] == list(CLASSES)
    assert spec["training"]["method"] == "linear"
    assert spec["training"]["images"] == 24  # the held-out ones were learnt from in the end
    assert spec["scores"]["n"] == 6
    assert spec["scores"]["how"] == "held out"
    assert spec["scores"]["interval"][0] < spec["scores"]["accuracy"]
    card = (linear / "README.md").read_text(encoding="utf-8")
    assert f"    shoal tune {eight} --name small --seed 0" in card
    assert "my 🐈" in card
    assert "95 % interval" in card
    assert Image.open(linear / "confusion.png").size[0] > 300
    assert {path.name for path in linear.iterdir()} <= {
        "head.safetensors", "image_classifier.json", "README.md", "confusion.png", "wrong.png",
    }  # fmt: skip


def test_the_same_seed_makes_the_same(linear: Path, eight: Path, tmp_path: Path) -> None:
    again = _teach(eight, tmp_path / "again")
    assert (again / "head.safetensors").read_bytes() == (linear / "head.safetensors").read_bytes()


def test_one_image_a_class_is_enough(tmp_path: Path) -> None:
    made = _teach(_make(tmp_path / "one", 1), tmp_path / "made")
    spec = json.loads((made / "image_classifier.json").read_text())
    assert spec["training"]["method"] == "prototype"
    assert spec["scores"]["n"] == 0
    assert spec["scores"]["accuracy"] is None
    assert "none could be left out to judge by" in (made / "README.md").read_text(encoding="utf-8")
    images, names = _new()
    said = ImageClassifier.load(made).predict(images)
    assert np.mean([one.nearest == name for one, name in zip(said, names, strict=True)]) > 0.9
    assert ImageClassifier.load(made).predict([ASSETS / "coffee.jpg"])[0].label is None


def test_prototypes_are_judged_by_leaving_one_out(tmp_path: Path) -> None:
    folder = _make(tmp_path / "three", 3)
    made = _teach(folder, tmp_path / "made", method="prototype")
    spec = json.loads((made / "image_classifier.json").read_text())
    assert (spec["scores"]["n"], spec["scores"]["how"]) == (9, "leave-one-out")
    assert "left out in turn to judge by, as they are too few" in (made / "README.md").read_text(
        encoding="utf-8"
    )
    held = _teach(folder, tmp_path / "held", method="prototype", held_out=0.34)
    spec = json.loads((held / "image_classifier.json").read_text())
    assert (spec["scores"]["n"], spec["scores"]["how"]) == (3, "held out")
    with pytest.raises(UsageError, match="too few images to hold any out"):
        _teach(_make(tmp_path / "two", 2), tmp_path / "none", method="linear")


def test_wrong_ones_stand_on_a_contact_sheet(eight: Path, tmp_path: Path) -> None:
    """Labels that mean nothing can't be learnt: half of them come out wrong."""
    files = [eight / "dots" / f"{number}.png" for number in range(8)]
    rows = "".join(f"{file},{'even/0' if i % 2 else 'odd'}\n" for i, file in enumerate(files))
    (tmp_path / "list.csv").write_text("file,label\n" + rows)
    made = _teach(tmp_path / "list.csv", tmp_path / "made", method="prototype")
    assert Image.open(made / "wrong.png").format == "PNG"
    card = (made / "README.md").read_text(encoding="utf-8")
    assert "`wrong.png` shows" in card
    assert "even/0 taken for odd" in card or "odd taken for even/0" in card


def test_a_contact_sheet_with_odd_names(tmp_path: Path) -> None:
    entries = [(ASSETS / "cat.jpg", "a" * 200, "b\n🐈"), (tmp_path / "gone.png", "x", "y")]
    contact_sheet(tmp_path / "sheet.png", entries * 8)
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (6 * 188 + 8, 2 * 232 + 8)


def test_validation_of_ones_own(eight: Path, tmp_path: Path) -> None:
    checked = read_pictures(_make(tmp_path / "val", 2, seed=5))["train"]
    settings = TeachSettings("small", "linear", out=tmp_path / "made", quiet=True)
    made = teach_classifier(read_pictures(eight)["train"], settings, validation=checked)
    spec = json.loads((made / "image_classifier.json").read_text())
    assert (spec["scores"]["n"], spec["scores"]["how"]) == (6, "validation")
    assert spec["training"]["images"] == 24
    (tmp_path / "val" / "dots").rename(tmp_path / "val" / "birds")
    strange = read_pictures(tmp_path / "val")["train"]
    with pytest.raises(UsageError, match=r"a class that .* lacks: 'birds'"):
        teach_classifier(read_pictures(eight)["train"], settings, validation=strange)


def test_damaged_and_unknown(linear: Path, tmp_path: Path, home: Path) -> None:
    import shutil

    own = home / "data" / "image_classifiers" / "mine"
    shutil.copytree(linear, own)
    assert ImageClassifier.load("mine").labels == CLASSES
    with pytest.raises(UnknownNameError, match="did you mean 'mine'"):
        ImageClassifier.load("mime")
    spec = json.loads((own / "image_classifier.json").read_text())
    (own / "head.safetensors").write_bytes(b"x" * 100)
    with pytest.raises(CorruptWeightsError, match=r"head\.safetensors is missing, or not what"):
        ImageClassifier.load(own)
    shutil.copy(linear / "head.safetensors", own)
    other = {**spec, "encoder": {**spec["encoder"], "sha256": "0" * 64}}
    (own / "image_classifier.json").write_text(json.dumps(other))
    with pytest.raises(CorruptWeightsError, match="are others than then"):
        ImageClassifier.load(own)
    (own / "image_classifier.json").write_text(json.dumps({**spec, "labels": ["a", "b"]}))
    with pytest.raises(CorruptWeightsError, match="not finite arrays of"):
        ImageClassifier.load(own)
    (own / "image_classifier.json").write_text("{")
    with pytest.raises(CorruptWeightsError, match="cannot load the classifier"):
        ImageClassifier.load(own)


def test_wrong_settings(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'prototype'"):
        TeachSettings("x", "prototyp")
    with pytest.raises(UsageError, match="nothing to resume"):
        TeachSettings("x", "linear", resume=True)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "kept.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not empty"):
        _teach(_make(tmp_path / "one", 1), tmp_path / "own")


def _near(name: str, draw: np.random.Generator, count: int) -> Any:
    return embed_views([_DRAW[name](draw) for _ in range(count)], vision_encoder())


def test_nearest_names_from_one_picture_each() -> None:
    draw = np.random.default_rng(3)
    nearest = Nearest({"my cat": _near("my 🐈", draw, 1), "dots": _near("dots", draw, 1)})
    assert nearest.threshold == few_threshold(np.empty(0, np.float32)) == 0.5
    cat, coffee = vision_encoder().embed([ASSETS / "cat.jpg", ASSETS / "coffee.jpg"])
    found = nearest.match(cat)
    assert (found.name, found.known) == ("my cat", True)
    assert found.probability > 0.5
    strange = nearest.match(coffee)
    assert not strange.known
    assert strange.probability < 0.5


def test_leaving_out_leaves_out() -> None:
    draw = np.random.default_rng(0)
    groups = [unit(draw.normal(size=(n, 2, 16)).astype(np.float32)) for n in (3, 1, 2)]
    out = left_out(groups)
    assert out.places.tolist() == [[0, 0], [0, 1], [0, 2], [2, 0], [2, 1]]
    by_hand = prototypes([groups[0][[0, 2]], groups[1], groups[2]])
    assert np.allclose(out.cosines[1], groups[0][1, 0] @ by_hand.T, atol=1e-6)
    assert left_out(groups[1:2]).cosines.shape == (0, 1)


def test_thresholds_follow_many_scores_and_not_few() -> None:
    draw = np.random.default_rng(0)
    many = draw.uniform(0.7, 0.9, 200).astype(np.float32)
    assert np.mean(many < few_threshold(many)) == pytest.approx(0.04)
    assert 0.5 < few_threshold(many[:3]) < many[:3].min()
    none = np.zeros((0, 3), np.float32)
    empty = Judged(none, none[:, 0], np.zeros(0, np.int64), (), "none")
    assert empty.threshold(0.04) == 0.5
    assert 0 < empty.temperature() < 1


_TRAINING: dict[str, Any] = {
    "method": "full", "epochs": 2, "batch": 4, "checkpoint_every": 1, "seed": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def five(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _make(tmp_path_factory.mktemp("five"), 3)


@pytest.fixture(scope="module")
def full(five: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _teach(five, tmp_path_factory.mktemp("full") / "small", **_TRAINING)


def test_full_fine_tuning_changes_the_encoder_and_runs(full: Path) -> None:
    classifier = ImageClassifier.load(full)
    images, names = _new(2)
    said = [one.nearest for one in classifier.predict(images)]
    assert np.mean(np.array(said) == names) > 0.8
    before = vision_encoder().embed(images)
    cosines = (classifier.embed(images) * before).sum(1)
    assert cosines.min() < 0.999
    assert cosines.min() > 0.3  # trained, not ruined
    alone = VisionEncoder("efficientnet-lite0", weights=full / "model.safetensors")
    assert np.allclose(alone.embed(images), classifier.embed(images), atol=1e-4)
    spec = json.loads((full / "image_classifier.json").read_text())
    assert spec["training"]["epochs"] == 2
    assert set(spec["files"]) == {"head.safetensors", "model.safetensors"}
    assert (full / "learning_curve.png").is_file()
    assert '"train_loss"' in (full / "README.md").read_text(encoding="utf-8")


def test_a_full_fine_tuning_that_is_broken_off_goes_on(
    five: Path, full: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Loop.run

    def stopped(self: Loop, stop: threading.Event) -> Any:
        learn = self._learn

        def learn_two(batch: Any, event: threading.Event) -> None:
            if self.step == 2:
                event.set()
            learn(batch, event)

        monkeypatch.setattr(self, "_learn", learn_two)
        return run(self, stop)

    with monkeypatch.context() as patch:
        patch.setattr(Loop, "run", stopped)
        with pytest.raises(RunError, match=r"interrupted at step 2 of 4.*--resume"):
            _teach(five, tmp_path / "made", **_TRAINING)
    made = _teach(five, tmp_path / "made", **_TRAINING, resume=True)
    one, other = (ImageClassifier.load(path) for path in (made, full))
    assert np.allclose(one.head.weights, other.head.weights, atol=1e-4)
    assert not (tmp_path / ".made.training").exists()
    with pytest.raises(UsageError, match="no checkpoint"):
        _teach(five, tmp_path / "made", **_TRAINING, resume=True)


def test_a_damaged_model_is_noticed(full: Path, tmp_path: Path) -> None:
    import shutil

    copy = Path(shutil.copytree(full, tmp_path / "copy"))
    content = bytearray((copy / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (copy / "model.safetensors").write_bytes(content)
    with pytest.raises(CorruptWeightsError, match=r"model\.safetensors is missing, or not"):
        ImageClassifier.load(copy)
