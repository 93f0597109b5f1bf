"""Heat lies where the thing is, on the real model; other architectures; files and the command."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from shoal.agents.cli import main
from shoal.errors import ImageError, MissingModelError, UnknownNameError, UsageError
from shoal.modalities.vision import Explanation, VisionEncoder, explain, load_image, vision_encoder
from shoal.modalities.vision.saliency.cam import Class, class_map
from shoal.modalities.vision.saliency.explanation import HeatMap
from shoal.modalities.vision.saliency.overlay import caption, colours
from shoal.modalities.vision.transform import Transform

ASSETS = Path(__file__).parents[2] / "agents/demo/assets"


def _canvas(noisy: bool, size: tuple[int, int] = (448, 448)) -> Image.Image:
    if not noisy:
        return Image.new("RGB", size, "grey")
    noise = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(noise)


def _pasted(name: str, corner: tuple[int, int], noisy: bool) -> Image.Image:
    canvas = _canvas(noisy)
    canvas.paste(load_image(ASSETS / name).pixels.resize((208, 208)), corner)
    return canvas


@pytest.mark.parametrize("noisy", [False, True], ids=["plain", "noisy"])
@pytest.mark.parametrize("method", ["cam", "grad-cam"])
@pytest.mark.parametrize(("name", "label"), [("cat.jpg", "tabby"), ("coffee.jpg", "espresso")])
def test_the_heat_lies_on_the_pasted_side(name: str, label: str, method: str, noisy: bool) -> None:
    for x, y in ((16, 120), (224, 120)):
        found = explain(_pasted(name, (x, y), noisy), label, method=method)
        assert found.method == method
        assert found.label.name == label
        side = found.heat[:, :224] if x < 100 else found.heat[:, 224:]
        assert side.sum() > 0.75 * found.heat.sum()
        box = found.box()
        assert box is not None
        assert x - 40 <= box[0] < box[2] <= x + 208 + 40
        assert y - 40 <= box[1] < box[3] <= y + 208 + 40


def test_two_things_in_one_picture() -> None:
    both = _pasted("cat.jpg", (8, 120), noisy=False)
    both.paste(load_image(ASSETS / "coffee.jpg").pixels.resize((208, 208)), (232, 120))
    cat, cup = explain(both, "EGYPTIAN cat"), explain(both, "espresso")
    assert cat.heat[:, :224].sum() > 3 * cat.heat[:, 224:].sum()
    assert cup.heat[:, 224:].sum() > 3 * cup.heat[:, :224].sum()


def test_both_methods_agree_where_the_head_is_linear() -> None:
    weighed = explain(ASSETS / "cat.jpg", method="cam")
    sloped = explain(ASSETS / "cat.jpg", method="grad-cam")
    assert explain(ASSETS / "cat.jpg").method == "cam"
    assert np.abs(weighed.heat - sloped.heat).max() < 1e-3
    assert weighed.label == vision_encoder().label([ASSETS / "cat.jpg"])[0][0]
    assert weighed.heat.dtype == np.float32
    assert 0 <= weighed.heat.min() < 0.01 < 0.95 < weighed.heat.max() <= 1


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("vit_tiny_patch16_224", "grad-cam"),
        ("deit_tiny_distilled_patch16_224", "grad-cam"),
        ("convnext_atto", "grad-cam"),
        ("mobilenetv3_small_100", "grad-cam"),
        ("resnet10t", "cam"),
    ],
)
def test_other_architectures(name: str, method: str) -> None:
    encoder = VisionEncoder(name, "torch", "random")
    image = load_image(ASSETS / "cat.jpg")
    least, most = (encoder.label([image], k=1000)[0][place] for place in (-1, 0))
    found = [explain(image, label.name, model=encoder) for label in (least, most)]
    assert {one.method for one in found} == {method}
    assert {one.heat.shape for one in found} == {(250, 260)}
    assert max(float(one.heat.max()) for one in found) > 0.5
    assert not np.allclose(found[0].heat, found[1].heat)
    if method == "grad-cam":
        with pytest.raises(UsageError, match="Use method='grad-cam'"):
            explain(image, model=encoder, method="cam")


def test_grad_cam_by_finite_differences() -> None:
    """The channel weights are the slopes of the logit, measured here without autograd."""
    import torch

    encoder = VisionEncoder("convnext_atto", "torch", "random")
    batch = encoder.transform([load_image(ASSETS / "cat.jpg").pixels])
    model = encoder.module.double()
    with torch.no_grad():
        maps = model.forward_features(torch.from_numpy(batch).double())
        slopes = torch.empty(maps.shape[1], dtype=torch.float64)
        for channel in range(maps.shape[1]):
            moved = maps.clone()
            moved[:, channel] += 1e-5
            moved_logit, logit = (model.forward_head(m)[0, 7] for m in (moved, maps))
            slopes[channel] = (moved_logit - logit) / 1e-5 / maps[0, 0].numel()
        expected = torch.einsum("c,chw->hw", slopes, maps[0]).clamp(min=0)
    model.float()
    heat, method = class_map(model, batch, Class(7))
    assert method == "grad-cam"
    assert np.allclose(heat, (expected / expected.max()).numpy(), atol=1e-2)


@pytest.mark.parametrize("size", [(300, 200), (97, 400), (1, 1), (3, 500), (640, 64)])
def test_the_overlay_has_the_pictures_size(size: tuple[int, int], tmp_path: Path) -> None:
    found = explain(_canvas(True, size))
    assert found.heat.shape == (size[1], size[0])
    assert found.overlay().size == found.overlay(caption=True).size == size
    with Image.open(found.save(tmp_path / "new" / "heat.png")) as saved:
        assert (saved.size, saved.format) == (size, "PNG")


def test_the_overlay_is_hot_where_the_heat_is() -> None:
    heat = np.zeros((300, 60), np.float32)
    heat[270:, 30:] = 1
    found = explain(_canvas(False, (60, 300)))
    frame = (0.0, 0.0, 60.0, 300.0)
    made = Explanation(found.image, HeatMap(heat, frame, (60, 300)), found.label, "cam")
    laid = np.asarray(made.overlay(opacity=1)).astype(int)
    assert np.abs(laid[280, 50] - (253, 231, 37)).max() <= 1  # viridis at its end
    assert np.abs(laid[10, 10] - (128, 128, 128)).max() < 40
    assert made.box() == (30, 270, 60, 300)
    assert np.array_equal(np.asarray(made.overlay(opacity=0)), np.asarray(found.image))
    none = HeatMap(np.zeros_like(heat), frame, (60, 300))
    cold = Explanation(found.image, none, found.label, "cam")
    assert cold.box() is None
    assert cold.overlay().size == (60, 300)


def test_colours_grow_lighter_evenly() -> None:
    ramp = colours(np.linspace(0, 1, 64, dtype=np.float32)).astype(float)
    light = ramp @ (0.2126, 0.7152, 0.0722)
    assert (np.diff(light) > 0).all()
    assert colours(np.array([-1, 2], np.float32)).tolist() == [[68, 1, 84], [253, 231, 37]]


def test_captions_are_cut_to_fit() -> None:
    short, long = (Image.new("RGB", (120, 90), "white") for _ in range(2))
    for made, text in ((short, "cat 0.63"), (long, "an endless name\n" * 50 + "🍵")):
        caption(made, text)
        pixels = np.asarray(made)
        assert (pixels[:60] == 255).all()
        assert (pixels[-2] < 255).all()
    assert not np.array_equal(np.asarray(short), np.asarray(long))


@pytest.mark.parametrize("crop_mode", ["center", "squash", "border"])
@pytest.mark.parametrize("size", [(300, 200), (97, 433), (224, 224)])
def test_the_frame_is_what_the_model_sees(crop_mode: str, size: tuple[int, int]) -> None:
    """A picture whose pixels hold their own place goes through the transform."""
    transform = Transform(96, 64, (0, 0, 0), (1, 1, 1), 0.9, crop_mode, "bilinear")
    columns, rows = np.meshgrid(*(np.linspace(0, 255, side) for side in size))
    places = np.stack([columns, rows, 0 * rows + 255], axis=-1)
    (seen,) = transform([Image.fromarray(places.astype(np.uint8))])
    left, top, right, bottom = transform.frame(*size)
    for y, x in ((48, 32), (30, 20), (60, 50)):
        across = left + (x + 0.5) / 64 * (right - left)
        down = top + (y + 0.5) / 96 * (bottom - top)
        if seen[2, y, x] > 0.99 and 3 < across < size[0] - 3 and 3 < down < size[1] - 3:
            assert seen[0, y, x] * size[0] == pytest.approx(across, abs=size[0] / 64)
            assert seen[1, y, x] * size[1] == pytest.approx(down, abs=size[1] / 96)
    inside = seen[2].mean()
    area = (min(right, size[0]) - max(left, 0)) * (min(bottom, size[1]) - max(top, 0))
    assert inside == pytest.approx(area / ((right - left) * (bottom - top)), abs=0.03)


def test_labels_that_are_not_there() -> None:
    with pytest.raises(UnknownNameError, match=r"did you mean.*'tiger cat'"):
        explain(ASSETS / "cat.jpg", "cat")
    with pytest.raises(UnknownNameError, match="did you mean 'espresso'"):
        explain(ASSETS / "cat.jpg", "esspreso")
    with pytest.raises(UnknownNameError, match="unknown label ''"):
        explain(ASSETS / "cat.jpg", "")
    with pytest.raises(UnknownNameError, match="did you mean 'grad-cam'"):
        explain(ASSETS / "cat.jpg", method="gradcam")
    with pytest.raises(MissingModelError, match="never downloads"):
        explain(ASSETS / "cat.jpg", model="resnet18")
    with pytest.raises(UsageError, match=r"Name a \.png"):
        explain(ASSETS / "cat.jpg").save("heat.jpg")


def test_a_name_of_two_classes_means_the_likelier() -> None:
    names = vision_encoder().labels
    cranes = [i for i, name in enumerate(names) if name.split(",")[0] == "crane"]
    assert len(cranes) == 2
    found = explain(ASSETS / "sign.png", "crane")
    rated = vision_encoder().label([ASSETS / "sign.png"], k=1000)[0]
    assert found.label == next(label for label in rated if label.index in cranes)


def test_odd_pictures_raise_image_errors(tmp_path: Path) -> None:
    (tmp_path / "half.jpg").write_bytes((ASSETS / "cat.jpg").read_bytes()[:2000])
    (tmp_path / "text.png").write_text("not a picture")
    broken: list[Any] = [
        tmp_path / "half.jpg", tmp_path / "text.png", tmp_path / "gone.png", tmp_path, b"",
        b"\x89PNG\r\n\x1a\n", np.zeros((3, 0)), np.full((4, 4), np.nan), "http://x.org/a.png", 7,
    ]  # fmt: skip
    for source in broken:
        with pytest.raises(ImageError):
            explain(source)
    stream = io.BytesIO()
    _canvas(True, (30, 20)).convert("CMYK").save(stream, "TIFF")
    assert explain(stream.getvalue()).heat.shape == (20, 30)


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    told = _typed("--label", "espresso", "--json", monkeypatch=monkeypatch)
    assert told == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["label"]["name"], found["method"]) == ("espresso", "cam")
    assert len(found["box"]) == 4
    with Image.open(tmp_path / "coffee-explained.png") as saved:
        assert saved.size == (600, 400)
    assert _typed("--out", "own.png", monkeypatch=monkeypatch) == 0
    assert "espresso (0.9" in capsys.readouterr().out
    assert _typed("--label", "esspreso", monkeypatch=monkeypatch) == 2
    assert "did you mean 'espresso'" in capsys.readouterr().err
    names = {path.name for path in tmp_path.glob("*.*")}
    assert names == {"coffee-explained.png", "own.png"}


def _typed(*words: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Runs `shoal explain coffee.jpg WORDS` and returns its exit code."""
    monkeypatch.setattr("sys.argv", ["shoal", "explain", str(ASSETS / "coffee.jpg"), *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)
