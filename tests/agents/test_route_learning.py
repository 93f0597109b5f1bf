"""The router's promises: risk, dial, precedents, learning from logs, promotion, escalation."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shoal import Agent
from shoal.agents.records import stream
from shoal.agents.records.export.rows import bandit
from shoal.agents.records.keeping import keep
from shoal.agents.records.precedents import precedents
from shoal.agents.router import Dial, Precedent, Router
from shoal.agents.router.bandit import Trial
from shoal.agents.router.dial import chosen, with_precedents
from shoal.agents.router.exploring import Explorer
from shoal.agents.router.head import SHIPPED, Head
from shoal.agents.router.learning import learn
from shoal.agents.router.library import current, undo
from shoal.agents.router.logs import read_trials
from shoal.agents.router.report import report_figures
from shoal.agents.router.risk import NEVER, achieved, threshold
from shoal.agents.router.tasks import read_tasks
from shoal.envs import make
from shoal.errors import UsageError
from shoal.types import Context, Cost, Outcome, Run, Status, Task, Value

PICTURE = Path(__file__).parents[2] / "agents" / "demo" / "assets" / "cat.jpg"
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SHOAL_HOME", str(tmp_path / "home"))
    return tmp_path


def test_the_evaluation_shares_nothing_with_the_training() -> None:
    """No near duplicate of a lesson by trigrams (Jaccard 0.8), in every tenth case."""
    command = [sys.executable, str(BENCHMARKS / "route_cases.py"), "--check", "10"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert min(found["test3"]["n"], found["test4"]["n"]) >= 100
    assert max(each["trigrams"] for each in found.values()) < 0.8
    texts = [
        {" ".join(case.text.lower().split()) for case in read_tasks(path)}
        for path in sorted((BENCHMARKS / "cases").glob("route_*.jsonl"))
    ]
    assert len(texts) == 7
    assert len(set.union(*texts)) == sum(map(len, texts))


def test_a_threshold_holds_the_risk_on_fresh_draws() -> None:
    draw, missed = np.random.default_rng(0), 0
    for _ in range(100):
        sure = draw.uniform(0.3, 1, 1000)
        right = draw.uniform(size=1000) < sure  # calibrated: the risk at t is known
        least = threshold(sure, right, 0.05)
        missed += (1 - (least + 1) / 2) > 0.05  # mean of uniform(least, 1)
    assert missed <= 10


def test_where_nothing_can_be_promised_it_always_abstains() -> None:
    assert threshold(np.full(20, 0.9), np.ones(20), 0.05) == NEVER  # too few to tell
    assert threshold(np.full(500, 0.9), np.zeros(500), 0.05) == NEVER
    assert achieved(np.full(9, 0.9), np.ones(9), NEVER).coverage == 0
    with pytest.raises(UsageError, match="between 0 and 1"):
        Router(max_risk=5)


def test_the_shipped_head_holds_its_bound_and_says_so() -> None:
    figures = report_figures(Head.load(SHIPPED), 0.05)
    assert figures["risk"] <= 0.05
    assert figures["coverage"] > 0.5
    assert SHIPPED.stat().st_size < 1_000_000
    strict, doubt = Router(max_risk=0.01), {"text.chat": 0.7, "ask.unclear": 0.3}
    assert strict.decide(Task("hm"), doubt).expert == "ask"


def test_a_dial_shifts_the_choice_among_experts_only() -> None:
    shares, costs = {"text": 0.6, "vision": 0.35, "ask": 0.05}, {"text": Cost(5.0, 400)}
    assert chosen(shares, Dial(), costs) == "text"
    assert chosen(shares, Dial(seconds=0.1), costs) == "vision"
    assert chosen(shares, Dial(tokens=0.001), costs) == "vision"
    assert chosen({"text": 0.2, "ask": 0.8}, Dial(seconds=1), costs) == "ask"


def test_who_solved_the_like_before_weighs_in() -> None:
    shares = {"text": 0.55, "policy": 0.45}
    assert with_precedents(shares, []) == pytest.approx(shares)
    liked = with_precedents(shares, [Precedent("policy", True, 0.95)])
    assert liked["policy"] > 0.55
    failed = with_precedents(shares, [Precedent("text", False, 0.95)])
    assert failed["policy"] > failed["text"]
    assert with_precedents(shares, [Precedent("vision", True, 0.9)]) == pytest.approx(shares)


def test_earlier_runs_weigh_in_where_they_count(home: Path) -> None:
    """Judged by a person: counts. A stranger's words, other things at hand, a mere claim: not."""
    with Agent() as agent:
        memory = agent.memory
        for text, trust in (("brew the potion", "user"), ("brew the elixir", "tool")):
            task = agent.task(text, provenance=trust)  # type: ignore[arg-type]
            keep(Run(task.id, task, Status.SOLVED, "", None, "text", 0.9, {}, (), Cost()), memory)
        asked = agent.task("brew a potion")
        assert precedents(memory, asked) == ()  # claims alone
        for record in stream(memory, approved_only=False):
            agent.feedback(record.id, ok=True)
        (found,) = precedents(memory, asked)
        assert (found.expert, found.solved, found.similarity > 0.8) == ("text", True, True)
        assert precedents(memory, agent.task("brew a potion", env="CartPole-v1")) == ()
        odds = [agent.house.router(asked, precedents=some) for some in ((), (found,))]
        assert odds[1].probabilities["text"] > odds[0].probabilities["text"]


def test_a_run_can_have_a_dial_of_its_own(home: Path) -> None:
    with Agent() as agent:
        told = {"dial": Dial(seconds=1.0), "interactive": False}
        run = agent.run("what is 3 * 14?", **told)  # type: ignore[arg-type]
        assert (run.expert, "42" in run.text) == ("text", True)
        assert list(agent.stream("what is 4 * 14?", **told))[-1].run is not None  # type: ignore[arg-type]


ODD = [
    f"{verb} the {what}" for verb in ("brew", "stir", "cool", "pour", "sieve")
    for what in ("potion", "elixir", "tincture", "brine", "syrup", "broth")
]  # fmt: skip


def test_it_learns_from_a_log_and_can_go_back(home: Path) -> None:
    """A log in which the policy solved what the shipped head would have asked about."""
    env = "CartPole-v1"
    log = [Trial(text, 0, env, "policy", 0.5, True, cost=Cost(2.0)) for text in ODD]
    log += [Trial(text, 0, env, "text", 0.5, False) for text in ODD]
    task, before = Task("brew the ointment", env=env), Router(Head.load(SHIPPED))
    learnt = learn(log)
    assert learnt.promoted, learnt.why
    after = Router()
    assert after(task).probabilities["policy"] > before(task).probabilities["policy"]
    assert after(Task("what is 3 * 14?")).expert == "text"  # nothing was forgotten
    assert after.costs["policy"].seconds == 2.0
    assert current().with_suffix(".md").exists()
    assert undo() == SHIPPED
    with pytest.raises(UsageError, match="nothing to undo"):
        undo()


def test_exploring_has_the_probabilities_that_it_says() -> None:
    """Weighted by 1 / propensity each expert stands for all draws: what estimates rest on."""
    explore, able = Explorer(0.3, seed=0), ("text", "vision", "policy")
    weight = dict.fromkeys(able, 0.0)
    for _ in range(6000):
        expert, propensity = explore("text", able)
        assert propensity == pytest.approx(0.8 if expert == "text" else 0.1)
        weight[expert] += 1 / propensity
    assert [weight[name] / 6000 for name in able] == pytest.approx([1, 1, 1], abs=0.15)
    assert explore("text", ["text", "ask"]) == ("text", 1.0)
    for share in (0, 1.5):
        with pytest.raises(UsageError, match="between 0 and 1"):
            Explorer(share)
    with pytest.raises(UsageError, match="while exploring"):
        Router(max_risk=0.05, explore=Explorer())


def test_explored_runs_become_a_log_that_the_routing_env_takes(home: Path) -> None:
    """What the likeliest expert had still solves the task, and the record says who was tried."""
    router = Router(explore=Explorer(1.0, seed=0))
    with Agent(router=router) as agent:
        runs = [agent.run("what is in this picture?", images=[PICTURE]) for _ in range(8)]
        assert not router.decide(Task("hm"), {"ask.unclear": 1.0}).propensity < 1
        for run in runs:
            agent.feedback(run.id, ok=run.expert == "vision")
        rows = [bandit(record) for record in stream(agent.memory, part="decision")]
    assert {row["action"] for row in rows} == {"text", "vision"}
    assert {row["propensity"] for row in rows} == {0.5}
    log = home / "log.jsonl"
    command = [sys.executable, "-m", "shoal.agents.cli", "export", "bandit", "--to", str(log)]
    subprocess.run(command, check=True, capture_output=True)
    env = make("shoal/Routing-v0", bank=str(log), split="train")
    env.reset(seed=0)
    assert "estimated" in env.step(0)[-1]
    env.close()


def test_what_would_be_worse_is_not_promoted(home: Path) -> None:
    draw = np.random.default_rng(0)
    log = [Trial(text, 0, None, "text", 1.0, bool(draw.integers(2))) for text in ODD]
    assert current() == SHIPPED
    learnt = learn(log)  # noise teaches nothing
    assert learnt.promoted == (current() != SHIPPED)
    assert learnt.figures["difference_lower_bound"] >= -0.02 or not learnt.promoted


def test_bad_logs_are_named(home: Path) -> None:
    contradictory = [Trial(ODD[0], 0, None, "text", 1.0, solved) for solved in (True, False) * 9]
    with pytest.raises(UsageError, match="too few"):
        learn(contradictory)
    broken = home / "broken.jsonl"
    broken.write_text('{"action": "text"}\n')
    with pytest.raises(UsageError, match="line 1 of"):
        read_trials(str(broken))
    broken.write_text('{"text": "hi", "expert": 3}\n')
    with pytest.raises(UsageError, match="line 1 of"):
        read_trials(str(broken))


class Larger:
    name = "larger"

    def affordance(self, task: Task, context: Context) -> float:
        return 1.0

    def attempt(self, task: Task, context: Context) -> Outcome:
        return Outcome(Status.UNSURE, Value("the larger one says", "model"), "by URL", 0.5)


def test_what_the_router_doubts_goes_to_the_larger_model_then_to_a_person(home: Path) -> None:
    task = "who wrote Hamlet?"
    with Agent(router=Router(threshold=1.0), experts=[Larger()]) as agent:
        run = agent.run(task, interactive=False)
        assert (run.expert, run.text) == ("larger", "the larger one says")
    with Agent(router=Router(threshold=1.0)) as agent:
        assert agent.run(task).waits


def test_the_benchmark_reads_anyones_tasks(tmp_path: Path) -> None:
    tasks = tmp_path / "tasks.jsonl"
    rows: list[dict[str, Any]] = [
        {"text": "what is 3 * 14?", "images": [], "env": None, "expert": "text"},
        {
            "text": "what does the sign say?",
            "images": ["sign.png"],
            "env": None,
            "expert": "vision",
        },
        {"text": "book a cruise", "images": False, "env": "", "expert": "ask"},
    ]
    tasks.write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = [sys.executable, str(BENCHMARKS / "route.py"), "--tasks", str(tasks), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout.splitlines()[-1])
    assert (made["benchmark"], made["n"]) == ("route", 3)
    assert made["figures"]["router"]["right_expert"] == 1.0
    tasks.write_text("{}\n")
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "line 1" in refused.stderr
