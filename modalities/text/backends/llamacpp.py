"""llama.cpp in this process, through xllamacpp: no torch, no transformers, no TCP port.

xllamacpp always opens an HTTP server beside its in-process calls. Here it listens on a
Unix socket in a folder that only this user can enter, behind a random key; Shoal itself
uses it for the two things the in-process calls lack: the tokenizer and the chat template.
"""

from __future__ import annotations

import http.client
import json
import secrets
import shutil
import socket
import tempfile
import threading
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from shoal.errors import CorruptWeightsError, RunError
from shoal.modalities.cores import cores
from shoal.modalities.text.backends import templates
from shoal.modalities.text.backends.base import Completion, OnText, Sampling
from shoal.modalities.text.backends.llamacpp_options import trie_logprobs
from shoal.modalities.text.backends.options import option_tree
from shoal.modalities.text.backends.xllamacpp_import import import_xllamacpp
from shoal.modalities.text.gguf_check import GgufHeader, check_gguf

_THREADS = 8
"""More threads than this don't help models this small."""

_PROMPT_CACHE_MIB = 128
"""Room for the states of earlier prompts, so that a repeated prefix costs nothing."""


class LlamaCpp:
    """A GGUF model in llama.cpp.

    Args:
        path: The GGUF file.
        context: Tokens of prompt and answer together; the model's own limit caps it.

    Raises:
        CorruptWeightsError: The file is damaged, or of an architecture llama.cpp lacks.
        UsageError: It is a model of another kind, such as an encoder.
        MissingExtraError: xllamacpp is not installed.
    """

    def __init__(self, path: Path, context: int = 4096) -> None:
        header = check_gguf(path)
        self._context = min(context, header.context_length or context)
        self._plain = not (header.chat_template or templates.CHATML_TOKEN in header.control_tokens)
        stops = templates.PLAIN_STOPS if self._plain else ()
        self.control_tokens = header.control_tokens.union(stops)
        self._lock = threading.Lock()
        self._key = secrets.token_hex(16)
        folder = tempfile.mkdtemp(prefix="shoal-", dir=_short_temporary())  # mode 0700
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._socket = f"{folder}/llama.sock"
        self._server = self._start(path, header)

    @property
    def context(self) -> int:
        """Tokens that prompt and answer may take together."""
        return self._context

    def _start(self, path: Path, header: GgufHeader) -> Any:
        xllamacpp = import_xllamacpp()
        try:
            server = xllamacpp.Server(self._params(xllamacpp, path))
            # Its destructor hangs while its main loop has not begun: wait for one answer.
            server.handle_completions({"prompt": "a", "max_tokens": 1})
            return server
        except RuntimeError as error:
            raise CorruptWeightsError(
                f"llama.cpp cannot load {path}",
                "the file is damaged, or this llama.cpp does not know its architecture, "
                f"{header.architecture!r}",
                "Type: shoal models verify; or fetch the file again",
            ) from error

    def _params(self, xllamacpp: Any, path: Path) -> Any:
        params = xllamacpp.CommonParams()
        threads = min(cores(), _THREADS)
        params.model.path = str(path)
        params.n_ctx, params.n_parallel = self._context, 1
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        params.n_threads_http = 1
        params.hostnames, params.api_keys = [self._socket], [self._key]
        params.cache_ram_mib = _PROMPT_CACHE_MIB
        params.verbosity = -1
        params.warmup = params.ui = params.endpoint_slots = params.fit_params = False
        return params

    def render(self, messages: Sequence[Mapping[str, str]]) -> str:
        """Applies the file's chat template; ChatML or plain lines where it has none."""
        if self._plain:
            return templates.plain(messages)
        return templates.rendered(self._apply, messages)

    def _apply(self, messages: Sequence[Mapping[str, str]]) -> str:
        prompt: str = self._post("/apply-template", {"messages": list(messages)})["prompt"]
        return prompt

    def count(self, text: str) -> int:
        """Number of tokens, control tokens counted as one."""
        return len(self.tokens(text))

    def tokens(self, text: str) -> list[int]:
        """Token ids as the model sees them inside a prompt."""
        ids: list[int] = self._post("/tokenize", {"content": text, "parse_special": True})["tokens"]
        return ids

    def complete(
        self, prompt: str, sampling: Sampling, on_text: OnText | None = None
    ) -> Completion:
        """Continues a rendered prompt; callers queue for the one model."""
        sampling = templates.stopping(prompt, sampling)
        request = {**_request(sampling), "prompt": prompt, "stream": on_text is not None}
        reader = _Reader(on_text)
        with self._lock:
            if on_text is None:
                reader(self._server.handle_completions(request))
            else:
                self._server.handle_completions(request, reader)
        return reader.completion()

    def greedy(self, ids: Sequence[int], most: int) -> list[tuple[int, float]]:
        """Continues token ids with the likeliest token each time, the end token included.

        Returns:
            At most `most` pairs of a token id and its natural log-probability.
        """
        body = {"prompt": list(ids), "n_predict": most, "temperature": 0, "n_probs": 1}
        with self._lock:
            answer = self._post("/completion", body)
        entries = answer.get("completion_probabilities") or []
        return [(int(entry["id"]), float(entry["logprob"])) for entry in entries]

    def option_logprobs(self, prompt: str, options: Sequence[str]) -> list[tuple[float, int]]:
        """Scores several continuations of one prompt; a token each, with the prompt cached."""
        tree = option_tree(self.tokens, prompt, options, self._context - 1)
        whole = self.tokens("\n")[-1]
        with self._lock:
            return trie_logprobs(lambda body: self._post("/completion", body), tree, whole)

    def _post(self, path: str, body: Mapping[str, Any]) -> Any:
        connection = _Connection(self._socket)
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._key}"}
        try:
            connection.request("POST", path, json.dumps(body).encode(), headers)
            answer = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        if "error" in answer:
            raise RunError(f"llama.cpp refused {path}", str(answer["error"].get("message")))
        return answer


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)


class _Reader:
    """Gathers the chunks of one answer."""

    def __init__(self, on_text: OnText | None) -> None:
        self._on_text = on_text
        self._text: list[str] = []
        self._tokens: list[tuple[str, float]] = []
        self._finish, self._usage = "stop", {"prompt_tokens": 0, "completion_tokens": 0}
        self._error: BaseException | None = None

    def __call__(self, chunk: Any) -> bool:
        try:
            return self._read(chunk if isinstance(chunk, dict) else json.loads(chunk))
        except BaseException as error:  # an exception can't cross the C++ frames
            self._error = error
            return True

    def _read(self, chunk: Mapping[str, Any]) -> bool:
        if "error" in chunk:
            raise RunError("llama.cpp could not answer", str(chunk["error"].get("message")))
        choice = chunk["choices"][0]
        self._text.append(choice["text"])
        entries = (choice.get("logprobs") or {}).get("content") or []
        self._tokens += [(entry["token"], entry["logprob"]) for entry in entries]
        self._finish = choice.get("finish_reason") or self._finish
        self._usage = chunk.get("usage") or self._usage
        return bool(self._on_text and choice["text"] and self._on_text(choice["text"]))

    def completion(self) -> Completion:
        """Returns the whole answer, or raises what went wrong on the way."""
        if self._error is not None:
            raise self._error
        return Completion(
            text="".join(self._text),
            finish=self._finish,
            tokens_in=self._usage["prompt_tokens"],
            tokens_out=self._usage["completion_tokens"] or len(self._tokens),
            pieces=tuple(piece for piece, _ in self._tokens),
            logprobs=tuple(logprob for _, logprob in self._tokens),
        )


def _request(sampling: Sampling) -> dict[str, Any]:
    request = {
        "temperature": sampling.temperature,
        "max_tokens": sampling.max_tokens,
        "seed": sampling.seed,
        "stop": list(sampling.stop),
        "repeat_penalty": sampling.repeat_penalty,
        "repeat_last_n": sampling.repeat_window,
        "min_p": sampling.min_p,
        "top_p": sampling.top_p,
        "top_k": 0,
        "n_probs": 1,
        "cache_prompt": True,
    }
    return request | ({"grammar": sampling.grammar} if sampling.grammar else {})


def _short_temporary() -> str | None:
    """A folder for the socket: a Unix socket's path has to be under 108 bytes."""
    return None if len(tempfile.gettempdir()) < 60 else "/tmp"
