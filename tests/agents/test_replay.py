"""Replays: the same runs with one part swapped, nothing done twice, honest statistics."""

from __future__ import annotations

import json

import pytest

from shoal import Agent
from shoal.agents import as_tool
from shoal.agents.records import count, stream
from shoal.agents.records.replay import Swap, replay
from shoal.agents.records.replay.paired import difference
from shoal.errors import UnknownNameError, UsageError
from shoal.statistics import mcnemar
from tests.commands import typed


def test_a_replay_answers_from_the_record_and_remembers_nothing() -> None:
    booked: list[str] = []

    def book_table(guests: int) -> str:
        """Books a table in the restaurant.

        Args:
            guests: Number of guests.
        """
        booked.append(str(guests))
        return f"booked for {guests}"

    examples = [("book a table for 3", {"guests": 3})]
    tool = as_tool(book_table, side_effects="reversible", examples=examples)
    with Agent(tools=[tool]) as agent:
        agent.run("book a table for 5")
        agent.run("what is 6 * 7?")
        agent.run("go to the red ball", env="BabyAI-GoToLocal-v0", seed=3)
        assert booked == ["5"]
        records = list(stream(agent.memory, approved_only=False))
        same = replay(agent, records, Swap.of("policy=goto"), rerun=True)
        assert [pair.before.success for pair in same.pairs] == [True] * 3
        assert (same.gained, same.lost, same.p) == (0, 0, 1.0)
        assert same.pairs[0].after.answer == "booked for 5"
        assert same.pairs[2].before.answer == same.pairs[2].after.answer
        worse = replay(agent, records, Swap.of("expert=policy"))
        assert (worse.gained, worse.lost) == (0, 2)
        assert "no difference is shown" in worse.sentence
        assert count(agent.memory) == 3
    assert booked == ["5"]
    # The command's agent has no such tool: what it said is in the record.
    done = typed("shoal replay --last 3 --with policy=goto --json")
    told = json.loads(done.stdout)
    assert (told["n"], told["lost"]) == (3, 0)
    assert booked == ["5"]


def test_people_tell_both_sides_what_was_right() -> None:
    with Agent() as agent:
        run = agent.run("what is 6 * 7?")
        agent.feedback(run, correction={"name": "calculate", "arguments": {"expression": "7 * 6"}})
        told = replay(agent, list(stream(agent.memory)), Swap("expert", "text"))
        assert not told.pairs[0].before.success
        agent.feedback(run, True)
        told = replay(agent, list(stream(agent.memory)), Swap("expert", "text"))
        assert told.pairs[0].after.success


def test_the_statistics_are_the_textbooks() -> None:
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(1, 9) == pytest.approx(22 / 1024)
    assert mcnemar(5, 0) == pytest.approx(2 / 32)
    told = difference([1, 1, 1, 1, 1], [2, 3, 4, 5, 6])
    assert told.mean == 3.0
    assert told.p == pytest.approx(2 / 32)
    assert told.low < 3.0 < told.high
    assert difference([1.0] * 40, [1.0] * 40).p == 1.0


def test_wrong_use_is_told() -> None:
    with pytest.raises(UsageError, match="is not PART=VALUE"):
        Swap.of("text")
    with pytest.raises(UnknownNameError, match="did you mean 'policy'"):
        Swap.of("polcy=goto")
    with Agent() as agent, pytest.raises(UnknownNameError, match="unknown expert 'nobody'"):
        Swap.of("expert=nobody").into(agent.house)
    assert "which runs?" in str(typed("shoal replay --with expert=text").exception)
