"""Models in folders as timm saves them, and feature maps of four kinds of architecture."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shoal.errors import CorruptWeightsError, MissingModelError, UnknownNameError, UsageError
from shoal.modalities.torchvision_fix import ensure_torchvision_imports
from shoal.modalities.vision import VisionEncoder, load_image
from shoal.modalities.vision.encoders.timm_folder import read_config

ASSETS = Path(__file__).parents[2] / "agents/demo/assets"
PHOTOS = [load_image(ASSETS / name).pixels for name in ("cat.jpg", "coffee.jpg")]
MEAN = (0.1, 0.2, 0.3)


def _save(folder: Path, architecture: str, labels: Any = None, **given: Any) -> Any:
    """Saves a small random model with timm's own function, and returns it."""
    ensure_torchvision_imports()
    import timm
    import torch
    from timm.models import save_for_hf

    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = timm.create_model(architecture, pretrained=False, **given).eval()
    config = {"pretrained_cfg": {"mean": MEAN, "std": (0.5, 0.6, 0.7)}, **(labels or {})}
    save_for_hf(model, str(folder), safe_serialization=True, model_config=config)
    return model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    labels = {
        "label_names": ["n01", "mug/cup 🍵", "n03"],
        "label_descriptions": {"n01": "tabby, tabby cat", "n03": "lynx"},
    }
    _save(tmp_path / "mine", "resnet10t", labels, num_classes=3)
    return tmp_path / "mine"


def _edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))


def test_a_folder_gives_architecture_transform_and_names(folder: Path) -> None:
    import torch

    ours = VisionEncoder(folder, engine="openvino")
    theirs = VisionEncoder(str(folder), engine="torch")
    assert ours.labels == ("tabby, tabby cat", "mug/cup 🍵", "lynx")
    assert ours.transform.mean == pytest.approx(MEAN)
    assert (ours.transform.height, ours.transform.width) == (176, 176)
    labels = ours.label(PHOTOS[:1])[0]
    assert {label.name for label in labels} == {"tabby", "mug/cup 🍵", "lynx"}
    assert (ours.embed(PHOTOS) * theirs.embed(PHOTOS)).sum(axis=1).min() > 0.999
    again = _save(folder.parent / "again", "resnet10t", num_classes=3)
    expected = again(torch.from_numpy(ours.transform(PHOTOS[:1]))).softmax(-1).detach().numpy()[0]
    for label in labels:
        assert label.probability == pytest.approx(float(expected[label.index]), abs=1e-4)


def test_a_changed_config_is_not_served_from_the_cache(folder: Path) -> None:
    assert VisionEncoder(folder, engine="openvino").labels[2] == "lynx"
    _edit(folder, lambda config: config.update(label_names=["a", "b", "c"]))
    assert VisionEncoder(folder, engine="openvino").labels == ("a", "b", "c")


def test_a_vit_of_another_size_and_older_layouts(tmp_path: Path) -> None:
    _save(tmp_path / "vit", "vit_tiny_patch16_224", img_size=64, num_classes=4, global_pool="avg")
    encoder = VisionEncoder(tmp_path / "vit", engine="torch")
    assert (encoder.transform.height, encoder.features) == (64, 192)
    assert encoder.labels == tuple(f"class {index}" for index in range(4))
    flat = {"architecture": "resnet18", "num_classes": 2, "labels": ["a", "b"], "mean": MEAN}
    (tmp_path / "config.json").write_text(json.dumps(flat))
    config = read_config(tmp_path)
    assert config.labels == ("a", "b")
    assert config.pretrained_cfg.mean == MEAN
    gaps = {**flat, "labels": {"1": "b"}, "label_descriptions": {"b": "bee"}}
    (tmp_path / "config.json").write_text(json.dumps(gaps))
    assert read_config(tmp_path).labels == ("class 0", "bee")


def test_what_is_wrong_with_a_folder_is_said(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"holds no config\.json"):
        VisionEncoder(tmp_path / "empty")
    with pytest.raises(MissingModelError, match="does not exist"):
        VisionEncoder(str(tmp_path / "absent"))
    with pytest.raises(UsageError, match="does not say which architecture"):
        VisionEncoder(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    with pytest.raises(MissingModelError, match=r"none of model\.safetensors"):
        VisionEncoder(folder)


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        ({"architecture": "resnet5o"}, UnknownNameError, "resnet50"),
        ({"architecture": "../../up"}, CorruptWeightsError, "architecture"),
        ({"architecture": ["x"]}, CorruptWeightsError, "architecture"),
        ({"num_classes": 10**9}, CorruptWeightsError, "num_classes"),
        ({"label_names": ["only one"]}, CorruptWeightsError, "1 labels for 3 classes"),
        ({"model_args": {"checkpoint_path": "/x.pth"}}, UsageError, "'checkpoint_path'"),
        ({"model_args": {"img_size": 10**6}}, CorruptWeightsError, "img_size"),
        ({"pretrained_cfg": {"std": [0, 1, 1]}}, CorruptWeightsError, "std"),
        ({"pretrained_cfg": {"input_size": [1, 224, 224]}}, CorruptWeightsError, "input_size"),
    ],
)
def test_a_wrong_config_is_refused(
    folder: Path, change: dict[str, Any], kind: type[Exception], says: str
) -> None:
    _edit(folder, lambda config: config.update(change))
    with pytest.raises(kind, match=says):
        VisionEncoder(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000, '{"model_type": "clip"}'])
def test_a_damaged_config_is_refused(folder: Path, text: str) -> None:
    (folder / "config.json").write_text(text)
    with pytest.raises((CorruptWeightsError, UsageError), match=r"config\.json"):
        VisionEncoder(folder)


@pytest.mark.parametrize(
    ("name", "weights", "final", "layers"),
    [
        ("efficientnet-lite0", None, (1280, 7, 7), [(16, 112, 112), (320, 7, 7)]),
        ("resnet18", "random", (512, 7, 7), [(64, 112, 112), (512, 7, 7)]),
        ("vit_tiny_patch16_224", "random", (192, 14, 14), [(192, 14, 14), (192, 14, 14)]),
        ("convnext_atto", "random", (320, 7, 7), [(40, 56, 56), (320, 7, 7)]),
    ],
)
def test_maps_are_timms_own(
    name: str, weights: str | None, final: tuple[int, ...], layers: list[tuple[int, ...]]
) -> None:
    import torch

    encoder = VisionEncoder(name, "torch", weights)
    maps = encoder.maps(PHOTOS, layers=[0, -1])
    assert maps.final.shape == (2, *final)
    assert [layer.shape for layer in maps.layers] == [(2, *shape) for shape in layers]
    assert {array.dtype for array in (maps.final, *maps.layers)} == {np.dtype(np.float32)}
    inputs = torch.from_numpy(encoder.transform(PHOTOS))
    with torch.inference_mode():
        theirs = encoder.module.forward_features(inputs)
        between = encoder.module.forward_intermediates(inputs, [0, -1], intermediates_only=True)
    if theirs.ndim == 3:  # the class token, then row by row
        theirs = theirs[:, 1:].reshape(2, 14, 14, 192).permute(0, 3, 1, 2)
    assert np.array_equal(maps.final, theirs.numpy())
    for ours, expected in zip(maps.layers, between, strict=True):
        assert np.array_equal(ours, expected.numpy())


def test_pooling_the_last_map_gives_the_embedding() -> None:
    encoder = VisionEncoder()
    maps = encoder.maps(PHOTOS * 17, layers=())  # more than one batch
    assert maps.layers == ()
    pooled = maps.final.mean(axis=(2, 3))
    pooled /= np.linalg.norm(pooled, axis=1, keepdims=True)
    assert (pooled * encoder.embed(PHOTOS * 17)).sum(axis=1).min() > 0.999


def test_all_layers_by_default_and_wrong_use() -> None:
    encoder = VisionEncoder("swin_tiny_patch4_window7_224", "torch", "random")
    maps = encoder.maps(PHOTOS[:1])
    assert [layer.shape[1] for layer in maps.layers] == [96, 192, 384, 768]
    assert maps.final.shape == (1, 768, 7, 7)  # swin itself gives NHWC
    with pytest.raises(UsageError, match=r"no layers \[9\]"):
        encoder.maps(PHOTOS, layers=[9])
    with pytest.raises(UsageError, match=r"Pass \[image\]"):
        encoder.maps([])
    with pytest.raises(UsageError, match=r"Pass \[image\]"):
        encoder.maps(PHOTOS[0])  # type: ignore[arg-type]
