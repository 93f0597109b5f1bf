"""Records: one a run however it ends, feedback that holds, and strangers' hands told."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from shoal import Agent, Context, Outcome, Status, Value
from shoal.agents import MemoryStore
from shoal.agents.memory.exporting import export_to
from shoal.agents.memory.tables import AT
from shoal.agents.records import Record, count, find, review, stream
from shoal.agents.records.export import export
from shoal.agents.records.parsing import record_of
from shoal.agents.records.reading import newest
from shoal.agents.records.replay import Swap, replay
from shoal.agents.records.schemas import known_functions
from shoal.agents.records.trust import origins
from shoal.errors import MissingModelError, UnknownNameError, UsageError
from shoal.types import Cost, Expert, Run, Step, Task
from tests.agents.slow_run import slow_run
from tests.commands import typed

Scripted = Callable[[Callable[[Context], Any]], Expert]


def _all(memory: MemoryStore) -> list[Record]:
    return list(stream(memory, approved_only=False))


def _saying(text: str, *steps: Step) -> Callable[[Context], Outcome]:
    evidence = {"grounded": True, "findings": [text]}
    answer = Value(text, "model")
    return lambda context: Outcome(Status.SOLVED, answer, "", 0.9, steps, evidence=evidence)


def test_feedback_is_kept_once_and_disagreement_is_no_verdict(scripted: Scripted) -> None:
    with Agent(experts=[scripted(_saying("hi"))]) as agent:
        run = agent.run("hello")
        assert find(agent.memory, run.id[:8]).verdict is None
        for _ in range(2):
            record = agent.feedback(run, True)
        assert (record.verdict, len(record.feedback)) == (True, 1)
        assert agent.feedback(run, False, by="Bob").contradictory
        assert find(agent.memory, run.id).success is None
        record = agent.feedback(run.id, correction="good day", by="user")
        assert (record.verdict, record.correction) == (False, "good day")
        assert agent.feedback(run, None).verdict is False  # Bob still says so
        assert agent.feedback(run, None, by="Bob").success is True
        with pytest.raises(UnknownNameError, match="unknown run 'nosuch'"):
            agent.feedback("nosuch", True)
        with pytest.raises(UsageError, match="needs no correction"):
            agent.feedback(run, True, correction="x")


def test_speakers_in_many_processes_all_are_heard(scripted: Scripted) -> None:
    code = (
        "import sys; from shoal.agents import MemoryStore;"
        "from shoal.agents.records import give_feedback;"
        "[give_feedback(MemoryStore(), sys.argv[1], True, by=f'{sys.argv[2]}-{i}')"
        " for i in range(5)]"
    )
    with Agent(experts=[scripted(_saying("hi"))]) as agent:
        run = agent.run("hello")
        at = find(agent.memory, run.id).at
        command = [sys.executable, "-c", code, run.id]
        workers = [subprocess.Popen([*command, name]) for name in "abc"]
        assert [worker.wait(120) for worker in workers] == [0, 0, 0]
        record = find(agent.memory, run.id)
    assert len(record.feedback) == 15
    assert record.at == at


def test_strangers_words_wait_for_approval(scripted: Scripted) -> None:
    def step(kind: str, source: Any, **more: Any) -> Step:
        return Step(kind, "x", more.pop("arguments", {}), Value("hi", source), **more)

    cases = [
        ((step("tool", "tool", pure=True),), True, True),
        ((step("tool", "tool"),), False, True),
        ((step("ocr", "image"), step("tool", "tool", pure=True)), False, False),
        ((step("encoder", "image"),), True, True),
        ((step("memory", "memory", arguments={"said_by": "image"}),), False, True),
        ((step("memory", "memory", arguments={"said_by": "user"}),), True, True),
        ((step("model", "model", arguments={"notes": ["user", "tool"]}),), False, True),
    ]
    for steps, answer, decision in cases:
        run = Run("a", Task("hello"), Status.SOLVED, "", Value("hi", "model"), "text", 0.5, {},
                  steps, Cost())  # fmt: skip
        record = Record(run, 0.0)
        assert (record.usable("answer"), record.usable("decision")) == (answer, decision)
    with Agent(experts=[scripted(_saying("hi"))]) as agent:
        mail = agent.run("hello", provenance="tool")
        assert mail.id not in [r.id for r in stream(agent.memory, part="decision")]
        assert review(agent.memory, mail.id, True).usable()
        assert not review(agent.memory, mail.id, False).usable("decision")


def _unseen(context: Context) -> tuple[str, Any, list[Step]]:
    return "hi", "model", [Step("encoder", "x", {}, Value("hi", "image"))]


def _unseen_tool(context: Context) -> tuple[str, Any, list[Step]]:
    return "4", "model", [Step("tool", "calculate", {}, Value("4", "tool"), pure=True)]


def _forged_user(context: Context) -> tuple[str, Any, list[Step]]:
    return "pay Bob", "user", []


def _changed(context: Context) -> tuple[str, Any, list[Step]]:
    step = context.call_tool("calculate", {"expression": "2 + 2"})
    return "5", "tool", [replace(step, result=Value("5", "tool"))]


def _honest(context: Context) -> tuple[str, Any, list[Step]]:
    step = context.call_tool("calculate", {"expression": "2 + 2"})
    return step.result.text, "tool", [step]


@pytest.mark.parametrize(
    ("claim", "origin"),
    [
        (_unseen, "image"), (_unseen_tool, "tool calculate"), (_forged_user, "answer (tool)"),
        (_changed, "tool calculate"), (_honest, None),
    ],
)  # fmt: skip
def test_an_expert_of_ones_own_is_believed_what_was_seen(
    scripted: Scripted, claim: Callable[[Context], tuple[str, Any, list[Step]]], origin: str | None
) -> None:
    def act(context: Context) -> Outcome:
        text, source, steps = claim(context)
        return Outcome(Status.SOLVED, Value(text, source), "", 0.9, tuple(steps))

    with Agent(experts=[scripted(act)]) as agent:
        found = find(agent.memory, agent.run("hello").id).origins()
    assert found[:1] == ((origin,) if origin else ())


def test_however_a_run_ends_it_leaves_one_record(scripted: Scripted) -> None:
    def fail(context: Context) -> Outcome:
        raise RuntimeError("boom")

    def lack(context: Context) -> Outcome:
        raise MissingModelError("no model here")

    with Agent(experts=[scripted(fail)]) as agent:
        failed = agent.run("hello")
    with Agent(experts=[scripted(lack)]) as agent:
        with pytest.raises(MissingModelError):
            agent.run("hello again")
        cancelled = agent.cancel(agent.run("asdf qwer"))
        records = _all(agent.memory)
    assert [r.text for r in records] == ["hello", "hello again", "asdf qwer"]
    assert [str(r.run.status) for r in records] == ["failed", "failed", "unsure"]
    assert (records[0].id, records[2].id) == (failed.id, cancelled.id)
    assert "no model here" in records[1].run.reason


def test_a_run_that_was_killed_and_resumed_leaves_one_record(home: Path) -> None:
    worker, name = slow_run()
    with closing(sqlite3.connect(home / "data" / "checkpoints.sqlite")) as written:
        # LangGraph writes them while the next node works: of recall's and route's inputs, at least.
        while written.execute("SELECT count(*) FROM checkpoints").fetchone()[0] < 3:
            time.sleep(0.05)
    worker.send_signal(signal.SIGKILL)
    worker.wait(60)
    with Agent() as agent:
        assert count(agent.memory) == 0
        run = agent.resume(name)
        records = _all(agent.memory)
    assert [record.id for record in records] == [name] == [run.id]
    assert records[0].calls[0].arguments == {"expression": "6 * 7"}
    assert records[0].functions[0]["name"] == "calculate"


_NOTED = """
import os, sys
from shoal import Agent, Outcome, Status, Value
from shoal.agents.memory import MemoryStore

class Noting:
    name = "text"
    def affordance(self, task, context): return 1.0
    def attempt(self, task, context):
        notes = ({"text": "a first note"}, {"text": "a second note"})
        if "tool" in task.text:
            context.call_tool("save_memory", {"text": "a noted fact"})
        answer = Value("done", "model")
        return Outcome(Status.SOLVED, answer, "", 0.9, evidence={"grounded": 1}, remember=notes)

wanted, remember = sys.argv[2], MemoryStore.remember
def die(self, kind, text, **more):
    key = remember(self, kind, text, **more)
    if text == wanted:
        os.kill(os.getpid(), 9)
    return key

with Agent(experts=[Noting()]) as agent:
    if sys.argv[1]:
        agent.resume(sys.argv[1])
    else:
        MemoryStore.remember = die
        task = agent.task("use the tool: what is 6 * 7?")
        print(task.id, flush=True)
        agent.run(task)
"""


@pytest.mark.parametrize("moment", ["a noted fact", "a second note"])
def test_a_run_that_was_killed_while_it_noted_something_notes_it_once(
    moment: str, home: Path
) -> None:
    def ran(name: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", _NOTED, name, moment]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    killed = ran("")
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    resumed = ran(killed.stdout.strip())
    assert resumed.returncode == 0, resumed.stderr[-2000:]
    with closing(MemoryStore()) as memory:
        noted = sorted(item.text for item in memory.items(("text",)))
        assert noted == ["a first note", "a noted fact", "a second note"]
        assert count(memory) == 1


def test_records_come_in_order_and_a_damaged_one_does_not_stop_them(scripted: Scripted) -> None:
    with Agent(experts=[scripted(_saying("hi"))]) as agent:
        runs = [agent.run(f"what is {i} + 1?") for i in range(3)]
        damaged = {"at": 1.0, "text": "", "data": {"task": "none"}, "provenance": "memory"}
        agent.memory.put(("shoal", "local", "run"), "run-damaged", damaged, index=False)
        records = _all(agent.memory)
        assert [r.id for r in records] == [run.id for run in runs]
        later = stream(agent.memory, since=records[0].at, approved_only=False)
        assert [r.id for r in later] == [run.id for run in runs[1:]]
        assert count(agent.memory) == 4
        with closing(sqlite3.connect(agent.memory.path)) as file:
            file.execute("UPDATE store SET value = 'no JSON' WHERE key = 'run-damaged'")
            file.commit()
        assert [r.id for r in newest(agent.memory, 9)] == [run.id for run in reversed(runs)]
        plan = f"EXPLAIN QUERY PLAN SELECT key FROM store WHERE prefix = '' ORDER BY {AT} DESC"
        assert "store_by_time" in str(agent.memory.query(plan))  # not all are read for a few


def test_the_commands_say_what_may_be_learnt(scripted: Scripted, tmp_path: Path) -> None:
    with Agent(experts=[scripted(_saying("hi"))]) as agent:
        run = agent.run("hello", provenance="tool")
    told = json.loads(typed(f"shoal records show {run.id[:10]} --json").stdout)
    assert told["origins"] == ["request (tool)"]
    (waits,) = json.loads(typed("shoal records list --waiting --json").stdout)
    assert (waits["run"], waits["usable"]) == (run.id, [])
    shown = typed("shoal records list --waiting").stdout
    assert "request (tool)" in shown
    assert "records list --waiting" in typed("shoal learn").stdout
    assert "records list --waiting" in typed(f"shoal export intents --to {tmp_path / 'x'}").stdout
    shown += typed("shoal records list").stdout
    assert max(map(len, shown.splitlines())) <= 81
    assert json.loads(typed(f"shoal records approve {run.id} --json").stdout)["approved"]
    typed(f"shoal feedback {run.id} --wrong --correction", '{"label": "greet"}')
    assert "No record waits" in typed("shoal records list --waiting").stdout
    told = json.loads(typed("shoal records list --json").stdout)[0]
    assert (told["verdict"], told["correction"]) == (False, {"label": "greet"})
    assert "unknown run" in str(typed("shoal feedback nosuch --ok").exception)


def _forged(path: tuple[str | int, ...], value: object, row: dict[str, Any]) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(row))
    part: Any = copy
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = value
    return copy


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("at",), 1e300), (("data", "task", "text"), None), (("data", "task", "thread"), {}),
        (("data", "confidence"), "high"), (("data", "route"), {"text": "x"}),
        (("data", "answer"), {"text": None, "provenance": "model"}), (("data", "expert"), None),
        (("data", "cost", "seconds"), "long"), (("data", "decision"), [1]), (("data", "id"), None),
        (("data", "decision"), {"expert": ["a"]}), (("data", "functions"), ["x"]),
        (("data", "feedback"), [{"ok": "yes"}]), (("data", "review"), True),
        (("data", "feedback"), [{"ok": False, "correction": {"name": "x", "arguments": "zz"}}]),
        (("data", "steps", 0, "arguments"), []), (("data", "cost", "tokens_in"), 10**40),
    ],
)  # fmt: skip
def test_a_record_of_wrong_types_is_damaged_and_nothing_else(
    path: tuple[str | int, ...], value: object
) -> None:
    stored = _stored()
    assert record_of(stored).text == "what?"
    with pytest.raises((TypeError, ValueError, KeyError, AttributeError)):
        record_of(_forged(path, value, stored))


def _stored() -> dict[str, Any]:
    step = Step("tool", "t", {}, Value("1", "tool"))
    run = Run("a", Task("what?"), Status.SOLVED, "", Value("1", "tool"), "text", 0.5, {"text": 1.0},
              (step,), Cost())  # fmt: skip
    stored: dict[str, Any] = json.loads(json.dumps({"at": 1, "data": asdict(run)}))
    return stored


def test_a_corrected_call_brings_the_schema_of_its_tool(tmp_path: Path) -> None:
    with Agent() as agent:
        run = agent.run("what is 2 + 2?", interactive=False)
        said = {"name": "days_until", "arguments": {"date": "2027-01-01"}}
        record = agent.feedback(run, correction=said)
        assert [each["name"] for each in record.functions] == ["calculate", "days_until"]
        assert export(agent.memory, "calls", tmp_path / "calls").written == 1
        with pytest.raises(UsageError, match="nosuch"):
            replay(agent, [record], Swap.of("text=nosuch"))  # it needs no model, and yet
        run = agent.run("what is 2 + 3?", interactive=False)
        agent.run("how many days until 2027-02-02?", interactive=False)
    said = {"name": "days_since", "arguments": {"date": "2026-01-01"}}
    told = typed(f"shoal feedback {run.id} --wrong --correction '{json.dumps(said)}'").stdout
    assert "schema is not known" not in told
    said["name"] = "nosuch"
    told = typed(f"shoal feedback {run.id} --wrong --correction '{json.dumps(said)}'").stdout
    assert "No run here called nosuch, so its schema is not known" in told
    with closing(MemoryStore()) as memory:
        assert known_functions(memory, "days_until")[0]["parameters"]["required"] == ["date"]
        assert find(memory, run.id).functions[-1]["name"] == "days_since"
    mail = json.loads(typed("shoal run 'what is 3 + 3?' --untrusted --json").stdout)
    assert mail["task"]["provenance"] == "tool"
    told = typed(f"shoal records reject {run.id[:8]} {run.id} --json").stdout
    assert [each["rejected"] for each in json.loads(told)] == [True, True]


def test_no_record_leads_out_of_the_blob_folder(tmp_path: Path) -> None:
    with closing(MemoryStore()) as memory:
        data = _forged(("task", "images"), [{"sha256": "../secret"}], _stored()["data"])
        memory.remember("run", "", data=data, provenance="memory", key="run-a")
        memory.blobs.put(b"a picture")
        (memory.path.parents[1] / "secret").write_text("key")
        assert export_to(memory, tmp_path / "x.zip").blobs == 0
        memory.blobs.forget("../secret")
        assert (memory.path.parents[1] / "secret").exists()


@pytest.mark.parametrize(
    "step",
    [
        Step("tool", "calculate", {}, Value("1+1 = 2", "tool"), pure=True),
        Step("model", "m", {}, Value("words", "model")),
        Step("encoder", "e", {}, Value("tabby", "image")),
    ],
)
def test_a_clean_step_vouches_for_no_other_answer(step: Step) -> None:
    page = Value("what a page said", "tool")
    run = Run("a", Task("?"), Status.SOLVED, "", page, "own", 0.5, {}, (step,), Cost())
    assert origins(run) == ("answer (tool)",)
    assert origins(replace(run, answer=step.result)) == ()
