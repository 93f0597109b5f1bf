"""A policy's tool call goes on after kill -9: in a tool node, in agents, and beside others."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shoal.agents.acting import NodeSettings, PolicyGoal, policy_node, policy_tool
from shoal.envs import make
from shoal.modalities.policy import save

HORIZON = 12

_COMMON = """
import json, os, sqlite3, sys, time
from pathlib import Path
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from shoal.agents.acting import NodeSettings, policy_tool

folder, pole, killed = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "killed"

def watched(moment):
    print(moment.steps, flush=True)
    time.sleep(0.02)
    if killed and moment.steps == 8:
        os.kill(os.getpid(), 9)
    return False

tool = policy_tool(pole, NodeSettings(chunk=3, success=watched, artifacts=folder))

def saver():
    return SqliteSaver(sqlite3.connect(folder / "c.sqlite", check_same_thread=False))

def call(seed, name):
    args = {"mission": "", "seed": seed, "horizon": 12}
    return {"name": tool.name, "args": args, "id": name, "type": "tool_call"}

def ends(graph, start):
    config = {"configurable": {"thread_id": "t"}}
    ended = graph.invoke(start if killed else None, config, durability="sync")
    print(json.dumps([m.artifact for m in ended["messages"] if m.type == "tool"]))
"""

_NODE = """
graph = StateGraph(MessagesState)
graph.add_node("tools", ToolNode([tool]))
graph.add_edge(START, "tools")
graph.add_edge("tools", END)
ends(graph.compile(checkpointer=saver()),
     {"messages": [AIMessage("", tool_calls=[call(8, "a")])]})
"""

_AGENT = """
from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel

class Model(GenericFakeChatModel):
    def bind_tools(self, tools, **options):
        return self

said = [AIMessage("", tool_calls=[call(8, "a")])] if killed else []
model = Model(messages=iter([*said, AIMessage("done")]))
ends(create_agent(model, [tool], checkpointer=saver()), {"messages": [HumanMessage("act")]})
"""

_SHOAL = """
from shoal import Agent
from shoal.types import Outcome, Status, Task

class Calls:
    name = "text"
    def affordance(self, task, context):
        return 1.0
    def attempt(self, task, context):
        step = context.call_tool(tool.name, call(8, "a")["args"])
        return Outcome(Status.FAILED, None, step.result.text)

with Agent(experts=[Calls()], tools=[tool]) as agent:
    if killed:
        agent.run(Task("what is 2 + 2?", id="one"))
    else:
        print(agent.resume("one").reason)
"""


@pytest.fixture(scope="module")
def pole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained policy for CartPole, which samples: the random numbers have to go on, too."""
    from stable_baselines3 import PPO

    model = PPO("MlpPolicy", make("CartPole-v1"), n_steps=8, batch_size=8, seed=0, device="cpu")
    folder = tmp_path_factory.mktemp("p") / "pole"
    return save(model, folder, name="pole", env="CartPole-v1", sample=True)


def _run(code: str, *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _COMMON + code, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def _whole(pole: Path, folder: Path, seed: int) -> dict[str, Any]:
    node = policy_node(pole, NodeSettings(artifacts=folder))
    episode = node.invoke({"goal": PolicyGoal("", "CartPole-v1", seed, HORIZON)})["episode"]
    facts: dict[str, Any] = json.loads(Path(episode.path).read_text())
    return facts


@pytest.mark.parametrize("code", [_NODE, _AGENT], ids=["ToolNode", "create_agent"])
def test_it_goes_on_where_it_was(code: str, pole: Path, tmp_path: Path) -> None:
    killed = _run(code, tmp_path, pole, "killed")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert killed.stdout.split()[-1] == "8"
    done = _run(code, tmp_path, pole, "on")
    *steps, told = done.stdout.split("\n", 6)
    assert steps == ["7", "8", "9", "10", "11", "12"], done.stderr  # two chunks were kept
    assert "unregistered type" not in done.stderr
    (artifact,) = json.loads(told)
    facts = json.loads(Path(artifact["path"]).read_text())
    whole = _whole(pole, tmp_path, 8)
    assert facts == {**whole, "goal": facts["goal"]}


def test_shoals_agent_goes_on_as_well(pole: Path, tmp_path: Path) -> None:
    assert _run(_SHOAL, tmp_path, pole, "killed").returncode == -signal.SIGKILL
    done = _run(_SHOAL, tmp_path, pole, "on")
    steps = [int(line) for line in done.stdout.split("\n") if line.isdigit()]
    assert steps[0] in (4, 7), done.stderr  # its checkpoints are written while it plays on
    assert steps == list(range(steps[0], HORIZON + 1))
    assert "12 steps: the goal was not reached within 12 steps" in done.stdout
    assert not list(tmp_path.glob("**/.*"))


_CROSSED = """
import itertools
order = [8, 9] if killed else [9, 8]

def two(state):
    made = [tool.invoke(call(seed, str(seed))) for seed in order]
    if killed:
        os.kill(os.getpid(), 9)
    return {"messages": made}

def watched_without_end(moment):
    return False

tool = policy_tool(pole, NodeSettings(success=watched_without_end, artifacts=folder))
graph = StateGraph(MessagesState)
graph.add_node("two", two)
graph.add_edge(START, "two")
graph.add_edge("two", END)
ends(graph.compile(checkpointer=saver()), {"messages": []})
"""


def test_a_call_never_gets_the_episode_of_another(pole: Path, tmp_path: Path) -> None:
    """LangGraph tells two calls in one node by their order, and that may change."""
    killed = _run(_CROSSED, tmp_path, pole, "killed")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    done = _run(_CROSSED, tmp_path, pole, "on")
    artifacts = json.loads(done.stdout)
    for seed, artifact in zip((9, 8), artifacts, strict=True):
        facts = json.loads(Path(artifact["path"]).read_text())
        whole = _whole(pole, tmp_path, seed)
        assert (facts["seed"], facts["actions"]) == (seed, whole["actions"])


def test_a_models_wrong_arguments_are_refused_in_a_sentence(pole: Path) -> None:
    told = policy_tool(pole).invoke({"mission": "", "seed": -1})
    assert "Not done" in told
    assert "seed is -1: it has to be from 0" in told
