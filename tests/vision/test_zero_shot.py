"""CLIP and SigLIP through the real code path, on small random models saved to folders."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from shoal.errors import (
    CorruptWeightsError,
    ImageError,
    MissingModelError,
    UnknownNameError,
    UsageError,
)
from shoal.modalities import sources
from shoal.modalities.torchvision_fix import ensure_torchvision_imports
from shoal.modalities.vision import load_image
from shoal.modalities.vision.zero_shot import ZeroShot
from tests.vision.random_models import NAMES, SENTENCES, save_clip, save_siglip

ASSETS = Path(__file__).parents[2] / "agents/demo/assets"
PHOTOS = [load_image(ASSETS / name).pixels for name in ("cat.jpg", "coffee.jpg")]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    ensure_torchvision_imports()
    import torch

    made = {kind: tmp_path_factory.mktemp(kind) for kind in ("clip", "siglip")}
    with torch.random.fork_rng():
        torch.manual_seed(5)
        save_clip(made["clip"])
        save_siglip(made["siglip"])
    return made


def _theirs(folder: Path, kind: str) -> np.ndarray[Any, Any]:
    """The same probabilities by transformers alone, as its documentation computes them."""
    import torch
    from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

    model = AutoModel.from_pretrained(folder).eval()
    pixels = AutoImageProcessor.from_pretrained(folder, backend="pil")(
        images=PHOTOS, return_tensors="pt"
    )
    read = AutoTokenizer.from_pretrained(folder)
    if kind == "clip":
        tokens = dict(read(SENTENCES, padding=True, return_tensors="pt"))
    else:
        lower = [text.lower() for text in SENTENCES]
        padded = read(lower, padding="max_length", max_length=16, return_tensors="pt")
        tokens = {"input_ids": padded["input_ids"]}
    with torch.no_grad():
        logits = model(**tokens, pixel_values=pixels["pixel_values"]).logits_per_image
    probabilities = logits.softmax(-1) if kind == "clip" else logits.sigmoid()
    array: np.ndarray[Any, Any] = probabilities.numpy()
    return array


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_the_probabilities_are_transformers_own(folders: dict[str, Path], kind: str) -> None:
    model = ZeroShot(folders[kind])
    found, expected = model.label(PHOTOS, NAMES), _theirs(folders[kind], kind)
    assert model.exclusive is (kind == "clip")
    assert len(found) == 2
    for labels, row in zip(found, expected, strict=True):
        assert [label.index for label in labels] == list(np.argsort(-row, kind="stable"))
        for label in labels:
            assert label.name == NAMES[label.index]
            assert label.probability == pytest.approx(float(row[label.index]), abs=1e-5)
        total = sum(label.probability for label in labels)
        assert (total == pytest.approx(1, abs=1e-5)) is (kind == "clip")
    assert model.label(PHOTOS, NAMES, k=1)[0] == found[0][:1]
    assert model.label([], NAMES) == []


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_embeddings_of_pictures_and_texts_share_a_space(
    folders: dict[str, Path], kind: str
) -> None:
    model = ZeroShot(str(folders[kind]))
    seen, said = model.embed(PHOTOS * 9), model.embed_texts(["cat", "sign"])
    assert seen.shape[0] == 18  # more than one batch
    assert seen.shape[1] == said.shape[1]
    assert seen.dtype == said.dtype == np.float32
    for vectors in (seen, said):
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.allclose(seen[:2], seen[16:], atol=1e-5)
    assert model.embed([]).shape == (0, seen.shape[1])
    assert model.embed_texts([]).shape == (0, seen.shape[1])


def test_the_template_and_long_names_count(folders: dict[str, Path]) -> None:
    model = ZeroShot(folders["siglip"])
    photo = model.label(PHOTOS[:1], ["cat"])[0][0]
    sign = model.label(PHOTOS[:1], ["cat"], template="sign {}")[0][0]
    assert photo.probability != sign.probability
    assert model.label(PHOTOS[:1], ["cat " * 500, "{0.x}"])[0][0].name


def test_odd_pictures(folders: dict[str, Path], tmp_path: Path) -> None:
    model = ZeroShot(folders["clip"])
    thin = Image.new("RGB", (1, 2_000_000), "white")
    array = np.zeros((5, 9), np.uint8)
    assert len(model.label([thin, array, ASSETS / "cat.jpg"], NAMES)) == 3
    (tmp_path / "half.jpg").write_bytes((ASSETS / "cat.jpg").read_bytes()[:2000])
    for broken in (tmp_path / "half.jpg", tmp_path / "gone.png", b"", np.zeros((3, 0))):
        with pytest.raises(ImageError):
            model.label([broken], NAMES)


def test_wrong_use(folders: dict[str, Path]) -> None:
    clip, siglip = ZeroShot(folders["clip"]), ZeroShot(folders["siglip"])
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"names": ["cat"]}, "Pass 2 or more"),
        ({"names": []}, "0 names"),
        ({"names": "cat"}, "one name was passed"),
        ({"names": ["cat", "cat"]}, "there twice"),
        ({"names": ["cat", " "]}, "empty"),
        ({"names": ["a", "b"], "template": "a photo"}, "no place for a name"),
        ({"names": ["a", "b"], "k": 0}, "k is 0"),
    ]
    for given, says in wrong:
        with pytest.raises(UsageError, match=says):
            clip.label(PHOTOS, **given)
    with pytest.raises(UsageError, match=r"Pass \[image\]"):
        clip.embed(PHOTOS[0])  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"Pass \[text\]"):
        clip.embed_texts("cat")
    with pytest.raises(UsageError, match="Pass 1 or more"):
        siglip.label(PHOTOS, [])
    assert len(siglip.label(PHOTOS, ["cat"])) == 2


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("clip-vit-base-patch32", "models pull clip-vit-base-patch32"),
        ("openai/clip-vit-base-patch32", "models pull clip-vit-base-patch32"),
        ("hf:google/siglip-base-patch16-224", "models pull siglip-base-patch16-224"),
        ("laion/some-clip", "models pull hf:laion/some-clip@COMMIT"),
    ],
)
def test_absent_weights_are_never_fetched(
    name: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(MissingModelError, match=f"never downloads.*{says}"):
        ZeroShot(name)


def test_the_hub_cache_is_used(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    commit = sources.get("clip-vit-base-patch32").revision
    for repo in ("openai--clip-vit-base-patch32", "laion--some-clip"):
        shutil.copytree(folders["clip"], tmp_path / f"models--{repo}/snapshots/{commit}")
    names = ("clip-vit-base-patch32", "hf:openai/clip-vit-base-patch32", "laion/some-clip",
             f"hf:laion/some-clip@{commit}")  # fmt: skip
    expected = ZeroShot(folders["clip"]).embed(PHOTOS)
    for name in names:
        assert np.array_equal(ZeroShot(name).embed(PHOTOS), expected)


def test_unknown_names_and_other_models(folders: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'clip-vit-base-patch32'"):
        ZeroShot("clip-vit-base-patch3")
    with pytest.raises(UsageError, match="role is 'vision'"):
        ZeroShot("efficientnet-lite0")
    with pytest.raises(UsageError, match="Name its folder"):
        ZeroShot(folders["clip"] / "model.safetensors")
    other = Path(shutil.copytree(folders["clip"], tmp_path / "other"))
    (other / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(UsageError, match="model_type is 'bert'"):
        ZeroShot(other)


@pytest.mark.parametrize("file", ["config.json", "model.safetensors", "tokenizer.json"])
def test_damaged_folders_are_named(folders: dict[str, Path], file: str, tmp_path: Path) -> None:
    damaged = Path(shutil.copytree(folders["siglip"], tmp_path / "damaged"))
    (damaged / file).write_bytes((damaged / file).read_bytes()[:50])
    with pytest.raises(CorruptWeightsError, match=r"damaged can't be opened"):
        ZeroShot(damaged)


def test_missing_tensors_are_not_made_up(folders: dict[str, Path], tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    lacking = Path(shutil.copytree(folders["clip"], tmp_path / "lacking"))
    state = load_file(lacking / "model.safetensors")
    del state["visual_projection.weight"]
    save_file(state, lacking / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CorruptWeightsError, match=r"visual_projection\.weight is missing"):
        ZeroShot(lacking)
