from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import BaseModel

from shoal.errors import CorruptWeightsError, MissingModelError, RunError, UsageError
from shoal.modalities.sources import locate
from shoal.modalities.text import ChatShoal
from shoal.modalities.text.backends.base import Backend, Sampling
from shoal.modalities.text.gguf_check import check_gguf
from shoal.modalities.text.models import load_backend
from shoal.modalities.text.schemas import choice_grammar, json_grammar


class City(BaseModel):
    """A city."""

    city: str
    capital: bool


@pytest.fixture(scope="module", params=["llama.cpp", "transformers"])
def engine(request: pytest.FixtureRequest) -> Backend:
    return load_backend("smollm2-135m", request.param)


@pytest.fixture(scope="module")
def both() -> tuple[Backend, Backend]:
    return load_backend("smollm2-135m", "llama.cpp"), load_backend("smollm2-135m", "transformers")


def test_both_see_the_same_prompt(both: tuple[Backend, Backend]) -> None:
    first, second = both
    turns = [{"role": "user", "content": "What is 17.5 % of 240? naïve 🎉"}]
    assert first.render(turns) == second.render(turns)
    assert first.control_tokens == second.control_tokens
    assert first.count(first.render(turns)) == second.count(second.render(turns))


@pytest.mark.parametrize("prompt", ["The capital of France is", "One, two, three, four,"])
def test_both_give_the_same_weights_the_same_words(
    both: tuple[Backend, Backend], prompt: str
) -> None:
    first, second = (engine.complete(prompt, Sampling(max_tokens=3)) for engine in both)
    assert first.pieces == second.pieces
    assert first.logprobs == pytest.approx(second.logprobs, abs=0.2)


def test_a_choice_is_one_of_the_options(engine: Backend) -> None:
    grammar = choice_grammar(["red apple", "green pear"])
    assert engine.complete("I eat a", Sampling(max_tokens=9, grammar=grammar)).text in (
        " red apple",
        " green pear",
    )


def test_a_json_grammar_is_obeyed(engine: Backend) -> None:
    schema = {
        "type": "object",
        "properties": {
            "code": {"type": "string", "pattern": "^[A-Z]{3}-[0-9]{2}$"},
            "size": {"enum": ["S", "M"]},
            "tags": {"type": "array", "items": {"type": "integer"}, "maxItems": 2},
        },
        "required": ["code", "size", "tags"],
    }
    made = engine.complete("JSON:", Sampling(max_tokens=60, grammar=json_grammar(schema)))
    value = json.loads(made.text)
    assert list(value) == ["code", "size", "tags"]
    assert value["code"][3] == "-"
    assert value["size"] in ("S", "M")
    assert len(value["tags"]) <= 2


def test_stop_length_and_stream_mean_the_same(engine: Backend) -> None:
    pieces: list[str] = []
    whole = engine.complete("One, two, three,", Sampling(max_tokens=6), _keep(pieces))
    assert "".join(pieces) == whole.text
    assert (whole.finish, whole.tokens_out) == ("length", 6)
    cut = engine.complete("One, two, three,", Sampling(max_tokens=6, stop=("five",)))
    assert (cut.text, cut.finish) == (" four, ", "stop")


def _keep(pieces: list[str]) -> Callable[[str], bool]:
    def keep(text: str) -> bool:
        pieces.append(text)
        return False

    return keep


def test_the_reader_can_end_it(engine: Backend) -> None:
    pieces: list[str] = []

    def stop_at_two(text: str) -> bool:
        pieces.append(text)
        return len(pieces) >= 2

    engine.complete("One, two, three,", Sampling(max_tokens=40), stop_at_two)
    assert len(pieces) <= 4


def test_an_error_in_the_reader_reaches_the_caller(engine: Backend) -> None:
    def fail(text: str) -> bool:
        raise KeyError(text)

    with pytest.raises(KeyError):
        engine.complete("One, two", Sampling(max_tokens=4), fail)
    assert engine.complete("One, two,", Sampling(max_tokens=2)).text


def test_a_prompt_that_does_not_fit_is_refused(engine: Backend) -> None:
    with pytest.raises(RunError):
        engine.complete("word " * 5000, Sampling(max_tokens=2))


def test_the_seed_repeats_a_draw(engine: Backend) -> None:
    draw = Sampling(temperature=1.2, max_tokens=8, seed=3)
    first = engine.complete("Once upon a time", draw).text
    assert engine.complete("Once upon a time", draw).text == first


def test_an_invalid_grammar_is_refused_by_transformers(both: tuple[Backend, Backend]) -> None:
    with pytest.raises(RunError, match="grammar"):
        both[1].complete("a", Sampling(max_tokens=2, grammar="%llguidance {}\nstart: ((("))


def test_structured_output_in_transformers() -> None:
    chat = ChatShoal(backend="transformers", max_tokens=40)
    answer = chat.with_structured_output(City).invoke("Paris is the capital of France.")
    assert isinstance(answer, City)
    assert answer.city


def test_a_folder_of_safetensors_runs_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    source = locate("smollm2-135m")
    tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    tokenizer.save_pretrained(tmp_path)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
    )
    LlamaForCausalLM(config).save_pretrained(tmp_path)
    assert ChatShoal(model=str(tmp_path), max_tokens=4).invoke("hi").usage_metadata
    damaged = tmp_path.with_name("damaged")
    shutil.copytree(tmp_path, damaged)
    (damaged / "model.safetensors").write_bytes(b"\x10" * 64)
    with pytest.raises(CorruptWeightsError, match="damaged"):
        ChatShoal(model=str(damaged)).invoke("hi")


def test_other_weight_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(UsageError, match="safetensors"):
        load_backend(str(tmp_path))
    with pytest.raises(UsageError, match="GGUF"):
        load_backend(str(tmp_path), "llama.cpp")
    with pytest.raises(UsageError, match="unknown backend"):
        load_backend("smollm2-135m", "vllm")
    with pytest.raises(MissingModelError, match="shoal models pull"):
        load_backend("hf:nobody/nothing@0123456789abcdef0123456789abcdef01234567")


def _damaged(path: Path, change: Callable[[bytearray], bytes | bytearray], size: int) -> Path:
    with locate("smollm2-135m").open("rb") as stream:
        head = bytearray(stream.read(4_000_000))
    path.write_bytes(change(head))
    if size:
        with path.open("r+b") as stream:
            stream.truncate(size)  # sparse: as long as the real file, without its bytes
    return path


def _layers(head: bytearray) -> bytearray:
    at = head.find(b"llama.block_count") + len(b"llama.block_count") + 4
    head[at : at + 4] = (10**9).to_bytes(4, "little")
    return head


@pytest.mark.parametrize(
    ("change", "size", "why"),
    [
        (lambda head: b"", 0, "too short"),
        (lambda head: b"GGUX" + head[4:], 0, "begin with GGUF"),
        (lambda head: head[:1000], 0, "cut off"),
        (lambda head: head, 0, "cut off"),
        (lambda head: head[:8] + b"\xff" * 8 + head[16:], 0, "garbled"),
        (lambda head: head[:4] + b"\x09" + head[5:], 0, "version 9"),
        (_layers, 98_362_432, "layers"),
    ],
)
def test_a_damaged_gguf_is_refused_before_llama_cpp_sees_it(
    tmp_path: Path, change: Callable[[bytearray], bytes | bytearray], size: int, why: str
) -> None:
    path = _damaged(tmp_path / "model.gguf", change, size)
    with pytest.raises(CorruptWeightsError, match=why):
        load_backend(str(path))


def test_what_only_llama_cpp_can_tell_is_refused_without_harm(tmp_path: Path) -> None:
    def other_tokenizer(head: bytearray) -> bytearray:
        at = head.find(b"tokenizer.ggml.model") + len(b"tokenizer.ggml.model") + 12
        head[at : at + 4] = b"zzzz"
        return head

    path = _damaged(tmp_path / "model.gguf", other_tokenizer, 98_362_432)
    with pytest.raises(CorruptWeightsError, match="cannot load"):
        load_backend(str(path), "llama.cpp")


def test_the_header_of_the_embedded_model() -> None:
    header = check_gguf(locate("smollm2-135m"))
    assert (header.architecture, header.context_length) == ("llama", 8192)
    assert "<|im_start|>" in header.control_tokens
    assert header.chat_template
