"""Schemas for structured output, and the parsers that read it back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableLambda, RunnablePassthrough
from langchain_core.utils.function_calling import convert_to_json_schema
from pydantic import BaseModel, ValidationError

from shoal.errors import RunError, UsageError


def schema_of(schema: Mapping[str, Any] | type) -> dict[str, Any]:
    """Returns the JSON schema of a pydantic class, a TypedDict or a JSON schema.

    Raises:
        UsageError: It is none of these.
    """
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        return schema.model_json_schema()
    if isinstance(schema, Mapping) and ({"type", "properties", "anyOf", "enum"} & set(schema)):
        return dict(schema)
    try:
        return convert_to_json_schema(schema)  # type: ignore[arg-type]
    except (ValueError, TypeError) as error:
        raise UsageError(f"{schema!r} is not a schema", str(error)) from error


def format_schema(response_format: Any) -> dict[str, Any] | None:
    """Returns the schema that an OpenAI-style `response_format` asks for, or None for text.

    LangChain's agents bind one when their structured answer comes from the model itself.

    Raises:
        UsageError: It is of another kind.
    """
    if response_format is None:
        return None
    if not isinstance(response_format, Mapping):
        return schema_of(response_format)
    kind = response_format.get("type")
    if kind == "text":
        return None
    if kind == "json_object":
        return {"type": "object"}
    if kind != "json_schema" or "schema" not in response_format.get("json_schema", {}):
        raise UsageError(
            f"an unknown response_format {kind!r}", "known: text, json_object, json_schema"
        )
    return dict(response_format["json_schema"]["schema"])


def parser_for(
    schema: Mapping[str, Any] | type, model: Runnable[Any, AIMessage], include_raw: bool
) -> Runnable[Any, Any]:
    """Returns the model followed by what turns its text into the schema's value."""

    def parse(message: AIMessage) -> Any:
        return _parsed(schema, str(message.text))

    parser = RunnableLambda(parse)
    if not include_raw:
        return model | parser
    checked = RunnablePassthrough.assign(
        parsed=itemgetter("raw") | parser, parsing_error=lambda _: None
    )
    failed = RunnablePassthrough.assign(parsed=lambda _: None)
    fallback = checked.with_fallbacks([failed], exception_key="parsing_error")
    return {"raw": model} | fallback


def _parsed(schema: Mapping[str, Any] | type, text: str) -> Any:
    try:
        if isinstance(schema, type) and issubclass(schema, BaseModel):
            return schema.model_validate_json(text)
        return json.loads(text)
    except (ValueError, ValidationError) as error:
        raise RunError("the answer does not fit the schema", str(error)) from error
