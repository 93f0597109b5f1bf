"""Every encoder family runs for real, at a small width of its own config class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from shoal.modalities.text import TextEncoder
from shoal.modalities.text.families import Family, families, family
from shoal.modalities.text.tune import Classifier, Rows, TuneSettings, tune_classifier

SENTENCES = [
    "go to the red ball", "what is the capital of France?", "book a table for two",
    "my card did not arrive", "The capital of France is Paris.", "remind me to water the plants",
]  # fmt: skip
LABELS = ["act", "ask", "act", "tell", "tell", "act"]
ENCODERS = sorted(name for name, known in families().items() if not known.generates)

_SIZES = {"num_hidden_layers": 2, "hidden_size": 48, "num_attention_heads": 4}
_BERT = {**_SIZES, "intermediate_size": 64, "max_position_embeddings": 40}
SMALL: dict[str, dict[str, Any]] = {
    "DistilBertModel": {
        "n_layers": 2,
        "dim": 48,
        "hidden_dim": 64,
        "n_heads": 4,
        "max_position_embeddings": 40,
    },
    "AlbertModel": {**_BERT, "embedding_size": 16},
    "BertModel": _BERT,
    "ElectraModel": {**_BERT, "embedding_size": 16},
}
"""What is changed of the published architecture: layers, widths and positions alone."""


@pytest.mark.parametrize("name", ENCODERS)
def test_an_encoder_encodes_learns_and_is_saved(name: str, tmp_path: Path) -> None:
    folder = _encoder(family(name), tmp_path / "base")
    encoder = TextEncoder(str(folder))
    assert (encoder.dimensions, encoder.max_tokens) == (48, 40)
    texts = [*SENTENCES, "", "water the plants " * 40]
    rows = encoder.embed(texts)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(encoder.embed(texts[-1:])[0], rows[-1], atol=1e-4)
    torch_rows = TextEncoder(str(folder), engine="torch").embed(texts)
    np.testing.assert_allclose(rows, torch_rows, atol=1e-4)
    losses, tuned = _sorted(folder, tmp_path / "tuned")
    assert losses[-1] < 0.5 * losses[0]
    saved = TextEncoder(str(tuned))
    after = saved.embed(SENTENCES)
    np.testing.assert_allclose(
        after, TextEncoder(str(tuned), engine="torch").embed(SENTENCES), atol=1e-4
    )
    near = (after @ after.T - 2 * np.eye(len(after))).argmax(1)
    assert [LABELS[place] for place in near[[0, 2, 3]]] == ["act", "act", "tell"]


@pytest.mark.parametrize("name", [name for name in ENCODERS if name != "minilm-l6"])
def test_a_family_becomes_a_classifier_that_runs(name: str, tmp_path: Path) -> None:
    folder = _encoder(family(name), tmp_path / "base")
    begins = {"go to the": "act", "what is the": "ask", "my card did not": "tell"}
    ends = ("red ball", "capital", "two", "plants", "water", "France", "Paris", "table")
    pairs = [(f"{begin} {end}", label) for begin, label in begins.items() for end in ends]
    rows = Rows(tuple(text for text, _ in pairs), tuple(label for _, label in pairs))
    settings = TuneSettings(
        "small", "lora", model=str(folder), epochs=8, batch=8, int8=False, quiet=True,
        out=tmp_path / "tuned",
    )  # fmt: skip
    made = Classifier.load(tune_classifier(rows, settings))
    right = [
        said.nearest == label
        for said, label in zip(made.predict(rows.texts), rows.labels, strict=True)
    ]
    assert np.mean(right) >= 0.9
    parity: Any = made.spec.scores["parity"]
    assert parity["agreement"] == 1
    assert parity["max_difference"] < 1e-3


def _encoder(known: Family, folder: Path) -> Path:
    """A small encoder with random weights and a tokenizer of its kind, saved."""
    import torch

    tokenizer = _unigram() if known.model == "AlbertModel" else _wordpiece()
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(0)
    model = known.build(**SMALL[known.model], vocab_size=tokenizer.get_vocab_size(), pad_token_id=0)
    model.save_pretrained(folder)
    return folder


def _wordpiece() -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=200, special_tokens=special)
    return _framed(tokenizer, trainer)


def _unigram() -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.UnigramTrainer(vocab_size=60, special_tokens=special, unk_token="<unk>")
    return _framed(tokenizer, trainer)


def _framed(tokenizer: Tokenizer, trainer: Any) -> Tokenizer:
    tokenizer.train_from_iterator(SENTENCES, trainer)
    ends = [("[CLS]", tokenizer.token_to_id("[CLS]")), ("[SEP]", tokenizer.token_to_id("[SEP]"))]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=ends
    )
    return tokenizer


def _sorted(folder: Path, tuned: Path) -> tuple[list[float], Path]:
    """Teaches an encoder three classes; returns the losses and where it is saved."""
    import shutil

    import torch

    from shoal.modalities.text.encoder_files import encoder_files, open_tokenizer
    from shoal.modalities.text.encoder_torch import pooled_module

    files = encoder_files(folder)
    read = open_tokenizer(files).encode_batch(SENTENCES)
    ids = torch.tensor([encoding.ids for encoding in read])
    mask = torch.tensor([encoding.attention_mask for encoding in read])
    classes = sorted(set(LABELS))
    truth = torch.tensor([classes.index(label) for label in LABELS])
    module = pooled_module(files.weights)
    head = torch.nn.Linear(files.dimensions, len(classes))
    optimizer = torch.optim.AdamW([*module.parameters(), *head.parameters()], lr=5e-3)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(10 * head(module(ids, mask)), truth)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    module.transformer.save_pretrained(tuned)
    shutil.copy(folder / "tokenizer.json", tuned)
    return losses, tuned
