"""A model behind an OpenAI-compatible address: Ollama, vLLM, llama-server, or a service.

Used only where the user names an address. What is asked goes to that machine: with an
address that is not this machine's own, the data leaves it.

Chat templates live on the server, so `render` keeps the turns as they are and `complete`
sends them to /chat/completions; any other prompt goes to /completions as it stands.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from typing import Any

from shoal.errors import RunError, UsageError, unknown
from shoal.modalities.text.backends.base import Completion, OnText, Sampling
from shoal.modalities.text.backends.url_body import Answer, body, lettered, letters, schema_body
from shoal.modalities.text.backends.url_http import TIMEOUT, Address, Http, Refused
from shoal.modalities.text.schemas import misfit

_TURNS = "\x00turns\x00"
"""Marks a prompt that is a list of turns; no text of a user begins so."""

_BYTES_A_TOKEN = 3
"""Fewer than tokenizers have on average: an estimate that errs on the safe side."""

CONTROL_TOKENS = frozenset(
    {
        "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<s>", "</s>", "[INST]", "[/INST]",
        "<<SYS>>", "<</SYS>>", "<|begin_of_text|>", "<|eot_id|>", "<|eom_id|>",
        "<|start_header_id|>", "<|end_header_id|>", "<start_of_turn>", "<end_of_turn>", "<bos>",
        "<eos>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<|tool|>", "<tool_call>",
        "</tool_call>", "<tool_response>", "</tool_response>", "<|channel|>", "<|message|>",
        "<|start|>", "<|return|>", "<|call|>",
    }
)  # fmt: skip
"""Marks of turns in the common chat templates: a server may read them inside a message."""


class Url:
    """A language model at an address.

    The key, where the server wants one, is the environment variable SHOAL_API_KEY.

    Args:
        address: "http://host:port/v1", with "#name" where the server has several models.
        context: Tokens of prompt and answer together; the server's own limit caps it.
        timeout: Seconds to wait for the next byte of an answer.

    Raises:
        UsageError: Not an address; or the server has several models and none is named.
        RunError: Nothing answers there.
    """

    def __init__(self, address: str, context: int = 4096, timeout: float = TIMEOUT) -> None:
        self._address = Address.of(address)
        self._http = Http(self._address.base, timeout)
        self._models = self._listed()
        self.model = self._named()
        about = next((m for m in self._models if m.get("id") == self.model), {})
        limit = about.get("max_model_len") or (about.get("meta") or {}).get("n_ctx") or context
        self._context = min(context, int(limit))
        self._plain = False

    @property
    def context(self) -> int:
        """Tokens that prompt and answer may take together."""
        return self._context

    @property
    def control_tokens(self) -> frozenset[str]:
        """Marks of turns in the common chat templates; the server's own are unknown."""
        return CONTROL_TOKENS

    def render(self, messages: Sequence[Mapping[str, str]]) -> str:
        """Keeps the turns for the server, which has the chat template."""
        return _TURNS + json.dumps(list(messages), ensure_ascii=False)

    def count(self, text: str) -> int:
        """An estimate of the number of tokens, rather too high: the tokenizer is not here."""
        return -(-len(text.removeprefix(_TURNS).encode()) // _BYTES_A_TOKEN)

    def complete(
        self, prompt: str, sampling: Sampling, on_text: OnText | None = None
    ) -> Completion:
        """Continues a prompt; a schema is sent along, and what comes back is held against it.

        `repeat_penalty` and `min_p` are sent, and left out for servers that refuse them.

        Raises:
            UsageError: A grammar without a schema: servers know only schemas.
            RunError: The server could not answer, or did not keep to the schema.
        """
        if sampling.grammar and sampling.schema is None:
            raise UsageError("a server follows no Lark grammar", "pass Sampling(schema=…) as well")
        path, asked = "/completions", dict[str, Any](prompt=prompt)
        if sampling.schema is not None or prompt.startswith(_TURNS):
            path, asked = "/chat/completions", {"messages": _messages(prompt)}
        if sampling.schema is not None:
            asked |= schema_body(sampling.schema)
        made = self._made(path, asked, sampling, on_text if sampling.schema is None else None)
        return self._checked(made, sampling, on_text)

    def option_logprobs(self, prompt: str, options: Sequence[str]) -> list[tuple[float, int]]:
        """Lists the options under letters and reads the likelihood of each letter.

        Servers don't tell the probability of given text. An option whose letter is not
        among the 20 likeliest tokens gets the least of those.

        Raises:
            UsageError: More than 20 options.
            RunError: The server tells no probabilities, or none of a letter.
        """
        request = {
            "messages": lettered(_messages(prompt), options), "model": self.model, "max_tokens": 1,
            "temperature": 0, "logprobs": True, "top_logprobs": 20,
        }  # fmt: skip
        try:
            return letters(self._http.post("/chat/completions", request), len(options))
        except Refused as error:
            raise self._explained(error) from error

    def _made(
        self, path: str, asked: Mapping[str, Any], sampling: Sampling, on_text: OnText | None
    ) -> Completion:
        answer = Answer(on_text)
        with closing(self._chunks(path, asked, sampling, on_text is not None)) as chunks:
            for chunk in chunks:
                if answer.add(chunk):
                    break
        return answer.completion(lambda text: self.count(text), str(asked))

    def _chunks(
        self, path: str, asked: Mapping[str, Any], sampling: Sampling, streams: bool
    ) -> Generator[Any]:
        """Asks with all settings; a server that refuses is asked once without the finer ones."""
        for plain in (True,) if self._plain else (False, True):
            request = {"model": self.model, **asked, **body(sampling, streams, plain)}
            try:
                yield from (
                    self._http.stream(path, request)
                    if streams
                    else [self._http.post(path, request)]
                )
                self._plain = plain
                return
            except Refused as error:
                if error.status not in (400, 422) or plain:
                    raise self._explained(error) from error

    def _explained(self, error: Refused) -> Exception:
        if error.status != 404 or "model" not in error.why.lower():
            return error
        try:
            unknown("model", self.model, [str(m.get("id")) for m in self._models], "Type: URL#NAME")
        except UsageError as better:
            return better

    def _checked(self, made: Completion, sampling: Sampling, on_text: OnText | None) -> Completion:
        if sampling.schema is None or made.finish == "length":
            return made
        try:
            value = json.loads(made.text)
            why = misfit(value, sampling.schema)
        except ValueError:
            value, why = None, "it is not JSON"
        if why:
            raise RunError(
                f"{self._address.base} ignored the schema",
                f"{why}, in {made.text[:80]!r}",
                "Use a server that knows response_format json_schema, or the local model",
            )
        text = value if isinstance(value, str) else made.text
        if on_text:
            on_text(text)
        return Completion(
            text, made.finish, made.tokens_in, made.tokens_out, made.pieces, made.logprobs
        )

    def _listed(self) -> list[dict[str, Any]]:
        try:
            answer = self._http.get("/models")
        except Refused as error:
            if error.status == 404 and self._address.model:  # some servers list nothing
                return []
            raise
        found = answer.get("data") if isinstance(answer, dict) else None
        return [entry for entry in found or [] if isinstance(entry, dict)]

    def _named(self) -> str:
        if self._address.model:
            return self._address.model
        if len(self._models) == 1:
            return str(self._models[0].get("id"))
        names = ", ".join(str(model.get("id")) for model in self._models[:12]) or "none"
        raise UsageError(
            f"which model of {self._address.base}?", f"it has {names}",
            f"Type: {self._address.base}#NAME",
        )  # fmt: skip


def _messages(prompt: str) -> list[dict[str, str]]:
    if not prompt.startswith(_TURNS):
        return [{"role": "user", "content": prompt}]
    turns: list[dict[str, str]] = json.loads(prompt.removeprefix(_TURNS))
    return turns
