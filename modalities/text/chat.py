"""`ChatShoal`: a local language model as a LangChain chat model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from pydantic import BaseModel, ConfigDict, Field

from shoal.errors import RunError
from shoal.modalities.text.backends.base import Backend, Completion, Sampling, stream
from shoal.modalities.text.bound_tools import bound_call, choices
from shoal.modalities.text.calls.reader import Reader
from shoal.modalities.text.messages import to_turns
from shoal.modalities.text.models import check_model, load_backend
from shoal.modalities.text.planner import Planner
from shoal.modalities.text.prompts import structured
from shoal.modalities.text.schema_checks import check_schema, check_tools
from shoal.modalities.text.schemas import bounded, json_grammar, standard
from shoal.modalities.text.structured import format_schema, parser_for, schema_of
from shoal.modalities.text.tool_spec import ToolSpec
from shoal.modalities.text.trimming import fit


class ChatShoal(BaseChatModel):
    """A small language model on this machine; instances of one model share its weights.

    Deterministic as it stands (temperature 0). Tools are chosen by the sentence encoder
    and called with arguments that the model writes under the tool's schema; after a
    tool's result the model answers in words.

    Attributes:
        model: A catalogue name, a GGUF file, a folder of safetensors,
            "hf:owner/repo@COMMIT", or the address of an OpenAI-compatible server
            ("http://127.0.0.1:8080/v1", with "#name" where it has several models): then
            what is said goes there; its key is the environment variable SHOAL_API_KEY.
        backend: "llama.cpp", "transformers", or "auto" (llama.cpp for GGUF files).
        temperature: 0 takes the likeliest token.
        max_tokens: At most so many new tokens.
        seed: Seed of the draw when the temperature is above 0.
        stop: The answer ends before any of these.
        repeat_penalty: Keeps a small model from looping; not used in constrained output.
        min_p: Drops tokens below this share of the likeliest one's probability.
        top_p: Keeps the likeliest tokens up to this probability mass.
        context: Tokens of prompt and answer together, at most.
        call_encoder: Whether the tuned call encoder reads tools and values from the
            request; without it rules and the models as they were published do.

    Raises:
        MissingModelError: On first use, when the weights are not on this machine.
        CorruptWeightsError: On first use, when they can't be read.
    """

    model_config = ConfigDict(extra="forbid")

    model: str = "smollm2-135m"
    backend: Literal["auto", "llama.cpp", "transformers"] = "auto"
    temperature: float = Field(default=0.0, ge=0)
    max_tokens: int = Field(default=256, ge=1)
    seed: int = Field(default=0, ge=0)
    stop: tuple[str, ...] = ()
    repeat_penalty: float = Field(default=1.2, ge=1)
    min_p: float = Field(default=0.05, ge=0, le=1)
    top_p: float = Field(default=1.0, gt=0, le=1)
    context: int = Field(default=4096, ge=64)
    call_encoder: bool = True

    @property
    def engine(self) -> Backend:
        """The loaded model, shared by all instances with the same weights."""
        return load_backend(self.model, self.backend, self.context)

    @property
    def _llm_type(self) -> str:
        return "shoal"

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        return {"model": self.model, "backend": self.backend, "seed": self.seed}

    def get_num_tokens(self, text: str) -> int:
        """Number of tokens in a text, by the model's own tokenizer."""
        return self.engine.count(text)

    def bind_tools(
        self,
        tools: Sequence[Any],
        *,
        tool_choice: str | dict[str, Any] | bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Lets the model call tools.

        Args:
            tools: LangChain tools, functions, pydantic classes or OpenAI-style dicts.
            tool_choice: "auto" (a tool or none), "any" (some tool), "none", or a name.
            **kwargs: Settings of this class to change for these calls.

        Raises:
            UnknownNameError: No model has that name, or `tool_choice` names no tool of these.
            MissingModelError: The model is a path that does not exist.
            UsageError: Two tools share a name, or nothing fits a tool's parameters.
        """
        check_model(self.model)  # a mistyped name fails here, not when the model is needed
        specs = [ToolSpec.of(tool) for tool in tools]
        check_tools(specs)
        given = [spec.as_dict() for spec in specs]
        choices(tool_choice, given)  # an unknown name fails here, not on the first call
        return self.bind(tools=given, tool_choice=tool_choice, **kwargs)

    def with_structured_output(
        self, schema: dict[str, Any] | type, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, dict[str, Any] | BaseModel]:
        """Answers in JSON that fits a schema; the grammar leaves no other way.

        Args:
            schema: A pydantic class, a TypedDict, or a JSON schema.
            include_raw: Return a dict of `raw`, `parsed` and `parsing_error`.
            **kwargs: Settings of this class to change for these calls.

        Raises:
            UsageError: It is no schema, or nothing fits it.
        """
        wanted = schema_of(schema)
        check_schema(standard(wanted), "no answer fits this schema")
        bound = self.bind(json_schema=wanted, **kwargs)
        return parser_for(schema, bound, include_raw)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        message = self._tool_call(messages, kwargs)
        if message is None:
            prompt, sampling = self._plan(messages, stop, kwargs)
            made = self.engine.complete(prompt, sampling)
            _check_complete(made, sampling)
            message = AIMessage(made.text.strip(), **_about(made))
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        message = self._tool_call(messages, kwargs)
        if message is not None:
            yield ChatGenerationChunk(
                message=AIMessageChunk(**message.model_dump(exclude={"type"}))
            )
            return
        prompt, sampling = self._plan(messages, stop, kwargs)
        for piece in stream(self.engine, prompt, sampling):
            if isinstance(piece, Completion):
                _check_complete(piece, sampling)
                yield ChatGenerationChunk(message=AIMessageChunk(content="", **_about(piece)))
                continue
            chunk = ChatGenerationChunk(message=AIMessageChunk(content=piece))
            if run_manager:
                run_manager.on_llm_new_token(piece, chunk=chunk)
            yield chunk

    def _tool_call(self, messages: list[BaseMessage], settings: dict[str, Any]) -> AIMessage | None:
        tools, choice = settings.pop("tools", None), settings.pop("tool_choice", None)
        if not tools:
            return None
        from shoal.modalities.text.encoder import text_encoder

        specs = [ToolSpec.of(tool) for tool in tools]
        planner = Planner(lambda: self.engine, text_encoder(), self._reader)
        return bound_call(planner, messages, specs, choice)

    def _reader(self) -> Reader:
        if self.call_encoder:
            from shoal.modalities.text.calls.engine import call_reader

            return call_reader()
        from shoal.modalities.text.calls.zero_shot.engine import zero_shot_reader

        return zero_shot_reader(lambda: self.engine)

    def _plan(
        self, messages: list[BaseMessage], stop: list[str] | None, settings: dict[str, Any]
    ) -> tuple[str, Sampling]:
        wanted = format_schema(settings.pop("response_format", None))
        schema = settings.pop("json_schema", None) or wanted
        changed = type(self)(**{**self._settings(), **_own(settings)})
        engine = self.engine
        sampling = changed._sampling(engine, tuple(stop or ()), schema)
        turns = to_turns(messages, engine.control_tokens)
        if schema:
            turns[-1]["content"] += f"\n{structured(schema)}"
        return fit(engine, turns, engine.context - sampling.max_tokens), sampling

    def _settings(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _OWN}

    def _sampling(
        self, engine: Backend, stop: tuple[str, ...], schema: Mapping[str, Any] | None
    ) -> Sampling:
        return Sampling(
            temperature=self.temperature,
            max_tokens=min(self.max_tokens, engine.context // 2),
            seed=self.seed,
            stop=self.stop + stop,
            repeat_penalty=1.0 if schema else self.repeat_penalty,
            min_p=self.min_p,
            top_p=self.top_p,
            grammar=json_grammar(schema) if schema else None,
            schema=bounded(schema) if schema else None,
        )


_OWN = tuple(name for name in ChatShoal.__annotations__ if name in ChatShoal.model_fields)


def _own(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name in _OWN}


def _about(made: Completion) -> dict[str, Any]:
    usage = UsageMetadata(
        input_tokens=made.tokens_in,
        output_tokens=made.tokens_out,
        total_tokens=made.tokens_in + made.tokens_out,
    )
    return {"usage_metadata": usage, "response_metadata": {"finish_reason": made.finish}}


def _check_complete(made: Completion, sampling: Sampling) -> None:
    if sampling.grammar and made.finish == "length":
        raise RunError(
            "the structured answer was cut off",
            f"it took more than max_tokens={sampling.max_tokens}",
            "Raise max_tokens, or give texts and lists in the schema an upper limit",
        )
