"""A real llama.cpp server on a TCP port, and small servers that misbehave."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel

from shoal.agents.cli import main
from shoal.errors import RunError, UnknownNameError, UsageError
from shoal.modalities.text import ChatShoal, decide
from shoal.modalities.text.backends.base import Sampling
from shoal.modalities.text.backends.url import Url
from shoal.modalities.text.backends.url_http import Address
from shoal.modalities.text.models import load_backend
from shoal.modalities.text.schemas import misfit

SECRET = "a-key-for-tests"

_SERVER = """
import sys, time
from shoal.modalities.sources import locate
from shoal.modalities.text.backends.xllamacpp_import import import_xllamacpp
xllamacpp = import_xllamacpp()
params = xllamacpp.CommonParams()
params.model.path, params.n_ctx, params.n_parallel = str(locate("smollm2-135m")), 2048, 1
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 2
params.hostnames, params.port, params.api_keys = ["127.0.0.1"], int(sys.argv[1]), [sys.argv[2]]
params.verbosity, params.warmup, params.ui, params.fit_params = -1, False, False, False
server = xllamacpp.Server(params)
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The address of llama.cpp with the embedded model, behind a key."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", _SERVER, str(port), SECRET]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"ready\n"
        yield f"http://127.0.0.1:{port}/v1"
        server.kill()


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOAL_API_KEY", SECRET)


class City(BaseModel):
    city: str
    capital: bool


def test_a_url_says_what_the_same_weights_say_here(address: str) -> None:
    there, here = (
        ChatShoal(model=model, max_tokens=8, repeat_penalty=1.0).invoke("Name three colours.")
        for model in (address, "smollm2-135m")
    )
    assert there.content == here.content
    assert there.usage_metadata == here.usage_metadata


def test_a_url_streams_and_can_be_left_early(address: str) -> None:
    chat = ChatShoal(model=address, max_tokens=12)
    chunks = list(chat.stream("Name three colours."))
    assert len(chunks) > 6
    assert (
        "".join(str(c.content) for c in chunks).strip()
        == chat.invoke("Name three colours.").content
    )
    stream = ChatShoal(model=address, max_tokens=1500).stream("Tell me a long story.")
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert chat.bind(max_tokens=2).invoke("Hello").content  # the server has one slot


def test_a_raw_prompt_is_continued(address: str) -> None:
    made = load_backend(address).complete("One, two, three,", Sampling(max_tokens=3))
    assert (made.text, made.finish, made.tokens_out) == (" four, five", "length", 3)
    assert len(made.logprobs) == 3


def test_structured_output_over_a_url(address: str) -> None:
    chat = ChatShoal(model=address, max_tokens=60)
    answer = chat.with_structured_output(City).invoke("Paris is the capital of France.")
    assert answer == City(city="Paris", capital=True)
    engine = load_backend(address)
    schema = {"type": "string", "enum": ["red apple", "green pear"]}
    made = engine.complete("I eat a", Sampling(max_tokens=20, schema=schema))
    assert made.text in schema["enum"]
    with pytest.raises(UsageError, match="grammar"):
        engine.complete("a", Sampling(grammar="%llguidance {}\nstart: a"))


def test_decide_over_a_url_reads_letters(address: str) -> None:
    decision = decide("Which one is a fruit?", ["an apple", "a hammer"], model=address)
    assert list(decision.probabilities) == ["an apple", "a hammer"]
    assert sum(decision.probabilities.values()) == pytest.approx(1)
    assert not decision.calibrated
    with pytest.raises(UsageError, match="20 options"):
        decide("Which?", [f"number {i}" for i in range(21)], model=address)


def test_the_context_is_the_servers(address: str) -> None:
    assert load_backend(address, context=8192).context == 2048
    answer = ChatShoal(model=address, max_tokens=4).invoke("word " * 20_000)
    assert answer.usage_metadata is not None
    assert 200 < answer.usage_metadata["input_tokens"] < 2048


def _shoal(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["shoal", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(str(ended.value.code))


def test_shoal_run_takes_a_url(
    address: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _shoal(monkeypatch, "run", "tell me a joke", "--model", address, "--json") == 1
    run = json.loads(capsys.readouterr().out)
    assert run["status"] == "unsure"  # free talk
    assert run["answer"]["text"]
    assert run["steps"][-1]["name"] == address
    assert _shoal(monkeypatch, "run", "hi", "--model", "http://127.0.0.1:9/v1") == 1
    assert "nothing answers" in capsys.readouterr().err
    monkeypatch.setenv("SHOAL_API_KEY", "wrong-and-secret")
    assert _shoal(monkeypatch, "run", "hi", "--model", f"{address}#not-loaded-yet") == 2
    error = capsys.readouterr().err
    assert "SHOAL_API_KEY" in error
    assert "wrong-and-secret" not in error


class Odd(BaseHTTPRequestHandler):
    """Answers what the test put into `answers`, by path, and keeps what it was sent."""

    answers: ClassVar[dict[str, list[tuple[int, Any]]]] = {}
    bodies: ClassVar[list[Any]] = []

    def do_GET(self) -> None:
        self._reply()

    def do_POST(self) -> None:
        self.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self._reply()

    def _reply(self) -> None:
        rows = self.answers.get(self.path.removeprefix("/v1"), [(404, {"error": "nothing"})])
        status, value = rows.pop(0) if len(rows) > 1 else rows[0]
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Location", "http://127.0.0.1:9/elsewhere")
        self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Silent."""


Answers = Callable[..., str]


@pytest.fixture
def odd() -> Iterator[Answers]:
    """Starts a server with the given answers; returns its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Odd)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Odd.bodies.clear()

    def start(**answers: list[tuple[int, Any]]) -> str:
        paths = {"models": "/models", "chat": "/chat/completions", "raw": "/completions"}
        Odd.answers = {"/models": [(200, {"data": [{"id": "tiny"}]})]}
        Odd.answers |= {paths[name]: rows for name, rows in answers.items()}
        return f"http://127.0.0.1:{server.server_address[1]}/v1"

    yield start
    server.shutdown()
    server.server_close()


def _said(text: str) -> tuple[int, Any]:
    return 200, {"choices": [{"message": {"content": text}, "finish_reason": "stop"}]}


def test_which_model_is_asked_when_there_are_several(odd: Answers) -> None:
    address = odd(models=[(200, {"data": [{"id": "tiny"}, {"id": "large"}]})], chat=[_said("hi")])
    with pytest.raises(UsageError, match="tiny, large"):
        Url(address)
    assert ChatShoal(model=f"{address}#large").invoke("hi").content == "hi"
    assert Odd.bodies[-1]["model"] == "large"


def test_an_unknown_model_is_answered_with_the_known_ones(odd: Answers) -> None:
    error = {"error": {"message": "model 'tny' not found"}}
    with pytest.raises(UnknownNameError, match="did you mean 'tiny'"):
        ChatShoal(model=odd(chat=[(404, error)]) + "#tny").invoke("hi")


def test_a_server_that_ignores_the_schema_is_found_out(odd: Answers) -> None:
    for said, why in (("Paris!", "not JSON"), ('{"city": 3, "capital": true}', "city.*string")):
        chat = ChatShoal(model=odd(chat=[_said(said)]))
        with pytest.raises(RunError, match=why) as caught:
            chat.with_structured_output(City).invoke("Paris")
        assert "ignored the schema" in str(caught.value)


def test_what_passes_is_tried_again_and_finer_settings_can_be_refused(odd: Answers) -> None:
    chat = ChatShoal(model=odd(chat=[(503, {"error": "loading"}), _said("ready")]))
    assert chat.invoke("hi").content == "ready"
    refusal = {"error": {"message": "unknown field min_p"}}
    chat = ChatShoal(model=odd(chat=[(400, refusal), _said("plainly")]))
    assert chat.invoke("hi").content == "plainly"
    assert "min_p" in Odd.bodies[-2]
    assert "min_p" not in Odd.bodies[-1]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((200, b"<html>"), "not answer in JSON"),
        ((200, {"nothing": 1}), "no choices"),
        ((500, {"error": {"message": f"boom {SECRET}"}}), "boom …"),
        ((302, {}), "elsewhere"),
        ((200, {"error": {"message": "out of memory"}}), "out of memory"),
    ],
)
def test_odd_answers_are_explained(odd: Answers, answer: tuple[int, Any], why: str) -> None:
    with pytest.raises(RunError, match=why) as caught:
        ChatShoal(model=odd(chat=[answer])).invoke("hi")
    assert SECRET not in str(caught.value)


def test_no_probabilities_no_decision(odd: Answers) -> None:
    with pytest.raises(RunError, match="no probabilities"):
        decide("Which?", ["this", "that"], model=odd(chat=[_said("A")]))


def test_a_silent_server_ends_in_an_error() -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    with silent, pytest.raises(RunError, match="no answer"):
        Url(f"http://127.0.0.1:{silent.getsockname()[1]}/v1", timeout=0.2)


@pytest.mark.parametrize(
    ("text", "base", "model", "local"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1", "", True),
        ("https://models.example/api/v1/#qwen3", "https://models.example/api/v1", "qwen3", False),
        ("http://[::1]:80/v1", "http://[::1]:80/v1", "", True),
        ("http://localhost:11434/v1#a:b", "http://localhost:11434/v1", "a:b", True),
    ],
)
def test_addresses(text: str, base: str, model: str, local: bool) -> None:
    address = Address.of(text)
    assert (address.base, address.model, address.local) == (base, model, local)


@pytest.mark.parametrize("text", ["http://", "http://me:word@host/v1", "http://h/v1?key=1"])
def test_an_address_holds_no_secrets(text: str) -> None:
    with pytest.raises(UsageError, match="SHOAL_API_KEY"):
        Address.of(text)


@pytest.mark.parametrize(
    ("value", "why"),
    [({"a": 1}, ""), ({"a": 1.5}, r"\$\.a.*integer"), ({}, "required"), ({"a": 1, "z": 0}, "'z'")],
)
def test_what_does_not_fit_a_schema_is_named(value: Any, why: str) -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "integer"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    found = misfit(value, schema)
    assert bool(found) == bool(why)
    assert re.search(why, found)
