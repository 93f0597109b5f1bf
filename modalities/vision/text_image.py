"""Text-image models of transformers from local files: found, checked, opened."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal.errors import CorruptWeightsError, MissingExtraError, MissingModelError, UsageError
from shoal.modalities.quiet import quiet_transformers
from shoal.modalities.sources import any_cached, catalog, find, locate
from shoal.modalities.torchvision_fix import ensure_torchvision_imports

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL import Image

    from shoal.modalities.vision.transform import Floats

FAMILIES = ("clip", "siglip")
"""Values of `model_type` in config.json that are opened."""

_REPO = re.compile(r"(hf:)?(?P<repo>[\w.-]+/[\w.-]+)$")
_MAX_RATIO = 4  # of the sides, before a transform that enlarges the shorter one and cuts the rest


@dataclass(frozen=True, slots=True)
class TextImageModel:
    """One opened model.

    Attributes:
        images: RGB pictures -> float32 (n, d) of unit length.
        texts: Texts -> float32 (n, d) of unit length.
        size: d.
        scale: Factor of the cosine.
        bias: Added to the scaled cosine; None for a model without one.
    """

    images: Callable[[Sequence[Image.Image]], Floats]
    texts: Callable[[Sequence[str]], Floats]
    size: int
    scale: float
    bias: float | None


def find_model(model: str | Path) -> Path:
    """Returns the local folder of a text-image model.

    Raises:
        ShoalError: As `ZeroShot` does.
    """
    name = str(model)
    match = _REPO.match(name)
    entries = catalog()
    if name in entries and entries[name].role != "text-image":
        role = entries[name].role
        raise UsageError(f"{name!r} is no text-image model", f"its role is {role!r}")
    if name in entries or match is None or Path(model).expanduser().is_dir():
        return _folder(locate(model))
    repo = match["repo"]
    source = next((entry for entry in entries.values() if entry.repo == repo), None)
    path = (find(source) if source else None) or _cached(repo)
    if path is not None:
        return path
    if source is not None:
        return locate(source.name)  # it says how to get this one
    raise MissingModelError(
        f"{repo} is not on this machine",
        "Shoal never downloads on its own",
        f"Type: shoal models pull hf:{repo}@COMMIT. Or copy its folder here and name that",
    )


def open_model(model: str | Path) -> TextImageModel:
    """Finds a model and loads it, with its own tokenizer and image transform.

    Raises:
        ShoalError: As `ZeroShot` does.
    """
    folder = find_model(model)
    ensure_torchvision_imports()
    with quiet_transformers(), _named(folder):
        return _open(folder)


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise UsageError(
            f"{path} is a file", "its config and tokenizer are needed as well", "Name its folder"
        )
    return path


def _cached(repo: str) -> Path | None:
    files = (any_cached(repo, name) for name in ("model.safetensors", "pytorch_model.bin"))
    return next((file.parent for file in files if file is not None), None)


@contextmanager
def _named(folder: Path) -> Iterator[None]:
    """Turns what transformers raises on damaged or incomplete folders into errors that say so."""
    try:
        yield
    except ImportError as error:
        raise MissingExtraError(
            f"the tokenizer in {folder} can't be opened",
            str(error).strip().splitlines()[0],
            "Type: pip install sentencepiece protobuf",
        ) from error
    except (UsageError, CorruptWeightsError):
        raise
    except Exception as error:  # transformers, tokenizers and safetensors raise unrelated types
        why = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise CorruptWeightsError(
            f"the model in {folder} can't be opened", why, "Check the folder, or pull it again"
        ) from error


def _open(folder: Path) -> TextImageModel:
    from transformers import AutoConfig, AutoImageProcessor, AutoModel, AutoTokenizer

    local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    config = AutoConfig.from_pretrained(folder, **local)
    if config.model_type not in FAMILIES:
        raise UsageError(
            f"{folder} holds no text-image model that Shoal opens",
            f"its model_type is {config.model_type!r}",
            f"Known: {', '.join(FAMILIES)}",
        )
    model, told = AutoModel.from_pretrained(
        folder, config=config, dtype="float32", output_loading_info=True, **local
    )
    unfit = sorted({*map(str, told["missing_keys"]), *map(str, told["mismatched_keys"])})
    if unfit:  # transformers would leave them random
        raise CorruptWeightsError(
            f"the weights in {folder} are incomplete", f"{unfit[0]} is missing or does not fit"
        )
    tokenizer = AutoTokenizer.from_pretrained(folder, **local)
    # The plain PIL transform: torchvision's own operators may be absent.
    processor = AutoImageProcessor.from_pretrained(folder, backend="pil", **local)
    return _assembled(model.eval(), tokenizer, processor)


def _assembled(model: Any, tokenizer: Any, processor: Any) -> TextImageModel:
    import torch

    bias = getattr(model, "logit_bias", None)
    length = model.config.text_config.max_position_embeddings
    enlarges = "shortest_edge" in dict(processor.size)

    def images(pixels: Sequence[Image.Image]) -> Floats:
        whole = [_middle(image) for image in pixels] if enlarges else list(pixels)
        with torch.inference_mode():
            inputs = processor(images=whole, return_tensors="pt")
            return _unit(model.get_image_features(**inputs))

    def texts(sentences: Sequence[str]) -> Floats:
        with torch.inference_mode():
            return _unit(model.get_text_features(**tokens(list(sentences))))

    def tokens(sentences: list[str]) -> Any:
        if bias is None:
            return tokenizer(
                sentences, padding=True, truncation=True, max_length=length, return_tensors="pt"
            )
        # SigLIP was trained on lower case, padded to the full length, without a mask.
        lower = [sentence.lower() for sentence in sentences]
        padded = tokenizer(
            lower, padding="max_length", truncation=True, max_length=length, return_tensors="pt"
        )
        return {"input_ids": padded["input_ids"]}

    size = texts(["a"]).shape[1]
    scale = float(model.logit_scale.detach().exp())
    return TextImageModel(images, texts, size, scale, None if bias is None else float(bias))


def _middle(image: Image.Image) -> Image.Image:
    """Cuts the far ends off thread-thin pictures; a centre crop would drop them anyway.

    Without it, a 1 x 40,000,000 picture would be resized to 224 times as large first.
    """
    short = min(image.size)
    wide, high = (min(side, _MAX_RATIO * short) for side in image.size)
    left, top = (image.width - wide) // 2, (image.height - high) // 2
    return image.crop((left, top, left + wide, top + high))


def _unit(output: Any) -> Floats:
    features = getattr(output, "pooler_output", output)  # older transformers give the tensor
    unit: Floats = (features / features.norm(dim=-1, keepdim=True)).float().numpy()
    return unit
