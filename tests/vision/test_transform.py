"""The plain PIL and numpy transform does what timm's own does, for every crop mode it has."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from shoal.modalities.torchvision_fix import ensure_torchvision_imports
from shoal.modalities.vision.transform import Transform

SIZES = [(260, 250), (451, 300), (300, 451), (224, 224), (97, 33), (31, 500), (640, 64)]


def _photo(size: tuple[int, int]) -> Image.Image:
    """Soft shapes with fine noise, so that a shift by a pixel shows."""
    random = np.random.default_rng(size[0])
    coarse = Image.fromarray(random.integers(0, 255, (9, 9, 3), dtype=np.uint8))
    noise = random.integers(0, 40, (size[1], size[0], 3))
    soft = np.asarray(coarse.resize(size, Image.Resampling.BICUBIC)) * 0.8 + noise
    return Image.fromarray(soft.astype(np.uint8))


def _both(image: Image.Image, settings: dict[str, Any]) -> tuple[np.ndarray[Any, Any], ...]:
    ensure_torchvision_imports()
    import timm.data

    api: Any = timm.data
    height, width = settings["size"]
    rest = {key: value for key, value in settings.items() if key != "size"}
    theirs = api.create_transform(input_size=(3, height, width), is_training=False, **rest)(
        image
    ).numpy()
    return Transform(height, width, **rest)([image])[0], theirs


@pytest.mark.parametrize("crop_mode", ["center", "squash", "border"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("input_size", "crop_pct", "interpolation"),
    [((224, 224), 0.875, "bicubic"), ((64, 64), 1.0, "bilinear"), ((96, 64), 0.9, "bicubic")],
)
def test_same_as_timm(
    crop_mode: str,
    size: tuple[int, int],
    input_size: tuple[int, int],
    crop_pct: float,
    interpolation: str,
) -> None:
    settings = {
        "size": input_size,
        "mean": (0.5, 0.4, 0.3),
        "std": (0.5, 0.25, 0.2),
        "crop_pct": crop_pct,
        "crop_mode": crop_mode,
        "interpolation": interpolation,
    }
    ours, theirs = _both(_photo(size), settings)
    assert ours.shape == theirs.shape == (3, *input_size)
    assert ours.dtype == np.float32
    step = 1 / 255 / 0.2  # one grey level (rounding), in the most stretched channel
    assert np.abs(ours - theirs).max() <= step * 1.01


def test_a_thread_thin_picture_is_not_blown_up() -> None:
    transform = Transform(224, 224, (0.5,) * 3, (0.5,) * 3, 0.875, "center", "bicubic")
    batch = transform([Image.new("RGB", (1, 40_000_000), "white"), Image.new("RGB", (1, 1))])
    assert batch.shape == (2, 3, 224, 224)
    assert np.allclose(batch[0], 1)
    assert np.allclose(batch[1], -1)


def test_no_pictures_and_json() -> None:
    transform = Transform(32, 24, (0.5,) * 3, (0.5,) * 3, 1.0, "squash", "bilinear")
    assert transform([]).shape == (0, 3, 32, 24)
    assert Transform.from_json(transform.to_json()) == transform
