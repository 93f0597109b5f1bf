"""What lies in an encoder's folder: its weights, sizes, pooling and tokenizer.

Any BERT-like model of transformers will do: BERT, DistilBERT, ALBERT, ELECTRA, RoBERTa and
their kin, with the files of sentence-transformers beside them or without.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal.errors import CorruptWeightsError, UsageError
from shoal.modalities.quiet import quiet_transformers
from shoal.modalities.torchvision_fix import ensure_torchvision_imports

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MAX_TOKENS = 256
"""Longer texts are cut: the embedded model was trained on no more."""

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""Looked for in this order; the second is read with `weights_only=True`."""

POOLINGS = ("mean", "cls", "max")
_WIDTHS = ("hidden_size", "dim", "d_model")
_OFFSET_POSITIONS = ("roberta", "camembert", "xlm-roberta", "mpnet")
"""Their first position comes after the padding token's id."""


@dataclass(frozen=True, slots=True)
class EncoderFiles:
    """One encoder on this machine.

    Attributes:
        weights: The file.
        dimensions: Length of its vectors.
        tokens: Longer texts are cut to so many.
        pad: Id of the padding token.
    """

    weights: Path
    dimensions: int
    tokens: int
    pad: int

    @property
    def folder(self) -> Path:
        """Where weights, config and tokenizer lie."""
        return self.weights.parent


def encoder_files(path: Path) -> EncoderFiles:
    """Looks at an encoder's folder, or at its weights file.

    Raises:
        UsageError: No encoder's weights are there.
        CorruptWeightsError: The config can't be read.
    """
    weights = _weights(path)
    config = _json(weights.parent / "config.json")
    width = next((config[key] for key in _WIDTHS if key in config), None)
    if not isinstance(width, int):
        raise CorruptWeightsError(
            f"cannot read {weights.parent / 'config.json'}",
            f"it has none of {', '.join(_WIDTHS)}",
            "Fetch the folder again, or name one that holds a text encoder",
        )
    pad = config.get("pad_token_id")
    pad = pad if isinstance(pad, int) and pad >= 0 else 0
    return EncoderFiles(weights, width, _limit(weights.parent, config, pad), pad)


def pooling_of(folder: Path) -> str:
    """Returns how token vectors become one: "mean", "cls" or "max"; "mean" if unsaid.

    Raises:
        UsageError: The folder asks for a pooling, or a layer after it, that is not known.
    """
    if (folder / "modules.json").is_file():
        kinds = [str(part.get("type", "")).rpartition(".")[2] for part in _list(folder)]
        strange = sorted(set(kinds) - {"Transformer", "Pooling", "Normalize"})
        if strange:
            raise UsageError(
                f"the encoder in {folder} has a part {strange[0]!r}",
                "known parts: Transformer, Pooling, Normalize",
                "Use it through another library, or choose another encoder",
            )
    path = pooling_file(folder)
    return _pooling(path, _json(path)) if path else "mean"


def pooling_file(folder: Path) -> Path | None:
    """Returns the pooling's config as sentence-transformers writes it, if there is one."""
    path = folder / "1_Pooling" / "config.json"
    return path if path.is_file() else None


def open_tokenizer(files: EncoderFiles) -> Tokenizer:
    """Opens tokenizer.json, or makes the tokenizer from the vocabulary where that is absent.

    Raises:
        CorruptWeightsError: Neither can be read.
    """
    from tokenizers import Tokenizer

    path = files.folder / "tokenizer.json"
    try:
        tokenizer = Tokenizer.from_file(str(path)) if path.exists() else _converted(files.folder)
    except Exception as error:  # tokenizers raises bare Exception
        raise CorruptWeightsError(
            f"cannot read {path}", str(error), "Type: shoal models verify"
        ) from error
    tokenizer.enable_truncation(files.tokens)
    tokenizer.enable_padding(pad_id=files.pad)
    return tokenizer


def _converted(folder: Path) -> Any:
    ensure_torchvision_imports()
    from transformers import AutoTokenizer

    with quiet_transformers():
        return AutoTokenizer.from_pretrained(folder, local_files_only=True).backend_tokenizer


def _weights(path: Path) -> Path:
    if path.is_file():
        if path.suffix not in (".safetensors", ".bin"):
            raise UsageError(
                f"{path} is no text encoder",
                f"its ending is {path.suffix!r}",
                "Give the folder of a BERT-like model, or its .safetensors file",
            )
        return path
    found = next((path / name for name in WEIGHTS if (path / name).is_file()), None)
    if found is None:
        raise UsageError(
            f"{path} holds no text encoder",
            f"it has neither {' nor '.join(WEIGHTS)}",
            "Give the folder of a BERT-like model",
        )
    return found


def _limit(folder: Path, config: dict[str, Any], pad: int) -> int:
    positions = config.get("max_position_embeddings") or MAX_TOKENS
    if config.get("model_type") in _OFFSET_POSITIONS:
        positions -= pad + 1
    own = folder / "sentence_bert_config.json"
    trained = _json(own).get("max_seq_length") if own.is_file() else None
    return int(min(MAX_TOKENS, positions, trained or MAX_TOKENS))


def _pooling(path: Path, config: dict[str, Any]) -> str:
    chosen = [key for key, value in config.items() if key.startswith("pooling_mode_") and value]
    said = config.get("pooling_mode") or "+".join(chosen) or "mean"
    plain = str(said).removeprefix("pooling_mode_").removesuffix("_tokens").removesuffix("_token")
    if plain not in POOLINGS:
        raise UsageError(f"{path} asks for the pooling {plain!r}", f"known: {', '.join(POOLINGS)}")
    return plain


def _list(folder: Path) -> list[dict[str, Any]]:
    parts = _parsed(folder / "modules.json")
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []


def _json(path: Path) -> dict[str, Any]:
    content = _parsed(path)
    return content if isinstance(content, dict) else {}


def _parsed(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CorruptWeightsError(
            f"cannot read {path}", str(error), "Type: shoal models verify"
        ) from error
