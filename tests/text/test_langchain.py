"""ChatShoal, unchanged, in LangChain's and LangGraph's own loops."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, TypedDict

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    AnyMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt import ToolNode, tools_condition
from pydantic import BaseModel

from shoal.errors import UsageError
from shoal.modalities.text import ChatShoal

CHAT = ChatShoal(max_tokens=16)
CALLED: list[dict[str, Any]] = []


@tool
def add(a: int, b: int) -> int:
    """Adds two numbers."""
    CALLED.append({"a": a, "b": b})
    return a + b


@tool
def weather(city: str) -> str:
    """Tells the weather in a city."""
    CALLED.append({"city": city})
    if city.lower() == "atlantis":
        raise ValueError("no such city: Atlantis")
    return f"sunny in {city}"


@pytest.fixture(autouse=True)
def nothing_called_yet() -> None:
    CALLED.clear()


class City(BaseModel):
    """A city."""

    city: str
    capital: bool


def _kinds(messages: list[AnyMessage]) -> list[str]:
    return [message.type for message in messages]


def test_create_agent_calls_the_tool_once_and_ends() -> None:
    agent = create_agent(CHAT, [add, weather], system_prompt="You are a helpful assistant.")
    done: Any = agent.invoke({"messages": [HumanMessage("add 3 and 5")]}, {"recursion_limit": 8})
    assert _kinds(done["messages"]) == ["human", "ai", "tool", "ai"]
    assert CALLED == [{"a": 3, "b": 5}]
    assert done["messages"][2].content == "8"
    assert done["messages"][-1].content
    assert not done["messages"][-1].tool_calls


def test_create_agent_goes_through_several_rounds() -> None:
    agent = create_agent(CHAT, [add, weather])
    state: Any = {"messages": []}
    for request, called in (
        ("add 3 and 5", {"a": 3, "b": 5}),
        ("what's the weather in Paris?", {"city": "Paris"}),
        ("add 20 and 22", {"a": 20, "b": 22}),
    ):
        state = agent.invoke(
            {"messages": [*state["messages"], HumanMessage(request)]}, {"recursion_limit": 8}
        )
        assert CALLED[-1] == called
        assert state["messages"][-1].type == "ai"
    assert _kinds(state["messages"]) == ["human", "ai", "tool", "ai"] * 3
    assert len(CALLED) == 3


def test_create_agent_async_and_streamed() -> None:
    agent = create_agent(CHAT, [add])
    request: Any = {"messages": [HumanMessage("add 3 and 5")]}

    async def run() -> list[str]:
        return [
            name
            async for update in agent.astream(request, {"recursion_limit": 8})
            for name in update
        ]

    assert asyncio.run(run()) == ["model", "tools", "model"]
    pieces = [
        piece
        for piece, _ in agent.stream(request, {"recursion_limit": 8}, stream_mode="messages")
        if isinstance(piece, AIMessageChunk) and piece.content
    ]
    assert len(pieces) > 3  # the answer comes in pieces, also inside the graph


@pytest.mark.parametrize("tools", [[], [add]])
@pytest.mark.parametrize("strategy", [ProviderStrategy, ToolStrategy])
def test_create_agent_gives_structured_answers(strategy: Any, tools: list[Any]) -> None:
    agent = create_agent(ChatShoal(max_tokens=60), tools, response_format=strategy(City))
    done: Any = agent.invoke(
        {"messages": [HumanMessage("Paris is the capital of France.")]}, {"recursion_limit": 8}
    )
    assert isinstance(done["structured_response"], City)
    assert "Paris" in done["structured_response"].city
    assert CALLED == []


def test_a_response_format_is_obeyed_or_refused() -> None:
    chat = ChatShoal(max_tokens=60)
    form = {"type": "json_schema", "json_schema": {"schema": City.model_json_schema()}}
    answer = chat.invoke("Paris is the capital of France.", response_format=form)
    assert City.model_validate_json(str(answer.content)).capital
    assert CHAT.invoke("Say hello.", response_format={"type": "text"}).content
    with pytest.raises(UsageError, match="json_schema"):
        CHAT.invoke("Say hello.", response_format={"type": "xml"})


class State(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]


def _loop(*, handle_errors: bool = False) -> Any:
    bound = CHAT.bind_tools([add, weather])
    graph = StateGraph(State)
    graph.add_node("model", lambda state: {"messages": [bound.invoke(state["messages"])]})
    graph.add_node("tools", ToolNode([add, weather], handle_tool_errors=handle_errors))
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", tools_condition)
    graph.add_edge("tools", "model")
    return graph.compile()


def test_a_tool_node_loop_ends() -> None:
    request = {"messages": [HumanMessage("what's the weather in Paris?")]}
    done = _loop().invoke(request, {"recursion_limit": 8})
    assert _kinds(done["messages"]) == ["human", "ai", "tool", "ai"]
    assert done["messages"][2].content == "sunny in Paris"
    calls, result = done["messages"][1].tool_calls, done["messages"][2]
    assert result.tool_call_id == calls[0]["id"]


def test_a_tool_node_loop_ends_after_a_tools_error_and_without_a_tool() -> None:
    request = {"messages": [HumanMessage("what's the weather in Atlantis?")]}
    done = _loop(handle_errors=True).invoke(request, {"recursion_limit": 12})
    assert 1 <= len(CALLED) <= 3
    assert done["messages"][-1].type == "ai"
    assert not done["messages"][-1].tool_calls
    poem = _loop().invoke({"messages": [HumanMessage("write a poem about the sea")]})
    assert _kinds(poem["messages"]) == ["human", "ai"]


def test_structured_output_in_every_form() -> None:
    chat = ChatShoal(max_tokens=60)
    text = "Paris is the capital of France."
    assert chat.with_structured_output(City).invoke(text) == City(city="Paris", capital=True)
    as_dict: Any = chat.with_structured_output(City.model_json_schema()).invoke(text)
    assert as_dict == {"city": "Paris", "capital": True}

    class Typed(TypedDict):
        """A city."""

        city: str

    typed: Any = chat.with_structured_output(Typed).invoke(text)
    assert typed["city"]
    for method in ("json_schema", "function_calling", "json_mode"):
        by_name = chat.with_structured_output(City, method=method).invoke(text)
        assert isinstance(by_name, City)
    assert isinstance(asyncio.run(chat.with_structured_output(City).ainvoke(text)), City)
    both = chat.with_structured_output(City).batch([text, "Lyon is a city, not the capital."])
    assert [type(city) for city in both] == [City, City]


def test_sync_async_stream_and_batch_agree() -> None:
    question = "Name three colours."
    alone = CHAT.invoke(question)

    async def all_ways() -> tuple[AIMessage, list[AIMessage], str]:
        streamed = "".join([str(chunk.content) async for chunk in CHAT.astream(question)])
        return await CHAT.ainvoke(question), await CHAT.abatch([question] * 2), streamed

    one, several, streamed = asyncio.run(all_ways())
    texts = {m.content for m in (one, *several, *CHAT.batch([question] * 2))} | {streamed.strip()}
    assert texts == {alone.content}


def test_usage_is_told_in_every_way() -> None:
    question = "Name three colours."
    usage = CHAT.invoke(question).usage_metadata
    assert usage is not None
    assert usage["output_tokens"] == 16
    assert usage["total_tokens"] == usage["input_tokens"] + 16
    chunks: list[Any] = list(CHAT.stream(question))
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    assert whole.usage_metadata == usage
    assert whole.response_metadata["finish_reason"] == "length"


def test_it_fits_into_a_chain_with_messages_of_all_kinds() -> None:
    chain = ChatPromptTemplate.from_messages([("human", "Say {word}.")]) | CHAT | StrOutputParser()
    assert chain.invoke({"word": "hello"})
    call = {"name": "add", "args": {"a": 1, "b": 2}, "id": "1", "type": "tool_call"}
    conversation = [
        SystemMessage("Be kind."),
        HumanMessage([{"type": "text", "text": "add 1 and 2"}]),
        AIMessage("", tool_calls=[call]),
        ToolMessage("3", tool_call_id="1", name="add"),
        AIMessage("It is 3."),
        HumanMessage("Thank you!"),
    ]
    assert CHAT.invoke(conversation).content


def test_the_events_of_a_stream_name_every_token() -> None:
    async def tokens() -> list[str]:
        events = CHAT.astream_events("Name three colours.", version="v2")
        return [
            str(event["data"]["chunk"].content)
            async for event in events
            if event["event"] == "on_chat_model_stream"
        ]

    assert len([token for token in asyncio.run(tokens()) if token]) > 5
