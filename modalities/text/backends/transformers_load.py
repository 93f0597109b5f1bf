"""Opens the files of a causal language model for transformers, and refuses the others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shoal.errors import CorruptWeightsError, UsageError
from shoal.extras import require
from shoal.modalities.text.backends import templates
from shoal.modalities.text.gguf_check import check_gguf
from shoal.modalities.torchvision_fix import ensure_torchvision_imports


def load_model(path: Path) -> tuple[Any, Any]:
    """Returns tokenizer and model, in float32 and in evaluation mode.

    Args:
        path: A folder, a safetensors file inside one, or a GGUF file (dequantised).

    Raises:
        CorruptWeightsError: The weights can't be read, or some are missing.
        UsageError: The folder holds no safetensors, or a model that does not write text.
        MissingExtraError: A GGUF file needs the extra `gguf`.
    """
    import torch

    folder, options = _where(path)
    ensure_torchvision_imports()
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    quiet: Any = logging.disable_progress_bar
    quiet()
    safe = {"local_files_only": True, "trust_remote_code": False}
    files = {key: value for key, value in options.items() if key == "gguf_file"}
    try:
        if not files:
            _check_generates(folder)
        tokenizer = AutoTokenizer.from_pretrained(folder, **safe, **files)
        opens: Any = AutoModelForCausalLM.from_pretrained
        model, report = opens(
            folder, dtype=torch.float32, output_loading_info=True, **safe, **options
        )
    except UsageError:
        raise
    except Exception as error:  # the loaders raise a dozen unrelated types
        raise CorruptWeightsError(
            f"cannot load {folder / options.get('gguf_file', '')}",
            str(error),
            "Type: shoal models verify",
        ) from error
    _check_whole(folder, report["missing_keys"])
    return tokenizer, model.eval()


def chat_template(tokenizer: Any) -> str:
    """Returns the template's text, or "" for a base model whose vocabulary knows no turns."""
    if tokenizer.chat_template:
        text: str = tokenizer.get_chat_template()
        return text
    return templates.CHATML if templates.CHATML_TOKEN in tokenizer.get_vocab() else ""


def _where(path: Path) -> tuple[Path, dict[str, Any]]:
    if path.suffix.lower() == ".gguf":
        require("gguf", "opening a GGUF file in transformers")
        check_gguf(path)
        return path.parent, {"gguf_file": path.name}
    folder = path if path.is_dir() else path.parent
    if not list(folder.glob("*.safetensors")):
        raise UsageError(
            f"{folder} holds no safetensors",
            "other weight files can run code when they are opened",
            "Convert them, or pull a repository that has safetensors",
        )
    return folder, {"use_safetensors": True}


def _check_generates(folder: Path) -> None:
    """Refuses encoders and translators: transformers would make up what they lack."""
    from transformers import AutoConfig
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    named = config.architectures or [config.model_type]
    causal = MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    # Some kinds can be both, and say which they are: is_decoder.
    encodes = getattr(config, "is_decoder", True) is False and not {*causal.values()} & {*named}
    if encodes or config.model_type not in causal:
        raise UsageError(
            f"the model in {folder} does not write text",
            f"it is {named[0]}, not a causal language model",
            "An encoder opens as TextEncoder(folder)",
        )


def _check_whole(folder: Path, missing: Sequence[str]) -> None:
    if missing:
        raise CorruptWeightsError(
            f"the files in {folder} lack {len(missing)} of the model's weights",
            f"{sorted(missing)[0]} is the first",
            "Fetch the folder again",
        )
