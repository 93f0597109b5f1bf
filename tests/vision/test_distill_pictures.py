"""Students of pictures that are really distilled, from the real encoder."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from shoal.errors import CorruptWeightsError, RunError, UnknownNameError, UsageError
from shoal.modalities.training.answers import gather
from shoal.modalities.training.loop import Loop
from shoal.modalities.vision import VisionEncoder, vision_encoder
from shoal.modalities.vision.distill import RECIPES, DistillSettings, distill
from shoal.modalities.vision.distill.job import map_loss
from shoal.modalities.vision.distill.pool import MOST, Pool, copies_for
from shoal.modalities.vision.distill.student import Student, start_from
from shoal.modalities.vision.encoders.blocks import fits, shape_of, shrink, smaller_shape
from shoal.modalities.vision.teach import (
    ImageClassifier,
    Pictures,
    TeachSettings,
    read_pictures,
    teach_classifier,
)
from tests.vision.drawn import ASSETS, Maker, crop, save_classes, stripes

CLASSES = ("cat", "cup", "stripes")


_DRAW: dict[str, Maker] = {
    "cat": lambda draw: crop("cat.jpg", draw, square=True).resize((160, 160)),
    "cup": lambda draw: crop("coffee.jpg", draw, square=True).resize((160, 160)),
    "stripes": lambda draw: stripes(draw, 160),
}


def _make(root: Path, count: int, seed: int = 0) -> Path:
    return save_classes(root, _DRAW, count, seed)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _make(tmp_path_factory.mktemp("pictures"), 8)


@pytest.fixture(scope="module")
def teacher(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = TeachSettings(
        "big", "linear", out=tmp_path_factory.mktemp("teacher") / "big", quiet=True
    )
    return teach_classifier(read_pictures(source)["train"], settings)


def _distil(source: Path, teacher: Path, out: Path, **more: Any) -> Path:
    unlabelled = more.pop("unlabelled", ())
    given: dict[str, Any] = {
        "size": "tiny", "copies": 3, "epochs": 4, "batch": 12, "quiet": True, **more
    }  # fmt: skip
    settings = DistillSettings("student", out=out, **given)
    return distill(read_pictures(source)["train"], teacher, settings, unlabelled=unlabelled)


@pytest.fixture(scope="module")
def student(source: Path, teacher: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _distil(source, teacher, tmp_path_factory.mktemp("student") / "student")


def _facts(folder: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((folder / "image_classifier.json").read_text())
    return facts


def test_a_student_is_smaller_and_does_less(student: Path) -> None:
    told = _facts(student)["scores"]["comparison"]
    large, little = told["teacher"], told["student"]
    assert little["parameters"] < 0.4 * large["parameters"]
    assert little["bytes"] < 0.4 * large["bytes"]
    assert told["multiplications"]["student"] < told["multiplications"]["teacher"] / 10
    assert (told["size"], told["side"], little["n"], large["n"]) == ("tiny", 96, 6, 6)
    for key in ("images_per_second_1", "images_per_second_32"):
        assert little[key] > 0
    assert told["retention"] == pytest.approx(little["accuracy"] / large["accuracy"], abs=1e-4)
    assert 0.5 < told["same_refusal"] <= 1
    assert 0.5 < told["same_label"] <= 1
    assert little["interval"][0] < little["accuracy"]


def test_it_learns_and_runs_like_any_classifier(student: Path, tmp_path: Path) -> None:
    made = ImageClassifier.load(student)
    assert made.labels == CLASSES
    new = _make(tmp_path / "new", 4, seed=9)
    files = sorted(new.glob("*/*.png"))
    right = [
        one.nearest == f.parent.name for one, f in zip(made.predict(files), files, strict=True)
    ]
    assert np.mean(right) > 0.8
    noise = np.random.default_rng(0).integers(0, 255, (120, 120, 3), np.uint8)
    strange = made.predict([ASSETS / "sign.png", Image.fromarray(noise)])
    assert [one.label for one in strange] == [None, None]
    facts = _facts(student)
    assert facts["training"]["method"] == "distilled"
    assert facts["encoder"]["model"] == "tf_efficientnet_lite0"
    assert facts["scores"]["parity"]["agreement"] > 0.8
    card = (student / "README.md").read_text(encoding="utf-8")
    history = [json.loads(line[2:]) for line in card.splitlines() if line.startswith('- {"epoch')]
    assert history[-1]["train_loss"] < history[0]["train_loss"]
    assert "| student |" in card
    assert "Exported against trained, 6 images" in card
    assert "images/s, 32 at once" in card
    assert "tf_efficientnet_lite0 on 96 x 96 pixels" in card
    assert (student / "learning_curve.png").is_file()


def test_its_folder_is_a_timm_folder(student: Path) -> None:
    alone = VisionEncoder(student, engine="torch")
    assert alone.labels == ()
    assert alone.transform.height == 96
    seen = ImageClassifier.load(student).embed([ASSETS / "cat.jpg"])
    assert float((alone.embed([ASSETS / "cat.jpg"]) * seen).sum()) > 0.98


def test_a_student_that_is_broken_off_goes_on(
    source: Path, teacher: Path, student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn = Loop._learn

    def killed(self: Loop, batch: Any, event: threading.Event) -> None:
        if self.step == 5:
            raise SystemExit("killed")  # nothing is saved on the way out
        learn(self, batch, event)

    def stopped(self: Loop, batch: Any, event: threading.Event) -> None:
        if self.step == 9:
            event.set()
        learn(self, batch, event)

    out, more = tmp_path / "student", {"checkpoint_every": 2}
    with monkeypatch.context() as patch:
        patch.setattr(Loop, "_learn", killed)
        with pytest.raises(SystemExit):
            _distil(source, teacher, out, **more)
        patch.setattr(Loop, "_learn", stopped)
        with pytest.raises(RunError, match=r"interrupted at step 9 of 24.*--resume"):
            _distil(source, teacher, out, resume=True, **more)
    with pytest.raises(UsageError, match="is of another training"):
        _distil(source, teacher, out, resume=True, seed=3, **more)
    made = _distil(source, teacher, out, resume=True, **more)
    one, other = (ImageClassifier.load(path) for path in (made, student))
    assert np.allclose(one.head.weights, other.head.weights, atol=1e-4)
    assert not (tmp_path / ".student.training").exists()


def test_answers_are_not_asked_for_twice(
    source: Path, teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    pixels = Pool.pixels

    def counted(self: Pool, places: Any, transform: Any) -> Any:
        asked.extend(places if transform.height == 224 else ())
        return pixels(self, places, transform)

    def stopping(answer: Any, empty: Any, chunk: int, asking: Any, stop: threading.Event) -> Any:
        if not asked:
            stop.set()
        return gather(answer, empty, 10, asking, stop)

    monkeypatch.setattr(Pool, "pixels", counted)
    monkeypatch.setattr("shoal.modalities.vision.distill.targets.gather", stopping)
    out, more = tmp_path / "student", {"epochs": 1, "copies": 1}
    with pytest.raises(RunError, match="after 10 of 36 answers of the teacher"):
        _distil(source, teacher, out, **more)
    assert ImageClassifier.load(_distil(source, teacher, out, resume=True, **more))
    assert asked == list(range(36))


def test_unlabelled_pictures_and_junk(
    source: Path, teacher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = _make(tmp_path / "more", 2, seed=4)
    (more / "broken.jpg").write_bytes(b"no picture")
    shutil.copy(source / "cat" / "0.png", more / "known.png")
    copied = Path(shutil.copytree(source, tmp_path / "pictures"))
    (copied / "cat" / "notes.txt").write_text("no picture")
    files = sorted(file for file in more.rglob("*") if file.is_file())
    made = _distil(
        copied, teacher, tmp_path / "made", size="small", epochs=3, copies=0, unlabelled=files
    )
    told = capsys.readouterr().err
    assert "1 files of pictures are no images that can be read: 'cat/notes.txt'" in told
    assert "1 images of --unlabelled are among the labelled images" in told
    assert "1 files of --unlabelled are no images that can be read: 'more/broken.jpg'" in told
    assert "--val names images it never saw" in told
    assert _facts(made)["training"]["images"] == 18 + 6


def test_another_architecture_by_name(source: Path, teacher: Path, tmp_path: Path) -> None:
    made = _distil(
        source,
        teacher,
        tmp_path / "made",
        epochs=1,
        copies=0,
        batch=20,
        model="mobilenetv3_small_050",
    )
    card = (made / "README.md").read_text(encoding="utf-8")
    assert "the weights of mobilenetv3_small_050 are not on this machine" in card
    assert ImageClassifier.load(made).encoder.weights.architecture == "mobilenetv3_small_050"
    with pytest.raises(UnknownNameError, match="unknown vision model"):
        _distil(source, teacher, tmp_path / "none", model="mobilenetv33")


def test_a_teacher_that_can_t_be_cut_has_a_student_all_the_same() -> None:
    plain = VisionEncoder("resnet10t", weights="random", engine="torch")
    start = start_from(plain, "", RECIPES["tiny"])
    assert start.guide is None
    assert start.weights.architecture == "tf_efficientnet_lite0"
    assert "resnet10t can't be cut" in start.notes[0]
    student = Student(start, torch.zeros(1280, 3), torch.zeros(3), plain.features)
    assert student.seen(torch.randn(2, 1280)).shape == (2, plain.features)


def test_wrong_pictures_and_settings(source: Path, teacher: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'small'"):
        DistillSettings("x", "smal")
    with pytest.raises(UsageError, match="copies must be 0 or more"):
        DistillSettings("x", copies=-1)
    out = tmp_path / "out"
    with pytest.raises(UnknownNameError, match="unknown classifier of images"):
        _distil(source, tmp_path / "nobody", out)
    files = tuple(sorted((source / "cat").iterdir()))
    other = Pictures(files, ("cat",) * 4 + ("dog",) * 4, "list")
    settings = DistillSettings("x", out=out, quiet=True)
    with pytest.raises(UsageError, match="it never learnt 'dog'"):
        distill(other, teacher, settings)
    with pytest.raises(UsageError, match="'stripes' is missing"):
        distill(Pictures(files, ("cat",) * 4 + ("cup",) * 4, "list"), teacher, settings)
    with pytest.raises(UsageError, match=r"too few images to hold any out.*--val"):
        _distil(_make(tmp_path / "two", 2), teacher, out)
    assert not out.exists()


def test_blocks_are_taken_out_and_what_stays_has_the_same_maps() -> None:
    import copy

    from shoal.modalities.vision.maps import intermediates

    whole: Any = vision_encoder().module
    shape = shape_of(whole)
    assert shape is not None
    assert [len(own) for own in shape] == [1, 2, 2, 3, 3, 4, 1]
    wanted = smaller_shape(shape, 2, 0.5)
    assert wanted[4] == (240, 336)
    part = copy.deepcopy(whole)
    assert fits(wanted, part)
    shrink(part, wanted)
    assert shape_of(part) == wanted
    pixels = torch.zeros(1, 3, 96, 96)
    with torch.no_grad():
        maps = [intermediates(model.eval(), pixels, None)[1] for model in (whole, part)]
    assert [m.shape for m in maps[0]] == [m.shape for m in maps[1]]
    assert float(map_loss(maps[0], maps[0])) == pytest.approx(0, abs=1e-5)
    assert float(map_loss(maps[1], maps[0])) > 0.01
    for wrong in (shape[:3], ((), *shape[1:]), ((0,), (96, 999), *shape[2:]), ((0,) * 9,) * 7):
        assert not fits(wrong, whole)


def test_a_folder_with_strange_blocks_is_refused(student: Path, tmp_path: Path) -> None:
    own = Path(shutil.copytree(student, tmp_path / "own"))
    config = json.loads((own / "config.json").read_text())
    for blocks in ([[5]], [[0], [10**9]], [[-1]], "x"):
        (own / "config.json").write_text(json.dumps({**config, "blocks": blocks}))
        with pytest.raises(CorruptWeightsError):
            VisionEncoder(own)
    with pytest.raises(CorruptWeightsError, match=r"config\.json is missing, or not what"):
        ImageClassifier.load(own)


def test_teacher_and_student_see_the_same_views(source: Path) -> None:
    files = tuple(sorted(source.glob("c*/*.png")))
    pool = Pool(files, np.arange(len(files)), 2, seed=0)
    large = vision_encoder().transform
    start = start_from(vision_encoder(), "", RECIPES["small"])
    places = [0, 17, 33, 47]
    seen = [pool.pixels(places, own) for own in (large, start.transform)]
    assert seen[1].shape == (4, 128, 128, 3)
    for big, little in zip(*seen, strict=True):
        shrunk = np.asarray(Image.fromarray(big).resize((128, 128)), np.float32)
        assert np.abs(shrunk - little).mean() < 8
    assert np.array_equal(pool.pixels(places, large), seen[0])
    assert pool.truth(places).tolist() == [0, 1, 1, 15]
    assert np.abs(seen[0][1].astype(int) - seen[0][2].astype(int)).mean() > 8
    assert copies_for(7, MOST // 4) == 3
    assert copies_for(7, 10 * MOST) == 0
