"""Folders of encoders that are not what a user thinks: each runs, or ends in a clear error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from shoal.errors import CorruptWeightsError, UsageError
from shoal.modalities.text import TextEncoder
from shoal.modalities.text.families import family

SENTENCES = ["go to the red ball", "The capital of France is Paris.", "my card did not arrive"]
BERT = {
    "num_hidden_layers": 2, "hidden_size": 48, "num_attention_heads": 4,
    "intermediate_size": 64, "max_position_embeddings": 40, "vocab_size": 60,
}  # fmt: skip


def test_weights_that_are_missing_are_not_made_up(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = _bert(tmp_path / "bert")
    path = folder / "model.safetensors"
    kept = {name: value for name, value in load_file(path).items() if "layer.1." not in name}
    save_file(kept, path, {"format": "pt"})
    with pytest.raises(CorruptWeightsError, match="another architecture"):
        TextEncoder(str(folder))


def test_torch_weights_and_a_bare_vocabulary_make_an_encoder(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    folder = _bert(tmp_path / "bert")
    expected = TextEncoder(str(folder), engine="torch").embed(SENTENCES)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    (folder / "vocab.txt").write_text("\n".join(sorted(vocabulary, key=vocabulary.get)))
    (folder / "model.safetensors").unlink()
    (folder / "tokenizer.json").unlink()
    for engine in ("torch", "openvino"):
        vectors = TextEncoder(str(folder), engine=engine).embed(SENTENCES)
        np.testing.assert_allclose(vectors, expected, atol=1e-5)


def test_torch_weights_that_run_code_are_refused(tmp_path: Path) -> None:
    import pickle

    folder = _bert(tmp_path / "bert")
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(_Evil(tmp_path / "touched")))
    with pytest.raises(CorruptWeightsError):
        TextEncoder(str(folder))
    assert not (tmp_path / "touched").exists()


class _Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("how", ["cls", "max"])
def test_an_encoder_pools_as_its_folder_says(tmp_path: Path, how: str) -> None:
    folder = _bert(tmp_path / "bert")
    mean = TextEncoder(str(folder)).embed(SENTENCES)
    (folder / "1_Pooling").mkdir()
    key = {"cls": "pooling_mode_cls_token", "max": "pooling_mode_max_tokens"}[how]
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({key: True}))
    pooled = TextEncoder(str(folder)).embed(SENTENCES)
    assert np.abs(pooled - mean).max() > 0.01
    for row, text in zip(pooled, SENTENCES, strict=True):  # padding has no part in it
        np.testing.assert_allclose(TextEncoder(str(folder)).embed([text])[0], row, atol=1e-4)
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_lasttoken": true}')
    with pytest.raises(UsageError, match="lasttoken"):
        TextEncoder(str(folder))
    parts = [{"type": "sentence_transformers.models.Dense"}]
    (folder / "modules.json").write_text(json.dumps(parts))
    with pytest.raises(UsageError, match="Dense"):
        TextEncoder(str(folder))


def test_what_is_no_encoder_is_said(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    with pytest.raises(UsageError, match=r"\.gguf"):
        TextEncoder(str(tmp_path / "model.gguf"))
    with pytest.raises(UsageError, match="holds no text encoder"):
        TextEncoder(str(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(CorruptWeightsError, match="hidden_size"):
        TextEncoder(str(tmp_path))


def _bert(folder: Path) -> Path:
    import torch

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(
        SENTENCES, trainers.WordPieceTrainer(vocab_size=60, special_tokens=special)
    )
    _frame(tokenizer)
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(0)
    family("tinybert-4l").build(**BERT).save_pretrained(folder)
    return folder


def _frame(tokenizer: Tokenizer) -> None:
    from tokenizers.processors import TemplateProcessing

    ends = [("[CLS]", tokenizer.token_to_id("[CLS]")), ("[SEP]", tokenizer.token_to_id("[SEP]"))]
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
