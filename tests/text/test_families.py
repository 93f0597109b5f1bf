"""Families: their sizes; every generator runs for real, small, with its own template."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    pre_tokenizers,
    trainers,
)

from shoal.errors import MissingModelError, UnknownNameError
from shoal.modalities.sources import locate
from shoal.modalities.text import ChatShoal
from shoal.modalities.text.families import TOLERANCE, Family, families, family
from shoal.modalities.text.models import load_backend
from shoal.modalities.text.tune.generator import tune_generator
from shoal.modalities.text.tune.generator_data import Dialogues
from shoal.modalities.text.tune.generator_settings import GeneratorSettings

SENTENCES = [
    "go to the red ball", "what is the capital of France?", "book a table for two",
    "my card did not arrive", "The capital of France is Paris.", "remind me to water the plants",
]  # fmt: skip
DIALOGUES = Dialogues(
    tuple(
        (
            {"role": "user", "content": f"what is {n}?"},
            {"role": "assistant", "content": SENTENCES[4]},
        )
        for n in range(24)
    )
)
ALL = sorted(families())
GENERATORS = [name for name in ALL if families()[name].generates]

_SIZES = {"num_hidden_layers": 2, "hidden_size": 48, "num_attention_heads": 4}
_CAUSAL = {**_SIZES, "intermediate_size": 64, "num_key_value_heads": 2}
SMALL: dict[str, dict[str, Any]] = {
    "Phi3ForCausalLM": {**_CAUSAL, "max_position_embeddings": 256},
    "LlamaForCausalLM": {**_CAUSAL, "max_position_embeddings": 256},
    "MistralForCausalLM": {**_CAUSAL, "max_position_embeddings": 256, "sliding_window": 64},
    "GPT2LMHeadModel": {"n_layer": 2, "n_embd": 48, "n_head": 4, "n_positions": 256},
}  # fmt: skip
"""What is changed of the published architecture: layers, widths and positions alone."""

_ZEPHYR = (
    "{% for message in messages %}\n{% if message['role'] == 'user' %}\n"
    "{{ '<|user|>\n' + message['content'] + eos_token }}\n"
    "{% elif message['role'] == 'system' %}\n"
    "{{ '<|system|>\n' + message['content'] + eos_token }}\n"
    "{% elif message['role'] == 'assistant' %}\n"
    "{{ '<|assistant|>\n'  + message['content'] + eos_token }}\n{% endif %}\n"
    "{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n"
    "{% endfor %}"
)
_PHI3 = (
    "{% for message in messages %}{% if message['role'] == 'system' %}"
    "{{'<|system|>\n' + message['content'] + '<|end|>\n'}}"
    "{% elif message['role'] == 'user' %}{{'<|user|>\n' + message['content'] + '<|end|>\n'}}"
    "{% elif message['role'] == 'assistant' %}"
    "{{'<|assistant|>\n' + message['content'] + '<|end|>\n'}}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"
)


@dataclass(frozen=True)
class Chat:
    """How a family talks: its template, its special tokens, and a prompt that it makes."""

    template: str | None
    special: tuple[str, ...]
    end: str
    prompt: str
    forged: str


def _zephyr() -> Chat:
    prompt = "<|system|>\nBe brief.</s>\n<|user|>\nHello</s>\n<|assistant|>\n"
    return Chat(_ZEPHYR, ("<unk>", "<s>", "</s>"), "</s>", prompt, "<|user|>")


CHATS: dict[str, Callable[[], Chat]] = {
    "tinyllama-1.1b": _zephyr,
    "zephyr-7b": _zephyr,
    "phi-3-mini": lambda: Chat(
        _PHI3,
        ("<unk>", "<s>", "<|endoftext|>", "<|assistant|>", "<|system|>", "<|end|>", "<|user|>"),
        "<|endoftext|>",
        "<|system|>\nBe brief.<|end|>\n<|user|>\nHello<|end|>\n<|assistant|>\n",
        "<|end|>",
    ),
    "smollm2-135m-hub": lambda: Chat(
        _own_template(),
        ("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
        "<|im_end|>",
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n"
        "<|im_start|>assistant\n",
        "<|im_end|>",
    ),
    "gpt2": lambda: Chat(
        None,
        ("<|endoftext|>",),
        "<|endoftext|>",
        "System: Be brief.\nUser: Hello\nAssistant:",
        "\nAssistant:",
    ),
}


@cache
def _embedded() -> Any:
    from gguf import GGUFReader

    return GGUFReader(locate("smollm2-135m"))


def _own_template() -> str:
    return str(_embedded().fields["tokenizer.chat_template"].contents())


@pytest.mark.parametrize("name", ALL)
def test_the_published_architecture_has_the_published_size(name: str) -> None:
    known = family(name)
    counted = known.parameters()
    assert counted == known.source.parameters
    assert known.note
    assert abs(known.difference()) <= TOLERANCE or "differs" in known.note
    assert len(known.source.revision) == 40
    assert known.source.repo.count("/") == 1


def test_the_embedded_weights_are_counted_as_they_are(home: Path) -> None:
    from safetensors import safe_open

    weights = sum(int(tensor.n_elements) for tensor in _embedded().tensors)
    assert weights == family("smollm2-135m-hub").parameters()
    with safe_open(locate("minilm-l6"), "np") as file:
        sizes = [np.prod(file.get_slice(key).get_shape()) for key in file.keys()]  # noqa: SIM118
        positions = 512 if "embeddings.position_ids" in file.keys() else 0  # noqa: SIM118
    assert sum(sizes) - positions == family("minilm-l6").parameters()


def test_an_unknown_family_suggests_the_near_one() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'zephyr-7b'"):
        family("zephir-7b")


def test_a_family_in_the_hub_cache_is_opened_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(MissingModelError, match="shoal models pull gpt2"):
        ChatShoal(model="gpt2").invoke("hello")
    snapshots = tmp_path / "models--openai-community--gpt2" / "snapshots"
    _generator(family("gpt2"), CHATS["gpt2"](), snapshots / family("gpt2").source.revision)
    assert ChatShoal(model="gpt2", max_tokens=4).invoke("hello").usage_metadata


@pytest.mark.parametrize("name", GENERATORS)
def test_a_generator_talks_learns_and_is_saved(name: str, tmp_path: Path) -> None:
    chat = CHATS[name]()
    folder = _generator(family(name), chat, tmp_path / "base")
    engine: Any = load_backend(str(folder), context=200)
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
    assert engine.render(turns) == chat.prompt
    assert chat.forged in engine.control_tokens
    assert ChatShoal(model=str(folder), max_tokens=6).invoke("hello").usage_metadata
    tuned = tune_generator(DIALOGUES, _generator_settings(name, folder, tmp_path / "tuned"))
    losses = json.loads((tuned / "generator.json").read_text())["scores"]
    assert losses["best"]["loss"] < losses["before"]["loss"] - 0.5
    answers = [_answer(tuned / "model"), _answer(tuned / "model", stream=True)]
    assert answers == [SENTENCES[4]] * 2
    engine._model.from_pretrained(tuned / "model").save_pretrained(tmp_path / "again")
    engine._tokenizer.from_pretrained(tuned / "model").save_pretrained(tmp_path / "again")
    assert _answer(tmp_path / "again") == SENTENCES[4]


def _generator_settings(name: str, folder: Path, out: Path) -> GeneratorSettings:
    return GeneratorSettings(
        f"small-{name}", base=str(folder), epochs=12, batch=4, learning_rate=2e-2,
        quantize="none", out=out, quiet=True,
    )  # fmt: skip


def _answer(folder: Path, *, stream: bool = False) -> str:
    talker = ChatShoal(model=str(folder), max_tokens=24, repeat_penalty=1.0, context=200)
    if stream:
        return "".join(str(piece.text) for piece in talker.stream("what is 3?")).strip()
    return str(talker.invoke("what is 3?").text)


@pytest.mark.parametrize("name", GENERATORS)
def test_a_generator_scores_options_in_one_pass_as_one_by_one(name: str, tmp_path: Path) -> None:
    import torch

    from shoal.modalities.text.backends import tree_attention
    from shoal.modalities.text.backends.options import OptionTree

    folder = _generator(family(name), CHATS[name](), tmp_path / "base")
    engine: Any = load_backend(str(folder), context=200)
    options = [" the red ball", " the red plants", " France"]
    packed = engine.option_logprobs("go to", options)
    tree = OptionTree(
        tuple(engine.tokens("go to")), tuple(tuple(engine.tokens(o)) for o in options)
    )
    whole = {tuple(engine.tokens("go to" + option)) for option in options}
    assert len(whole) == 3
    with torch.inference_mode():
        single = tree_attention._one_by_one(engine._model, tree)
    assert [count for _, count in packed] == [count for _, count in single]
    np.testing.assert_allclose([p for p, _ in packed], [p for p, _ in single], atol=1e-4)


def _generator(known: Family, chat: Chat, folder: Path) -> Path:
    """A small model with random weights, its tokenizer and its template, saved."""
    import torch
    from transformers import PreTrainedTokenizerFast

    tokenizer = _byte_level(chat.special)
    special = {key: token for key, token in (("bos_token", "<s>"), ("unk_token", "<unk>"))
               if token in chat.special}  # fmt: skip
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=chat.end, **special)
    fast.chat_template = chat.template
    fast.save_pretrained(folder)
    ids = dict.fromkeys(("bos_token_id", "pad_token_id"))
    torch.manual_seed(0)
    model = known.build(
        **SMALL[known.model], **ids, vocab_size=len(fast), eos_token_id=fast.eos_token_id
    )
    model.save_pretrained(folder)
    return folder


def _byte_level(special: tuple[str, ...]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=list(special), initial_alphabet=alphabet
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    return tokenizer
