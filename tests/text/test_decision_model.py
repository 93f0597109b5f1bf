from __future__ import annotations

import asyncio
from typing import Any

import pytest

from shoal.errors import MissingExtraError, UsageError
from shoal.extras import installed

HERE = installed("langchain_core.decisions")
needs_it = pytest.mark.skipif(not HERE, reason="langchain-core is older than 1.8")


@pytest.mark.skipif(HERE, reason="langchain-core has decision models")
def test_an_older_langchain_core_is_named() -> None:
    with pytest.raises(MissingExtraError, match=r"langchain-core>=1\.8"):
        from shoal.modalities.text import DecisionShoal  # noqa: F401


def _questions() -> dict[str, Any]:
    from langchain_core.decisions import Choice, Noul, NoulCriteria, Score

    return {
        "about": Choice(
            instructions="What is it about?",
            criteria={"money": "cards and payments", "sky": "the weather", "music": None},
        ),
        "rain": Noul(
            instructions="Is it about rain?",
            criteria=NoulCriteria(true="rain and weather", false="cards and payments"),
        ),
        "wet": Score(instructions="How wet?", criteria=["dry and sunny", "heavy rain"]),
    }


@needs_it
def test_every_kind_of_question_is_answered() -> None:
    from shoal.modalities.text import DecisionShoal

    made = DecisionShoal().invoke({"state": "It will rain a lot", "questions": _questions()})
    about = made.choices["about"]
    assert about.choice == "sky"
    assert list(about.probabilities) == ["money", "sky", "music"]
    assert about.confidence == about.probabilities["sky"]
    assert made.nouls["rain"].noul > 0.5
    assert 0.5 < made.scores["wet"].score <= 1
    assert made.scores["wet"].legend == {0: "dry and sunny", 1: "heavy rain"}
    assert made.model == "minilm-l6"


@needs_it
def test_messages_async_and_batches() -> None:
    from langchain_core.messages import HumanMessage

    from shoal.modalities.text import DecisionShoal

    model = DecisionShoal(model="smollm2-135m")
    request: Any = {
        "state": {"thread": [HumanMessage("It will rain a lot")]},
        "questions": {"about": _questions()["about"]},
    }
    alone = model.invoke(request)
    assert asyncio.run(model.ainvoke(request)) == alone
    assert model.batch([request, request]) == [alone, alone]


@needs_it
def test_what_has_no_options_is_refused() -> None:
    from langchain_core.decisions import Box

    from shoal.modalities.text import DecisionShoal

    with pytest.raises(UsageError, match="box"):
        DecisionShoal().invoke({"state": "a", "questions": {"at": Box(instructions="the cat")}})
    with pytest.raises(UsageError, match="empty"):
        DecisionShoal().invoke({"state": " ", "questions": _questions()})
    picture = {"type": "image", "base64": "aGk=", "mime_type": "image/png"}
    with pytest.raises(UsageError, match="image"):
        DecisionShoal().invoke({"state": [picture], "questions": _questions()})
