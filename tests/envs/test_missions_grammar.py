"""BabyAI's whole mission grammar: every sentence becomes a goal, and the goal the sentence."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoal.envs import Clause, Goal, Thing, make, parse
from shoal.envs.goals import LOCATIONS
from shoal.errors import UsageError

_data = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "optional_data.py"))
BALROG: Path | None = _data["folder"]("balrog")

COLORS = ("red", "green", "blue", "purple", "yellow", "grey")
MOVABLE = ("ball", "box", "key", None)


def _things(*types: str | None) -> st.SearchStrategy[Any]:
    return st.builds(
        Thing,
        type=st.sampled_from(types),
        color=st.sampled_from((*COLORS, None)),
        location=st.sampled_from((*LOCATIONS, None)),
        article=st.sampled_from(("the", "a")),
    )


_clauses = st.one_of(
    st.builds(Clause, st.just("goto"), _things(*MOVABLE, "door")),
    st.builds(Clause, st.just("pickup"), _things(*MOVABLE)),
    st.builds(Clause, st.just("open"), _things("door")),
    st.builds(Clause, st.just("putnext"), _things(*MOVABLE), _things(*MOVABLE, "door")),
)
_stages = st.lists(_clauses, min_size=1, max_size=2).map(tuple)
_goals = st.one_of(
    st.builds(Goal, st.tuples(_stages)),
    st.builds(Goal, st.tuples(_stages, _stages), st.sampled_from(("before", "after"))),
)


@settings(max_examples=400, deadline=None)
@given(_goals)
def test_a_goals_text_is_parsed_into_that_goal(goal: Goal) -> None:
    assert parse(goal.text) == goal


@settings(max_examples=200, deadline=None)
@given(_goals, st.sampled_from(["please", "hey robot,", "could you", "First,"]), st.booleans())
def test_politeness_case_and_spaces_change_nothing(goal: Goal, prefix: str, loud: bool) -> None:
    said = f"  {prefix} {goal.text.replace(' ', '  ')}, please! "
    assert parse(said.upper() if loud else said) == goal


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=500))
def test_chance_texts_are_refused_and_never_crash(text: str) -> None:
    with pytest.raises(UsageError, match="Write for example"):
        parse(text)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("grab the red ball", "pick up the red ball"),
        ("Pick up any key, please", "pick up a key"),
        ("unlock the grey door", "open the grey door"),
        ("place a ball beside the gray box", "put a ball next to the grey box"),
        ("take the key then head to the box", "pick up the key, then go to the box"),
        ("first get the key and then open the door", "pick up the key, then open the door"),
        ("open the door before you go to the box", "open the door, then go to the box"),
        ("go to the box after you open the door", "go to the box after you open the door"),
        ("reach the ball to the left", "go to the ball on your left"),
        ("find the ball ahead of you", "go to the ball in front of you"),
    ],
)
def test_people_say_it_in_other_words(said: str, meant: str) -> None:
    assert parse(said).text == meant


def test_before_and_after_are_done_in_the_same_order() -> None:
    before = parse("pick up the red ball, then go to the key")
    after = parse("go to the key after you pick up the red ball")
    assert before.stages == after.stages
    assert [clause.action for clause in after.clauses] == ["pickup", "goto"]
    assert before != after


@pytest.mark.skipif(BALROG is None, reason=_data["absent"]("balrog"))
def test_every_sampled_mission_is_given_back() -> None:
    sampled = json.loads((Path(BALROG or "") / "missions_sampled.json").read_text("utf-8"))
    missions = [mission for group in sampled.values() for mission in group["examples"]]
    assert len(missions) > 40
    assert [parse(mission).text for mission in missions] == missions


@pytest.mark.parametrize(
    "level", ["BabyAI-BossLevel-v0", "BabyAI-SynthLoc-v0", "shoal/MixedTrainLocal-v0"]
)
def test_the_levels_own_missions_are_given_back(level: str) -> None:
    env = make(level)
    missions = {env.reset(seed=seed)[0]["mission"] for seed in range(30)}
    assert len(missions) > 15
    assert {parse(mission).text for mission in missions} == missions


@pytest.mark.parametrize(
    ("action", "what", "near"),
    [("pickup", "door", None), ("open", "box", None), ("putnext", "box", None),
     ("goto", "box", "key"), ("putnext", "door", "key")],
)  # fmt: skip
def test_what_no_agent_can_do_is_no_clause(action: Any, what: Any, near: Any) -> None:
    with pytest.raises(UsageError, match=action):
        Clause(action, Thing(what), Thing(near) if near else None)


def test_a_goal_is_no_longer_than_a_mission() -> None:
    stage = (Clause("goto", Thing("ball")),)
    for stages in ((), (stage, stage, stage), (stage * 3,), ((),)):
        with pytest.raises(UsageError, match="one or two stages"):
            Goal(stages)
