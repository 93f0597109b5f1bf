"""Every example runs as a program of its own, with the network blocked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shoal.modalities.torchvision_fix import ensure_torchvision_imports

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("[0-9]*.py"))

_BLOCK = """
import socket
def refuse(self, address, _connect=socket.socket.connect):
    if isinstance(address, tuple):
        raise OSError(f"an example tried to reach {address}")
    return _connect(self, address)
socket.socket.connect = refuse
"""

EXPECTED = {
    "01_text_tool": "= 42",
    "02_vision": "9:30",
    "03_policy": "solved",
    "04_memory": "blue",
    "05_own_tool": "12 apples",
    "06_own_expert": "[solved by backwards]",
    "07_in_another_graph": "= 6",
    "08_train_policy": "shoal train CartPole-v1",
    "09_support_desk": "cancel_order(order=7311)",
    "10_assistant": "15:30 dentist",
    "11_translate": "Guten Morgen",
    "12_scanned_form": "INV-2041         on the page",
    "13_read_a_page": "not on the page: iban",
    "14_search_pictures": "nearly the same: bright cat.jpg, cat.jpg",
    "15_explain_a_label": "espresso is on the right",
    "16_teach_pictures": "a sign: none of these",
    "17_slow_becomes_fast": "version 1 is on",
}


def test_each_example_has_an_expectation() -> None:
    assert {path.stem for path in EXAMPLES} == set(EXPECTED)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs_offline(path: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(_BLOCK)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    told = ["--model", str(_translator(tmp_path / "t5"))] if path.stem == "11_translate" else []
    done = subprocess.run(
        [sys.executable, str(path), *told],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert EXPECTED[path.stem] in done.stdout, done.stdout


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 80


def _translator(folder: Path) -> Path:
    """A small sequence-to-sequence model that is taught one sentence."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    ensure_torchvision_imports()
    import torch
    from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

    tokenizer = Tokenizer(models.WordLevel(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.WordLevelTrainer(special_tokens=["<pad>", "</s>", "<unk>"])
    tokenizer.train_from_iterator(["Good morning. Guten Morgen."], trainer)
    names = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    read = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names)
    read.save_pretrained(folder)
    torch.manual_seed(0)
    size: dict[str, Any] = {
        "d_model": 32, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 4,
        "decoder_start_token_id": 0,
    }  # fmt: skip
    config = T5Config(vocab_size=len(read), **size)
    model = T5ForConditionalGeneration(config)
    ids = read("Good morning.", return_tensors="pt")["input_ids"]
    wanted = read("Guten Morgen.</s>", return_tensors="pt")["input_ids"]
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        model(input_ids=ids, labels=wanted).loss.backward()
        optimizer.step()
    model.save_pretrained(folder)
    return folder
