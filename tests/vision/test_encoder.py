"""The real Lite0 weights in both engines, and every way a model can be wrong."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from shoal.errors import (
    CorruptWeightsError,
    MissingModelError,
    StorageError,
    UnknownNameError,
    UsageError,
)
from shoal.files import cache_dir
from shoal.modalities.sources import get, locate
from shoal.modalities.vision import VisionEncoder, load_image, vision_encoder
from shoal.modalities.vision.encoders.engines import _read_card, _stem
from shoal.modalities.vision.encoders.timm_weights import resolve
from shoal.modalities.vision.opening.images import open_pixels

ASSETS = Path(__file__).parents[2] / "agents/demo/assets"


@pytest.fixture(scope="module")
def photos() -> list[Image.Image]:
    """The demo's pictures, each as it is, turned, and cut."""
    originals = [load_image(ASSETS / name).pixels for name in ("cat.jpg", "coffee.jpg", "sign.png")]
    turned = [image.rotate(20) for image in originals]
    cut = [image.crop((30, 30, image.width - 20, image.height - 10)) for image in originals]
    return originals + turned + cut


@pytest.fixture
def encoder() -> VisionEncoder:
    return vision_encoder(engine="openvino")


@pytest.fixture
def torch_encoder() -> VisionEncoder:
    return vision_encoder(engine="torch")


def test_labels_real_photos(encoder: VisionEncoder) -> None:
    (cat, coffee) = encoder.label([ASSETS / "cat.jpg", str(ASSETS / "coffee.jpg")], k=3)
    assert cat[0].name == "Egyptian cat"
    assert cat[0].index == 285
    assert cat[0].probability > 0.5
    assert {label.name for label in cat} == {"Egyptian cat", "tiger cat", "tabby"}
    assert "tabby cat" in next(label for label in cat if label.name == "tabby").synonyms
    assert coffee[0].name == "espresso"
    assert coffee[0].probability > 0.8


def test_probabilities_add_up(encoder: VisionEncoder) -> None:
    (labels,) = encoder.label([ASSETS / "cat.jpg"], k=5000)
    probabilities = [label.probability for label in labels]
    assert len(labels) == len(encoder.labels) == 1000
    assert sum(probabilities) == pytest.approx(1, abs=1e-4)
    assert probabilities == sorted(probabilities, reverse=True)


def test_both_engines_give_the_same_results(
    encoder: VisionEncoder, torch_encoder: VisionEncoder, photos: list[Image.Image]
) -> None:
    assert (encoder.engine, torch_encoder.engine) == ("openvino", "torch")
    card = encoder.network.card
    pixels = card.transform.crop([open_pixels(photo) for photo in photos])
    for ours, theirs in zip(
        encoder.network.exact(pixels), torch_encoder.network.exact(pixels), strict=True
    ):
        assert np.allclose(ours, theirs, atol=2e-3)
    ours, theirs = encoder.embed(photos), torch_encoder.embed(photos)
    assert (ours * theirs).sum(axis=1).min() >= 0.997  # in bfloat16 where there is some
    for a, b in zip(encoder.label(photos), torch_encoder.label(photos), strict=True):
        assert a[0].index == b[0].index
        assert a[0].probability == pytest.approx(b[0].probability, abs=0.02)


def test_close_calls_are_decided_in_full_precision(
    encoder: VisionEncoder, torch_encoder: VisionEncoder, photos: list[Image.Image]
) -> None:
    random, crops = np.random.default_rng(0), []
    for photo in photos:
        for _ in range(12):
            side = int(min(photo.size) * random.uniform(0.3, 1))
            left, top = (int(random.integers(0, length - side + 1)) for length in photo.size)
            stream = io.BytesIO()
            photo.crop((left, top, left + side, top + side)).resize((900, 900)).save(stream, "JPEG")
            crops.append(stream.getvalue())
    exact = torch_encoder.network.exact
    whole = torch_encoder.network.card.transform.crop([open_pixels(crop) for crop in crops])
    wanted = exact(whole)[1].argmax(1).tolist()
    assert [found[0].index for found in encoder.label(crops, k=1)] == wanted
    assert [found[0].index for found in torch_encoder.label(crops, k=1)] == wanted


def test_embeddings_are_unit_length_and_independent_of_the_batch(
    encoder: VisionEncoder, photos: list[Image.Image]
) -> None:
    together = encoder.embed(photos * 4)  # more than one batch
    assert together.shape == (36, encoder.features) == (36, 1280)
    assert together.dtype == np.float32
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert np.allclose(encoder.embed(photos[4:5])[0], together[4], atol=1e-4)
    assert encoder.embed([]).shape == (0, 1280)
    assert encoder.label([]) == []


def test_similarity(encoder: VisionEncoder, photos: list[Image.Image]) -> None:
    cat, coffee, turned_cat = photos[0], photos[1], photos[3]
    assert encoder.similarity(cat, cat) == pytest.approx(1)
    assert encoder.similarity(cat, turned_cat) > 0.5 > encoder.similarity(cat, coffee)
    assert encoder.similarity(cat, coffee) == pytest.approx(encoder.similarity(coffee, cat))


def test_every_kind_of_input_gives_the_same(encoder: VisionEncoder) -> None:
    path = ASSETS / "cat.jpg"
    loaded = load_image(path)
    kinds: list[Any] = [path, path.read_bytes(), loaded, loaded.pixels, np.asarray(loaded.pixels)]
    embeddings = encoder.embed(kinds)
    assert np.allclose(embeddings, embeddings[0], atol=1e-5)


@pytest.mark.parametrize("engine", ["openvino", "torch"])
def test_threads_get_their_own_results(engine: str, photos: list[Image.Image]) -> None:
    encoder = vision_encoder(engine=engine)
    expected = encoder.embed(photos)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda i: encoder.embed([photos[i % 9]])[0], range(36)))
    assert np.allclose(np.stack(results), np.tile(expected, (4, 1)), atol=1e-4)


def test_the_shared_encoder_is_made_once() -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: vision_encoder(), range(4)))
    assert all(one is made[0] for one in made)


def test_wrong_use(encoder: VisionEncoder) -> None:
    with pytest.raises(UsageError, match="k is 0"):
        encoder.label([ASSETS / "cat.jpg"], k=0)
    with pytest.raises(UsageError, match=r"Pass \[image\]"):
        encoder.embed(ASSETS / "cat.jpg")  # type: ignore[arg-type]
    with pytest.raises(UnknownNameError, match=r"did you mean 'openvino'"):
        VisionEncoder(engine="openvno")


def test_a_converted_model_needs_neither_torch_nor_timm(encoder: VisionEncoder) -> None:
    assert encoder.engine == "openvino"  # it is in the cache now
    VisionEncoder(engine="openvino")
    code = (
        "import sys; from shoal.modalities.vision import VisionEncoder;"
        "print(VisionEncoder(engine='openvino').label([sys.argv[1]], k=1)[0][0].name);"
        "print(sorted({'torch', 'timm', 'torchvision', 'openvino_telemetry'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code, str(ASSETS / "cat.jpg")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["Egyptian cat", "[]"]


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The converted model, copied into a cache folder of this test's own; without an ending."""
    VisionEncoder(engine="openvino")
    kept = _stem(resolve("efficientnet-lite0"))
    monkeypatch.setenv("SHOAL_HOME", str(tmp_path / "own"))
    own = _stem(resolve("efficientnet-lite0"))
    own.parent.mkdir(parents=True)
    for ending in (".xml", ".json", ".bin"):
        shutil.copy(kept.with_suffix(ending), own.with_suffix(ending))
    return own


def test_a_damaged_cache_is_noticed_and_made_again(own_cache: Path) -> None:
    stem = own_cache
    for ending in (".xml", ".json", ".bin"):
        part, whole = stem.with_suffix(ending), stem.with_suffix(ending).read_bytes()
        part.write_bytes(whole[:100])
        assert _read_card(stem) is None
        if ending != ".bin":
            part.write_bytes(whole)
            assert _read_card(stem) is not None
    (label,) = VisionEncoder(engine="openvino").label([ASSETS / "cat.jpg"], k=1)[0]
    assert label.name == "Egyptian cat"
    assert _read_card(stem) is not None
    assert {path.suffix for path in stem.parent.iterdir()} == {".bin", ".xml", ".json"}


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOAL_HOME", str(tmp_path / "own"))
    (cache_dir() / "vision").write_text("a file where the folder should be")
    with pytest.raises(StorageError, match=r"could not save.*SHOAL_HOME"):
        VisionEncoder(engine="openvino")


@pytest.fixture
def resnet(tmp_path: Path) -> Path:
    """A small real model with a head of its own for 7 classes, as one would fine-tune it."""
    from safetensors.torch import save_file

    from shoal.modalities.vision.encoders.timm_models import Weights, build

    module, _ = build(Weights("resnet10t", None, ""))
    state = {name.removeprefix("model."): value for name, value in module.state_dict().items()}
    for name in ("fc.weight", "fc.bias"):
        state[name] = state[name][:7].clone()
    path = tmp_path / "mine.safetensors"
    save_file(state, path)
    return path


def test_a_timm_model_with_a_file_of_ones_own(resnet: Path, photos: list[Image.Image]) -> None:
    ours = VisionEncoder("resnet10t", weights=resnet, engine="openvino")
    theirs = VisionEncoder("resnet10t", weights=str(resnet), engine="torch")
    assert ours.labels == tuple(f"class {index}" for index in range(7))
    assert (ours.embed(photos[:3]) * theirs.embed(photos[:3])).sum(axis=1).min() >= 0.999
    assert len(ours.label(photos[:1], k=9)[0]) == 7


def test_another_architecture_in_both_engines(photos: list[Image.Image]) -> None:
    ours = VisionEncoder("vit_tiny_patch16_224", weights="random", engine="openvino")
    theirs = VisionEncoder("vit_tiny_patch16_224", weights="random", engine="torch")
    a, b = ours.embed(photos[:2]), theirs.embed(photos[:2])
    assert a.shape == (2, ours.features) == (2, 192)
    assert (a * b).sum(axis=1).min() >= 0.99


def test_a_model_without_a_classifier_embeds_but_does_not_label() -> None:
    encoder = VisionEncoder("eva02_tiny_patch14_224", weights="random", engine="torch")
    assert encoder.embed([ASSETS / "cat.jpg"]).shape == (1, 192)
    with pytest.raises(UsageError, match="no classifier"):
        encoder.label([ASSETS / "cat.jpg"])


def test_no_local_weights() -> None:
    with pytest.raises(MissingModelError, match=r"never downloads.*models pull hf:timm/resnet18"):
        VisionEncoder("resnet18")


def test_unknown_and_unfit_names() -> None:
    with pytest.raises(UnknownNameError, match=r"did you mean.*resnet50"):
        VisionEncoder("resnet5o")
    with pytest.raises(UnknownNameError, match="efficientnet-lite0"):
        VisionEncoder("eficientnet-lite0")
    with pytest.raises(UsageError, match="not a vision model"):
        VisionEncoder("minilm-l6")


def test_weights_that_do_not_fit(resnet: Path, tmp_path: Path) -> None:
    with pytest.raises(CorruptWeightsError, match=r"mine\.safetensors.*tensors, resnet18 has"):
        VisionEncoder("resnet18", weights=resnet)
    with pytest.raises(MissingModelError, match="does not exist"):
        VisionEncoder("resnet18", weights=tmp_path / "absent.safetensors")
    for ending in (".safetensors", ".pth"):
        damaged = tmp_path / f"half{ending}"
        source = resnet if ending == ".safetensors" else locate("efficientnet-lite0")
        damaged.write_bytes(source.read_bytes()[:100_000])
        with pytest.raises(CorruptWeightsError, match=r"half.*can't be read"):
            VisionEncoder("resnet10t", weights=damaged)


def test_a_tensor_of_another_shape_is_named(resnet: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    state = load_file(resnet)
    state["conv1.0.weight"] = state["conv1.0.weight"][:, :1].clone()
    save_file(state, tmp_path / "grey.safetensors")
    with pytest.raises(CorruptWeightsError, match=r"'conv1\.0\.weight' .*, 1, 3, 3\) does not fit"):
        VisionEncoder("resnet10t", weights=tmp_path / "grey.safetensors", engine="torch")


def test_a_file_that_runs_code_is_refused(tmp_path: Path) -> None:
    import torch

    class Touch:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "ran",)

    torch.save({"conv1.weight": Touch()}, tmp_path / "evil.pth")
    with pytest.raises(CorruptWeightsError, match=r"evil\.pth.*can't be read"):
        VisionEncoder("resnet10t", weights=tmp_path / "evil.pth")
    assert not (tmp_path / "ran").exists()


def test_lite0_maps_by_position_onto_timm() -> None:
    """The published names differ from timm's; a swapped pair of tensors must be noticed."""
    from shoal.modalities.vision.encoders import timm_models
    from shoal.modalities.vision.encoders.timm_models import Weights

    path = locate("efficientnet-lite0")
    state = dict(timm_models._read(path))
    wanted = timm_models.build(Weights(get("efficientnet-lite0").timm, path, ""))[0].state_dict()
    assert len(state) == 296
    names = list(state)
    bias, mean = names.index("_bn0.bias"), names.index("_bn0.running_mean")
    names[bias], names[mean] = names[mean], names[bias]
    swapped = {name: state[name] for name in names}
    ours = {name.removeprefix("model."): value for name, value in wanted.items()}
    with pytest.raises(CorruptWeightsError, match=r"_bn0\.running_mean.*does not fit 'bn1\.bias'"):
        timm_models._fitted(swapped, ours, Weights("tf_efficientnet_lite0", path, ""))


def test_the_cached_card_is_plain_json(own_cache: Path) -> None:
    data = json.loads(own_cache.with_suffix(".json").read_text())
    assert data["transform"]["mean"] == [0.5, 0.5, 0.5]
    assert data["transform"]["crop_pct"] == 0.875
    assert data["labels"][285] == "Egyptian cat"
