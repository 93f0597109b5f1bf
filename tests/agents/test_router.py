"""The router: requests it never saw, hard facts, and abstention."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from shoal import Agent
from shoal.agents.router import Router
from shoal.agents.router.courtesy import bare
from shoal.agents.router.facts import NAMES, facts
from shoal.agents.router.head import SHIPPED, Head
from shoal.agents.router.lessons import lessons
from shoal.agents.router.train import Lot, fitted
from shoal.errors import CorruptWeightsError
from shoal.modalities.cores import one_thread
from shoal.types import ImageRef, Task

IMAGE = ImageRef("0" * 64, "image/png", 10, 10)
ENV = "BabyAI-GoToLocal-v0"

# None of these is in examples.toml (a test keeps it so).
UNSEEN = [
    (Task("what's 23 % of 410?"), "text"),
    (Task("compute 99 / 3 + 4"), "text"),
    (Task("how many days are left until 31 December?"), "text"),
    (Task("do you remember what colour my bike has?"), "text"),
    (Task("remember that the cellar key hangs in the kitchen"), "text"),
    (Task("what did the picture show that you saw earlier?"), "text"),
    (Task("which environments with keys are there?"), "text"),
    (Task("which animal is in the photo?", (IMAGE,)), "vision"),
    (Task("what's on this picture?", (IMAGE,)), "vision"),
    (Task("read out what the board says", (IMAGE,)), "vision"),
    (Task("at what time does the shop open?", (IMAGE,)), "vision"),
    (Task("are the two photographs similar?", (IMAGE, IMAGE)), "vision"),
    (Task("go to the yellow ball", env=ENV), "policy"),
    (Task("please walk to the blue box", env=ENV), "policy"),
    (Task("find the grey key", env=ENV), "policy"),
    (Task("solve the task in this env", env=ENV), "policy"),
    (Task("what is 3 * 14?", (IMAGE,), ENV), "text"),
    (Task("hello again, sorry, what is 3 * 14? many thanks"), "text"),
    (Task("correct the mistakes in my essay"), "ask"),
]


LOCAL = "shoal/MixedTrainLocal-v0"
ROUTING: dict[str, list[str]] = tomllib.loads(
    Path(__file__).with_name("routing.toml").read_text(encoding="utf-8")
)


def _plain(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalnum() or letter in " +*")


@pytest.fixture(scope="module")
def router() -> Router:
    return Router()


def test_the_unseen_requests_are_unseen() -> None:
    known = {_plain(lesson.text) for lesson in lessons()}
    assert not known & {_plain(task.text) for task, _ in UNSEEN}
    for texts in ROUTING.values():
        assert len(texts) == len(set(texts)) == 40
        assert not known & {_plain(text) for text in texts}


@pytest.mark.parametrize(("task", "expert"), UNSEEN, ids=lambda value: getattr(value, "text", ""))
def test_it_finds_the_expert(router: Router, task: Task, expert: str) -> None:
    route = router(task)
    assert route.expert == expert
    assert sum(route.probabilities.values()) == pytest.approx(1.0)
    assert route.confidence == pytest.approx(route.probabilities[expert])


def test_without_an_image_it_is_never_vision_and_says_what_is_missing(router: Router) -> None:
    route = router(Task("what is in this picture?"))
    assert route.expert == "ask"
    assert "vision" not in route.probabilities
    assert "--image" in route.reason


def test_without_an_env_it_is_never_policy_and_says_what_is_missing(router: Router) -> None:
    route = router(Task("go to the green box"))
    assert route.expert == "ask"
    assert "policy" not in route.probabilities
    assert "--env" in route.reason


@pytest.mark.parametrize("text", ["gnarf blib", "order me a new phone", "the usual, please", "!?"])
def test_it_abstains(router: Router, text: str) -> None:
    assert router(Task(text)).expert == "ask"


def test_a_high_threshold_abstains_more(router: Router) -> None:
    task = Task("what's the gist of things around here?")
    strict = Router(threshold=0.999)
    assert strict(task).expert == "ask"


def test_training_repeats() -> None:
    """The command makes the shipped head: but for rounding, which processors differ in.

    Without the cross-validation, which finds the temperature alone.
    """
    shipped, lot = Head.load(SHIPPED), Lot.of(lessons())
    assert shipped.skills == lot.skills
    with one_thread():
        weights, bias = fitted(lot)
    temperature = shipped.made["temperature"]
    assert abs(weights.detach().numpy() / temperature - shipped.weights).mean() < 0.01
    some = torch.arange(0, len(lot.y), 200)
    asked = lot.x[some]
    again = (asked @ weights + bias).argmax(1)
    before = (asked @ torch.from_numpy(shipped.weights.astype("float32") * temperature)) + (
        torch.from_numpy(shipped.bias * temperature)
    )
    assert float((again == before.argmax(1)).float().mean()) > 0.98
    experts = np.array(lot.experts)
    assert (experts[again] == experts[lot.y[some]]).mean() >= 0.9


def test_a_damaged_head_says_how_to_make_it_anew(tmp_path: Path) -> None:
    path = tmp_path / "head.safetensors"
    path.write_bytes(SHIPPED.read_bytes()[:500])
    with pytest.raises(CorruptWeightsError, match=r"python -m shoal\.agents\.router\.train"):
        Head.load(path)


def test_examples_of_your_own_reach_your_expert(router: Router) -> None:
    task = Task("spell strawberry backwards")
    assert router(task).expert != "backwards"
    route = router(task, {"backwards": ["spell cat backwards"]})
    assert (route.expert, route.skill) == ("backwards", "")
    assert sum(route.probabilities.values()) == pytest.approx(1.0)
    other = router(Task("what is 3 * 3?"), {"backwards": ["spell cat backwards"]})
    assert other.expert == "text"


def test_examples_of_your_own_tools_reach_the_text_expert(router: Router) -> None:
    task = Task("order three lamps")
    assert router(task).expert == "ask"
    assert router(task, {"text": ["order two chairs"]}).expert == "text"


@pytest.mark.parametrize(("kind", "least"), [("own", 39), ("said", 37), ("other", 38)])
def test_with_an_env_missions_go_to_the_policy_and_nothing_else_does(
    kind: str, least: int, router: Router
) -> None:
    """In rooms that mostly lack what is asked for: the policy is the one to say so."""
    agent, right = Agent(router=router), 0
    for seed, text in enumerate(ROUTING[kind]):
        task = Task(text, env=LOCAL, seed=seed)
        route = router(task, affordances=agent.house.affordances(task))
        right += (route.expert == "policy") == (kind != "other")
    agent.close()
    print(f"{kind}: {right} of 40")
    assert right >= least


def test_every_expert_says_what_it_can_do_now() -> None:
    class Lost:
        name = "lost"

        def affordance(self, task: Any, context: Any) -> float:
            raise ZeroDivisionError("a stranger's bug")

        def attempt(self, task: Any, context: Any) -> Any:
            raise NotImplementedError

    with Agent(experts=[Lost()]) as agent:
        plain = agent.house.affordances(Task("go to a ball"))
        assert plain == {"text": 1.0, "vision": 0.0, "policy": 0.0, "lost": 0.0}
        there = agent.house.affordances(Task("go to the red box", env=ENV, seed=2))
        absent = agent.house.affordances(Task("go to a door", env=ENV, seed=2))
        assert there["policy"] > 0.9 > 0.1 > absent["policy"]


def test_the_odds_of_who_can_not_do_it_fall(router: Router) -> None:
    close = {"policy.act": 0.49, "text.chat": 0.46, "ask.unclear": 0.05}
    task = Task("go there", env=ENV)
    assert router.decide(task, close).expert == "ask"
    unable = router.decide(task, close, affordances={"policy": 0.05})
    assert (unable.expert, unable.confidence > 0.8) == ("text", True)
    assert sum(unable.probabilities.values()) == pytest.approx(1.0)


def test_who_is_plainly_asked_for_says_why_it_can_not(router: Router) -> None:
    skills = {"policy.act": 0.6, "text.chat": 0.4}
    told = router.decide(Task("go there", env=ENV), skills, affordances={"policy": 0.0})
    assert told.expert == "policy"
    assert told.confidence == pytest.approx(0.6)


def test_a_mission_is_a_fact_only_where_the_env_takes_goals() -> None:
    told = {env: facts(Task("open the red door", env=env))[0] for env in (None, LOCAL, ENV)}
    assert set(told.values()) == {1.0}
    assert facts(Task("open the red door", env="CartPole-v1"))[0] == 0.0
    assert facts(Task("tell me a joke about doors", env=LOCAL))[0] == 0.0


def test_a_head_of_other_facts_is_refused(tmp_path: Path) -> None:
    from safetensors import safe_open
    from safetensors.numpy import load, save

    with safe_open(SHIPPED, framework="numpy") as stream:
        about = {**stream.metadata(), "facts": '["weather"]'}
    path = tmp_path / "head.safetensors"
    path.write_bytes(save(load(SHIPPED.read_bytes()), metadata=about))
    with pytest.raises(CorruptWeightsError, match="other facts than mission"):
        Head.load(path)


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("sorry to bother you, open the red door thanks!", "open the red door"),
        ("hi there! when you get a sec, go to the ball, if you don't mind", "go to the ball"),
        (
            "quick question: fix my grammar: she don't likes it",
            "fix my grammar: she don't likes it",
        ),
        ("how do I say thank you", "how do I say thank you"),
        ("My request is the following. open the door - that's all for now", "open the door"),
        ("sorry to bother you but what is 2 + 2 (it's urgent)", "what is 2 + 2"),
        ("it is simple but hard to answer", "it is simple but hard to answer"),
        ("uhm what is it", "what is it"),
        ("me again :) read it", "read it"),
        ("great, thanks", "great, thanks"),
        ("is it ok", "is it ok"),
        ("", ""),
    ],
)
def test_courtesies_are_no_part_of_a_request(said: str, asked: str) -> None:
    assert bare(said) == asked
    assert facts(Task(said)).tolist() == facts(Task(asked)).tolist()


@pytest.mark.parametrize(
    ("task", "told"),
    [
        (Task("yo, subtract 14 from, thanks"), {"unfinished"}),
        (Task("how many weeks between 4 May and many thanks in advance, Kim"), {"unfinished"}),
        (Task("which wood is it made of"), set()),
        (Task("multiply it by 3"), {"unfinished"}),
        (Task("what is 14 made of"), set()),
        (Task("are these two photos alike", (IMAGE,)), {"too few"}),
        (Task("read image number four to me", (IMAGE, IMAGE, IMAGE)), {"too few"}),
        (Task("what is on the 2nd one", (IMAGE, IMAGE)), set()),
        (Task("read line 4 of this picture", (IMAGE,)), set()),
        (Task("are these two photos alike", (IMAGE, IMAGE)), set()),
        (Task("open the red ball", env=ENV), {"at odds"}),
        (Task("go to the red ball without moving", env=ENV), {"at odds"}),
        (Task("walk over to the pink box", env=ENV), {"at odds"}),
        (Task("take the key without ever taking it", env=ENV), {"at odds"}),
        (Task("take the key but don't take the ball", env=ENV), set()),
        (Task("a round of lunar lander", env="LunarLander-v3"), {"named here"}),
        (Task("deliver the customer", env="Taxi-v3"), {"named here"}),
        (Task("deliver the customer", env="MountainCar-v0"), {"elsewhere"}),
        (Task("swing the pendulum up", env=ENV), {"elsewhere"}),
        (Task("bring the agent to the red box", env="CartPole-v1"), {"elsewhere"}),
    ],
    ids=lambda value: getattr(value, "text", ""),
)
def test_what_is_missing_is_a_fact(task: Task, told: set[str]) -> None:
    known = dict(zip(NAMES, facts(task), strict=False))
    gaps = ("unfinished", "too few", "at odds", "named here", "elsewhere")
    assert {name for name in gaps if known[name]} == told
