"""Reflexes: learnt from records, served first, recorded, watched and taken back."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from shoal.agents import Agent
from shoal.agents.cli.app import app
from shoal.agents.memory import MemoryStore
from shoal.agents.records import Feedback, find, give_feedback, stream
from shoal.agents.records.record import Record
from shoal.agents.reflexes import LearnSettings, Shelf, learn
from shoal.agents.reflexes.candidates import Made
from shoal.agents.reflexes.drift import FALSE_ALARM, Drift
from shoal.agents.reflexes.examples import example_of
from shoal.agents.reflexes.hearing import tell
from shoal.agents.reflexes.journal import put
from shoal.agents.reflexes.learning import shelf_of
from shoal.agents.reflexes.risk import lowest_threshold, worse_by
from shoal.agents.reflexes.templates import fill, template_of
from shoal.agents.tools import as_tool
from shoal.errors import RunError
from shoal.statistics import lower, upper
from shoal.types import Status
from tests.agents import reflex_records as desk

SETTINGS = LearnSettings(margin=0.1)


@pytest.fixture
def memory(home: Path) -> Iterator[MemoryStore]:
    store = MemoryStore()
    yield store
    store.close()


def _agent(memory: MemoryStore, side_effects: str = "none") -> Agent:
    tools = [desk.cancel_order, desk.track_order, desk.refund_order]
    return Agent(memory=memory, tools=[as_tool(t, side_effects=side_effects) for t in tools])  # type: ignore[arg-type]


def _served(agent: Agent, count: int, seed: int = 7) -> list[tuple[object, str, int]]:
    """Serves fresh requests that are no spot checks."""
    rows = desk.requests(count, seed)
    made = [(agent.reflexes.serve(agent.task(t, thread="desk")), n, o) for t, n, o in rows]
    return [row for row in made if row[0] is not None]


def test_bounds_are_exact() -> None:
    assert upper(0, 59, 0.05) == pytest.approx(1 - 0.05 ** (1 / 59), abs=1e-9)
    assert upper(3, 20, 0.05) == pytest.approx(0.3437, abs=1e-3)  # Clopper and Pearson's table
    assert lower(17, 20, 0.05) == pytest.approx(1 - 0.3437, abs=1e-3)
    assert upper(0, 0, 0.05) == 1
    assert worse_by(0, 0, 100, 0.05) < worse_by(2, 0, 100, 0.05)
    assert worse_by(2, 20, 100, 0.05) < 0


def test_a_threshold_keeps_its_risk() -> None:
    random, broken = np.random.default_rng(0), 0
    for _ in range(200):
        scores = random.random(300)
        right = random.random(300) < scores  # calibrated: right with that probability
        grid = list(np.linspace(0.99, 0.01, 25))
        least = lowest_threshold(grid, scores, right, np.ones(300, bool), 0.15, 0.1)
        if math.isfinite(least):
            broken += (1 - least) / 2 > 0.15  # the true risk above the threshold
    assert broken <= 0.1 * 200


def test_drift_is_heard_and_chance_is_not() -> None:
    drift, random = Drift(0.02), np.random.default_rng(0)
    for _ in range(5):
        drift = drift.told(True)
    assert drift.alarm
    alarms = 0
    for _ in range(20):
        drift = Drift(0.02)
        for wrong in random.random(500) < 0.02:
            drift = drift.told(bool(wrong))
            alarms += drift.alarm
    assert alarms <= 20 * 500 / FALSE_ALARM * 3


def test_arguments_are_copied_from_the_request_of_today() -> None:
    pairs = [(text, {"order": order, "how": "post"}) for text, _, order in desk.requests(20)]
    templates = template_of(pairs)
    assert fill(templates, {}, "cancel 8 boxes of order 4321") == {"order": 4321, "how": "post"}


def test_what_may_not_be_learnt_is_not(memory: MemoryStore) -> None:
    desk.record(memory, desk.requests(3), provenance="tool")
    strangers = list(stream(memory, approved_only=False))
    assert [example_of(record) for record in strangers] == [None] * 3
    desk.record(memory, desk.requests(3, 1), thread="b")
    (one, *_) = [r for r in stream(memory, part="decision") if r.run.task.thread == "b"]
    assert example_of(one) is not None
    quarrel = Record(one.run, one.at, (Feedback(True), Feedback(False, by="other")))
    assert example_of(quarrel) is None


def test_too_little_and_one_class_say_so(memory: MemoryStore) -> None:
    desk.record(memory, desk.requests(10))
    (few,) = learn(memory)
    assert not few.promoted
    assert few.reason == "10 usable records, 100 are needed"
    rows = [row for row in desk.requests(400) if row[1] == "track_order"]
    desk.record(memory, rows, thread="one")
    one = next(each for each in learn(memory) if each.kind.thread == "one")
    assert "only one class" in one.reason
    with _agent(memory) as agent:
        assert agent.reflexes.serve(agent.task(rows[0][0], thread="one")) is None


def test_it_serves_records_and_leaves_what_it_does_not_know(learnt: MemoryStore) -> None:
    with _agent(learnt) as agent:
        fast = _served(agent, 60)
        assert len(fast) >= 45
        right = [
            (run.steps[-1].name, dict(run.steps[-1].arguments)) == (tool, {"order": order})  # type: ignore[attr-defined]
            for run, tool, order in fast
        ]
        assert sum(right) >= len(fast) - 2
        run = fast[0][0]
        agent.reflexes.flush()
        kept = find(learnt, run.id)  # type: ignore[attr-defined]
        assert (kept.run.expert, kept.run.status) == ("reflex", Status.SOLVED)
        assert example_of(kept) is None  # it would confirm itself
        for odd in ("what is the capital of France?", "write a poem on trees", "play some jazz"):
            assert agent.reflexes.serve(agent.task(odd, thread="desk")) is None
        elsewhere = agent.task(desk.requests(1)[0][0], thread="another")
        assert agent.reflexes.serve(elsewhere) is None


def test_irreversible_tools_still_wait(learnt: MemoryStore) -> None:
    with _agent(learnt, "irreversible") as agent:
        assert _served(agent, 20) == []
        task = agent.task("please cancel order 4242", thread="desk")
        assert agent.reflexes.serve(task, approve=True) is not None


def test_complaints_demote_it_and_the_slow_path_serves(learnt: MemoryStore) -> None:
    (name,) = shelf_of(learnt).names()
    with _agent(learnt) as agent:
        for run, *_ in _served(agent, 40):
            agent.feedback(run, False)  # type: ignore[arg-type]
            if not agent.reflexes.shelf.current(name).serves:
                break
        told = agent.reflexes.shelf.current(name)
        assert told.status == "demoted"
        assert "drifted" in told.reason
        assert _served(agent, 20) == []
        (again,) = agent.learn(SETTINGS)  # what was right before may be wrong now
        assert not again.promoted


def test_undo_off_and_damage(learnt: MemoryStore) -> None:
    shelf = shelf_of(learnt)
    (name,) = shelf.names()
    desk.record(learnt, desk.requests(200, 3))
    (second,) = learn(learnt, SETTINGS)
    assert (second.promoted, second.version) == (True, 2)
    assert shelf.undo(name).version == 1
    with _agent(learnt) as agent:
        assert _served(agent, 20)
        shelf.switch(name, "off", "a test")
        assert _served(agent, 20) == []
        shelf.switch(name, "on", "a test")
        assert _served(agent, 20)
    head = shelf.folder(name, 1) / "quick.safetensors"
    head.write_bytes(head.read_bytes()[:-9])
    with _agent(learnt) as agent:
        assert _served(agent, 20) == []
        assert "sha256" in agent.reflexes.broken[name]


def test_what_was_learnt_from_a_forgotten_run_is_gone(learnt: MemoryStore) -> None:
    shelf = shelf_of(learnt)
    (name,) = shelf.names()
    (first, *_) = stream(learnt, part="decision")
    desk.record(learnt, desk.requests(200, 3))
    *_, last = stream(learnt, part="decision")
    assert learn(learnt, SETTINGS)[0].version == 2
    with _agent(learnt) as agent:
        assert _served(agent, 20)
        told = CliRunner().invoke(app, ["records", "reject", last.id]).stdout
        assert f"shoal reflexes off {name}" in told
        told = CliRunner().invoke(app, ["memory", "forget", f"run-{last.id}"]).stdout
        assert (
            f"gone as well: {name} version 2. The slow path answers until you type: shoal learn"
            in told
        )
        assert _served(agent, 20) == []
        assert (shelf.current(name).version, shelf.versions(name)) == (0, [1])
        assert shelf.undo(name).version == 1  # it had not learnt from that run
        assert _served(agent, 20)
    told = CliRunner().invoke(app, ["memory", "forget", f"run-{first.id}", "--json"]).stdout
    assert json.loads(told)["unlearnt"] == [f"{name} version 1"]
    assert learn(learnt, SETTINGS)[0].version == 3
    learnt.forget_thread("desk")
    tell(shelf, name, 3, lambda current: current, "an answer that was under way")
    assert shelf.names() == []
    assert name not in [path.name for path in shelf.root.iterdir()]


def test_a_run_that_is_forgotten_while_it_is_learnt_from_leaves_no_reflex(
    learnt: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf_of(learnt).undo(shelf_of(learnt).names()[0])
    promote = Made.promote

    def late(made: Made, shelf: Shelf, figures: Mapping[str, object]) -> int:
        learnt.forget(f"run-{made.evidence['own'][0]}")
        return promote(made, shelf, figures)

    monkeypatch.setattr(Made, "promote", late)
    (one,) = learn(learnt, SETTINGS)
    assert (one.promoted, one.version) == (False, 0)
    assert shelf_of(learnt).versions(one.name) == []


def test_a_forgetting_that_is_killed_takes_the_reflex_with_it_later(learnt: MemoryStore) -> None:
    (name,) = shelf_of(learnt).names()
    first = next(stream(learnt, part="decision")).id
    rows = [(f"shoal.{learnt.user}.run", f"run-{first}")]
    learnt.delete_all(rows, [f"run:{first}"])  # as forgetting does, and no further
    assert shelf_of(learnt).current(name).serves
    MemoryStore(learnt.path).close()
    assert not shelf_of(learnt).current(name).serves


def test_the_command_line_shows_and_takes_back(learnt: MemoryStore) -> None:
    (name,) = shelf_of(learnt).names()
    typed = CliRunner()
    (fact,) = json.loads(typed.invoke(app, ["reflexes", "list", "--json"]).stdout)
    assert (fact["name"], fact["status"], fact["version"]) == (name, "on", 1)
    card = typed.invoke(app, ["reflexes", "show", name]).stdout
    assert "95 % interval" in card
    assert "Angelopoulos" in card
    (stays,) = json.loads(typed.invoke(app, ["learn", "--json"]).stdout)
    assert (stays["promoted"], stays["version"]) == (False, 1)
    assert "off" in typed.invoke(app, ["reflexes", "undo", name]).stdout


def test_complaints_by_command_demote_it_and_silence_speaks_for_it(learnt: MemoryStore) -> None:
    (name,) = shelf_of(learnt).names()
    with _agent(learnt) as agent:
        runs = [str(getattr(run, "id", "")) for run, _, _ in _served(agent, 60)]
    say = CliRunner()
    for _ in range(20):  # the same word twice is one word
        assert say.invoke(app, ["feedback", runs[0], "--wrong"]).exit_code == 0
    heard = shelf_of(learnt).current(name)
    assert (heard.status, heard.by_word.wrong) == ("on", 1)
    assert heard.by_word.words == len(runs)
    for run in runs[1:30]:
        say.invoke(app, ["feedback", run, "--wrong"])
    assert shelf_of(learnt).current(name).status == "demoted"


def test_a_reflex_with_damaged_files_stops_nobody(learnt: MemoryStore) -> None:
    shelf, say = shelf_of(learnt), CliRunner()
    (name,) = shelf.names()
    head = shelf.folder(name, 1) / "quick.safetensors"
    head.write_bytes(head.read_bytes()[:-9])
    (fact,) = json.loads(say.invoke(app, ["reflexes", "list", "--json"]).stdout)
    assert fact["status"] == "damaged"
    current = shelf.root / name / "current.json"
    current.write_text('{"version":')
    assert say.invoke(app, ["reflexes", "off", name]).exit_code == 0  # what the error said to type
    assert shelf.current(name).status == "off"
    current.write_text('{"version":')
    (again,) = learn(learnt, SETTINGS)
    assert (again.promoted, again.version) == (True, 2)
    (shelf.folder(name, 2) / "reflex.json").unlink()
    (third,) = learn(learnt, SETTINGS)
    assert (third.promoted, third.version) == (True, 3)
    assert shelf.undo(name).version == 1  # past the one that can't be read


def test_records_without_their_pictures_stop_nobody_from_learning(learnt: MemoryStore) -> None:
    image = {"sha256": "0" * 64, "media_type": "image/png", "width": 1, "height": 1}
    desk.record(learnt, desk.requests(200, 3))
    for place in range(40):
        task = {"text": "which place?", "images": [image], "thread": "photos", "id": f"p{place}"}
        answer = {"text": "beach", "provenance": "user"}
        run = {"id": f"p{place}", "task": task, "status": "solved", "reason": "", "steps": [],
               "expert": "vision", "answer": answer, "confidence": 1.0, "route": {},
               "cost": {}}  # fmt: skip
        learnt.remember("run", "which place?", data=run, provenance="memory", key=f"run-p{place}")
    made = {one.kind.form: one for one in learn(learnt, LearnSettings(min_examples=20, margin=0.1))}
    assert (made["sort"].n, made["sort"].promoted) == (0, False)
    assert made["call"].promoted


def test_a_second_learner_is_refused(learnt: MemoryStore) -> None:
    with shelf_of(learnt).learning(), pytest.raises(RunError, match="another shoal learn"):
        learn(learnt)


_KILLED = """
import os, sys
from shoal.agents.memory import MemoryStore
from shoal.agents.reflexes import LearnSettings, learn, shelf
from shoal.agents.reflexes.shelf import Shelf

def die(*given, **more):
    os.kill(os.getpid(), 9)

if sys.argv[1] == "fit":
    from shoal.agents.reflexes import heads
    heads.fit = die
elif sys.argv[1] == "files":
    shelf.write_atomic = die
elif sys.argv[1] == "switch":
    Shelf._write = die
else:
    shelf.note = die
learn(MemoryStore(), LearnSettings(margin=0.1))
"""


def test_a_learner_killed_before_it_told_of_a_promotion_is_told_of_later(
    learnt: MemoryStore,
) -> None:
    shelf = shelf_of(learnt)
    (name,) = shelf.names()
    desk.record(learnt, desk.requests(120, 3))
    before = shelf.stamp()
    done = subprocess.run([sys.executable, "-c", _KILLED, "told"], check=False)
    assert done.returncode == -signal.SIGKILL
    assert (shelf.current(name).version, shelf.stamp()) == (2, before)
    with shelf.learning():  # agents at work would not have looked
        assert shelf.stamp() != before
    with _agent(learnt) as agent:
        assert _served(agent, 20)


@pytest.mark.parametrize("moment", ["fit", "files", "switch"])
def test_a_killed_learner_leaves_the_old_reflex_serving(learnt: MemoryStore, moment: str) -> None:
    shelf = shelf_of(learnt)
    (name,) = shelf.names()
    desk.record(learnt, desk.requests(120, 3))
    done = subprocess.run([sys.executable, "-c", _KILLED, moment], check=False)
    assert done.returncode == -signal.SIGKILL
    assert (shelf.current(name).version, shelf.current(name).serves) == (1, True)
    with _agent(learnt) as agent:
        assert _served(agent, 20)
    (again,) = learn(learnt, SETTINGS)
    assert again.promoted
    assert not list(shelf.root.glob("*/.making-*"))


def test_a_killed_process_loses_no_record(learnt: MemoryStore) -> None:
    code = (
        "import os, sys\nsys.path.insert(0, sys.argv[1])\nimport reflex_records as desk\n"
        "from shoal.agents import Agent\nfrom shoal.agents.tools import as_tool\n"
        "tools = [as_tool(t, side_effects='none') for t in (desk.track_order, desk.cancel_order)]\n"
        "agent = Agent(tools=tools)\nruns = []\n"
        "for order in range(3000, 3040):\n"
        "    task = agent.task(f'where is my parcel {order}?', thread='desk')\n"
        "    runs.append(agent.reflexes.serve(task))\n"
        "print(sum(run is not None for run in runs), flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parent)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    told = CliRunner().invoke(app, ["records", "list", "--json"])  # commands take them in, too
    assert json.loads(told.stdout)[0]["expert"] == "reflex"
    with _agent(learnt) as agent:
        assert agent.reflexes
        fast = [r for r in stream(learnt, approved_only=False) if r.run.expert == "reflex"]
    assert len(fast) == int(done.stdout) > 20
    written = learnt.get(("shoal", "local", "run"), f"run-{fast[0].id}")
    assert written is not None
    give_feedback(learnt, fast[0].id, ok=False)
    # As after a kill between writing records and emptying the journal: they are written again.
    put(learnt, [{"user": "local", "key": written.key, "value": written.value}])
    assert find(learnt, fast[0].id).verdict is False
