"""A policy in a graph: goals, progress, stopping, killing, and what is left of an episode."""

from __future__ import annotations

import asyncio
import hashlib
import json
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command

from shoal import Agent
from shoal.agents.acting import (
    EpisodeRef,
    Moment,
    NodeSettings,
    PolicyGoal,
    affordances,
    offered,
    policy_node,
    policy_tool,
)
from shoal.agents.memory import MemoryStore
from shoal.envs import make
from shoal.errors import RunError, UnknownNameError, UsageError
from shoal.modalities.policy import Policy, save

LEVEL = "BabyAI-GoToLocal-v0"


@pytest.fixture(scope="module")
def pole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained policy for CartPole: its episodes end by falling, or by the horizon."""
    from stable_baselines3 import PPO

    model = PPO("MlpPolicy", make("CartPole-v1"), n_steps=8, batch_size=8, seed=0, device="cpu")
    return save(model, tmp_path_factory.mktemp("p") / "pole", name="pole", env="CartPole-v1")


def _played(node: Any, goal: Any, **options: Any) -> EpisodeRef:
    ended = node.invoke({"goal": goal}, **options)
    episode: EpisodeRef = ended["episode"]
    return episode


def _facts(episode: EpisodeRef) -> dict[str, Any]:
    content = Path(episode.path).read_bytes()
    assert hashlib.sha256(content).hexdigest() == episode.sha256
    facts: dict[str, Any] = json.loads(content)
    return facts


def test_a_goal_is_played_to_the_envs_own_success(tmp_path: Path) -> None:
    with closing(MemoryStore()) as memory:
        node = policy_node("goto", NodeSettings(memory=memory, artifacts=tmp_path))
        episode = _played(node, PolicyGoal("go to the red ball", "BabyAI-GoToRedBall-v0", seed=1))
        assert (episode.ended, episode.success) == ("success", True)
        assert 0 < episode.expected <= 1
        facts = _facts(episode)
        (item,) = memory.recent(kind="episode")
        assert item.data["trajectory"] == episode.path
        assert "actions" not in item.data
        env = make(facts["env"], goal=facts["mission"])
        env.reset(seed=facts["seed"])
        ends = [env.step(action) for action in facts["actions"]]
        assert ends[-1][4]["is_success"] is True
        assert [reward for _, reward, *_ in ends] == facts["rewards"]
        memory.forget(item.key)
        assert not Path(episode.path).exists()


def test_it_plays_as_the_expert_does(tmp_path: Path) -> None:
    from shoal.modalities.policy.episode import play

    policy = Policy.load("goto")
    alone = play(policy, make(LEVEL, observation="goal_mask"), 5, emit=lambda line: None)
    episode = _played(policy_node("goto", NodeSettings(chunk=2)), PolicyGoal(seed=5))
    assert _facts(episode)["actions"] == alone.actions
    assert episode.expected == alone.expected


@pytest.mark.parametrize(
    "goal", ["go to the green ball", {"mission": "go to the green ball", "seed": 0}]
)
def test_a_mission_or_a_mapping_will_do(goal: Any) -> None:
    assert _played(policy_node("goto"), goal).steps > 0


def test_the_horizon_and_long_episodes(pole: Path) -> None:
    episode = _played(policy_node(pole, NodeSettings(chunk=1)), PolicyGoal(horizon=5))
    assert (episode.ended, episode.steps, episode.reward) == ("horizon", 5, 5.0)
    lasting = NodeSettings(chunk=1, success=lambda moment: moment.steps == 60)
    swinging = save(_pendulum(), pole.parent / "swing", name="swing", env="Pendulum-v1")
    assert _played(policy_node(swinging, lasting), PolicyGoal()).steps == 60


def _pendulum() -> Any:
    from stable_baselines3 import PPO

    return PPO("MlpPolicy", make("Pendulum-v1"), n_steps=8, batch_size=8, seed=0, device="cpu")


def test_success_is_what_the_caller_says(pole: Path) -> None:
    seen: list[Moment] = []

    def third(moment: Moment) -> bool:
        seen.append(moment)
        return moment.steps == 3

    episode = _played(policy_node(pole, NodeSettings(success=third)), PolicyGoal(seed=2))
    assert (episode.success, episode.steps) == (True, 3)
    assert [moment.total for moment in seen] == [1.0, 2.0, 3.0]
    named = _played(policy_node(pole), PolicyGoal(success="reward"))
    assert (named.success, named.steps) == (True, 1)
    with pytest.raises(UnknownNameError, match="verifier"):
        policy_node(pole, NodeSettings(success="verifer"))
    with pytest.raises(UnknownNameError, match="did you mean 'survived'"):
        policy_node(pole).invoke({"goal": PolicyGoal(success="survivd")})


def test_progress_is_streamed_from_inside_another_graph(pole: Path) -> None:
    class Outer(TypedDict, total=False):
        goal: PolicyGoal
        episode: EpisodeRef

    outer = StateGraph(Outer)
    outer.add_node("act", policy_node(pole, NodeSettings(chunk=2)))
    outer.add_edge(START, "act")
    outer.add_edge("act", END)
    told: list[Any] = []
    start: Any = {"goal": PolicyGoal(horizon=6)}
    for _, mode, chunk in outer.compile().stream(
        start, stream_mode=["custom", "values"], subgraphs=True
    ):
        if mode == "custom":
            told.append(chunk)
    assert [line["steps"] for line in told] == [2, 4, 6]
    assert [line["reward"] for line in told] == [2.0, 4.0, 6.0]
    assert [line["ended"] for line in told] == ["", "", "horizon"]


def test_an_event_cancels_and_what_was_done_is_kept(pole: Path) -> None:
    stop = threading.Event()

    def at_four(moment: Moment) -> bool:
        if moment.steps == 4:
            stop.set()
        return False

    node = policy_node(pole, NodeSettings(cancel=stop, success=at_four))
    episode = _played(node, PolicyGoal())
    assert (episode.ended, episode.steps) == ("cancelled", 4)
    assert len(_facts(episode)["actions"]) == 4


def test_a_cancelled_task_stops_and_goes_on_later(pole: Path) -> None:
    saver, config = InMemorySaver(), {"configurable": {"thread_id": "t"}}
    graph = _outer(pole, saver, NodeSettings(chunk=1, success=_slow))

    async def cancelled() -> None:
        start: Any = {"goal": PolicyGoal(seed=3, horizon=30)}
        task = asyncio.create_task(graph.ainvoke(start, config, durability="sync"))
        await asyncio.sleep(0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert graph.get_state(config).next
    ended = graph.invoke(None, config)
    assert ended["episode"].ended in ("failure", "horizon")
    whole = _played(policy_node(pole), PolicyGoal(seed=3, horizon=30))
    assert _facts(ended["episode"])["actions"] == _facts(whole)["actions"]


def _slow(moment: Moment) -> bool:
    threading.Event().wait(0.05)
    return False


def _outer(pole: Path, saver: Any, settings: NodeSettings) -> Any:
    class Outer(TypedDict, total=False):
        goal: PolicyGoal
        episode: EpisodeRef

    outer = StateGraph(Outer)
    outer.add_node("act", policy_node(pole, settings))
    outer.add_edge(START, "act")
    outer.add_edge("act", END)
    return outer.compile(checkpointer=saver)


@pytest.mark.parametrize("let_on", [True, False])
def test_it_asks_for_a_go_ahead(pole: Path, let_on: bool) -> None:
    config = {"configurable": {"thread_id": "t"}}
    graph = _outer(pole, InMemorySaver(), NodeSettings(chunk=2, ask_every=4))
    asked = graph.invoke({"goal": PolicyGoal(horizon=6)}, config)
    (question,) = asked["__interrupt__"]
    assert (question.value["kind"], question.value["steps"]) == ("progress", 4)
    episode = graph.invoke(Command(resume=let_on), config)["episode"]
    assert (episode.ended, episode.steps) == (("horizon", 6) if let_on else ("cancelled", 4))


_KILLED = """
import sys, sqlite3, threading
from pathlib import Path
from typing import TypedDict
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from shoal.agents.acting import EpisodeRef, NodeSettings, PolicyGoal, policy_node

class Outer(TypedDict, total=False):
    goal: PolicyGoal
    episode: EpisodeRef

def slow(moment):
    print(moment.steps, flush=True)
    threading.Event().wait(0.05)
    return False

saver = SqliteSaver(sqlite3.connect(sys.argv[1], check_same_thread=False))
outer = StateGraph(Outer)
outer.add_node("act", policy_node(Path(sys.argv[2]), NodeSettings(chunk=3, success=slow)))
outer.add_edge(START, "act")
outer.add_edge("act", END)
graph = outer.compile(checkpointer=saver)
config = {"configurable": {"thread_id": "t"}}
start = {"goal": PolicyGoal(seed=8, horizon=12)} if sys.argv[3] == "new" else None
print("ended", graph.invoke(start, config, durability="sync")["episode"], flush=True)
"""


def test_a_killed_episode_goes_on_in_another_process(pole: Path, tmp_path: Path) -> None:
    sampling = save(
        Policy.load(pole).sb3, tmp_path / "sampling", name="s", env="CartPole-v1", sample=True
    )
    whole = _facts(_played(policy_node(sampling), PolicyGoal(seed=8, horizon=12)))
    command = [sys.executable, "-c", _KILLED, str(tmp_path / "c.sqlite"), str(sampling)]
    worker = subprocess.Popen([*command, "new"], stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    while worker.stdout.readline().strip() != "8":
        assert worker.poll() is None
    worker.send_signal(signal.SIGKILL)
    assert worker.wait(60) == -signal.SIGKILL
    done = subprocess.run([*command, "on"], capture_output=True, text=True, check=True, timeout=300)
    # Two whole chunks were in the checkpoint: only the steps after them are played anew.
    assert done.stdout.split()[:6] == ["7", "8", "9", "10", "11", "12"]
    assert "ended='horizon'" in done.stdout
    saver = SqliteSaver(sqlite3.connect(tmp_path / "c.sqlite", check_same_thread=False))
    graph = _outer(sampling, saver, NodeSettings())
    episode = graph.get_state({"configurable": {"thread_id": "t"}}).values["episode"]
    assert isinstance(episode, EpisodeRef)
    assert _facts(episode)["actions"] == whole["actions"]
    assert _facts(episode)["rewards"] == whole["rewards"]


def test_an_env_that_does_not_replay_is_named(pole: Path) -> None:
    from shoal.agents.acting.goal import predicate
    from shoal.agents.acting.player import Player

    policy, success = Policy.load(pole), predicate("verifier")
    first, second = (Player(policy, PolicyGoal(seed=seed), success) for seed in (1, 2))
    for _ in range(3):
        first.step()
    with pytest.raises(RunError, match="led to another state"):
        second.replay(first.actions, first.seen)
    third = Player(policy, PolicyGoal(seed=1), success)
    third.replay(first.actions, first.seen)
    assert third.steps == 3


def test_what_cannot_be_done_is_refused_not_tried() -> None:
    node = policy_node("goto")
    no_ball = PolicyGoal("go to the grey key", "BabyAI-GoToRedBallNoDists-v0")
    for goal, named in (
        (no_ball, "only red ball"),
        (PolicyGoal("write a poem"), "go to the red ball"),
        (PolicyGoal(env="CartPole-v1"), "cannot be observed as 'goal_mask'"),
    ):
        episode = _played(node, goal)
        assert (episode.ended, episode.steps) == ("refused", 0)
        assert named in episode.reason
    shy = _played(policy_node("goto", NodeSettings(least=1.0)), PolicyGoal())
    assert (shy.ended, shy.steps) == ("refused", 0)
    assert "not tried: success is expected at" in shy.reason
    with pytest.raises(UnknownNameError, match="did you mean"):
        node.invoke({"goal": PolicyGoal(env="BabyAI-GoToLocl-v0")})


@pytest.mark.parametrize(
    "told", [{"seed": -1}, {"horizon": "9"}, {"horizon": 10**9}, {"seed": True}, {"mission": 3}]
)
def test_a_goal_of_other_types_is_refused(told: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        PolicyGoal.of(told)
    with pytest.raises(UnknownNameError, match="did you mean 'mission'"):
        PolicyGoal.of({"misson": "x"})


def test_a_tool_node_plays_it(tmp_path: Path) -> None:
    tool = policy_tool("goto", NodeSettings(artifacts=tmp_path), env="BabyAI-GoToRedBall-v0")
    graph = StateGraph(MessagesState)
    graph.add_node("tools", ToolNode([tool]))
    graph.add_edge(START, "tools")
    graph.add_edge("tools", END)
    call = {"name": "act_goto", "args": {"mission": "go to the red ball", "seed": 1}, "id": "1"}
    start: Any = {"messages": [AIMessage("", tool_calls=[call])]}
    told: list[Any] = []
    results: list[Any] = []
    stream: Any = graph.compile().stream(start, stream_mode=["custom", "values"], subgraphs=True)
    for _, mode, chunk in stream:
        told += [chunk] if mode == "custom" else []
        results += chunk["messages"] if mode == "values" and "messages" in chunk else []
    assert told[-1]["ended"] == "success"
    assert results[-1].content.startswith("Done: go to the red ball in BabyAI-GoToRedBall-v0")
    assert Path(results[-1].artifact["path"]).is_file()


def test_an_agent_may_hold_the_tool() -> None:
    with Agent(tools=[policy_tool("goto")]) as agent:
        toolbox = agent.house.context(agent.task("x")).tools
        step = agent.house.context(agent.task("x")).call_tool(
            "act_goto", {"mission": "go to the red ball", "seed": 0}
        )
        assert "act_goto" in toolbox
    assert "in BabyAI-GoToLocal-v0" in step.result.text


def _names(tools: list[Any], goal: PolicyGoal) -> list[str]:
    return [tool.name for tool in offered(tools, goal)]


def test_tools_that_cannot_do_the_goal_now_are_not_offered(pole: Path) -> None:
    from langchain_core.tools import tool

    @tool
    def add(a: int, b: int) -> int:
        """Adds."""
        return a + b

    tools = [add, policy_tool("goto"), policy_tool(pole)]
    green = PolicyGoal("go to the green ball", env=LEVEL)
    assert _names(tools, green) == ["add", "act_goto"]
    assert _names(tools, PolicyGoal("go to the purple door", env=LEVEL)) == ["add"]
    assert _names(tools, PolicyGoal("go to the green ball", env=LEVEL, horizon=1)) == ["add"]
    rated = affordances(["goto", pole], green)
    assert rated["goto"] > 0.9
    assert rated["pole"] == 0
