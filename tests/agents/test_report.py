"""`shoal report`: records in, one page and its figures out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from shoal.agents import Agent
from shoal.agents.memory import MemoryStore
from shoal.agents.records import stream
from shoal.agents.reflexes.learning import shelf_of
from shoal.agents.report import Window, gather, report
from shoal.agents.report.axes import marks
from shoal.agents.report.charts import CHARTS
from shoal.agents.report.missing import missing
from shoal.agents.report.summing import summed
from shoal.agents.report.words import duration, size, times
from shoal.agents.tools import as_tool
from shoal.errors import StorageError, UsageError
from shoal.modalities.training.plots import figure_of
from tests.agents import reflex_records as desk
from tests.commands import typed

pytest.importorskip("matplotlib", reason="the extra 'train' is not installed")

EVIL = "<script>alert(1)</script>"
VOID = ("meta", "img", "source")


class _Page(HTMLParser):
    """Reads a page: its elements, its pictures and its text; every element has to be closed."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def pictures(self) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.seen if tag == "img"]


@pytest.fixture
def memory(home: Path) -> Iterator[MemoryStore]:
    store = MemoryStore()
    yield store
    store.close()


def test_an_empty_memory_says_what_to_type(memory: MemoryStore, tmp_path: Path) -> None:
    page = _Page(report(memory, tmp_path / "out"))
    assert "Type: shoal run" in page.text
    assert "type: shoal learn" in page.text
    assert len(page.pictures) == len(CHARTS)
    for name in CHARTS:
        assert (tmp_path / "out" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    told = summed(gather(memory))
    assert told["calibration"]["router_held_out"]["n"] > 1_000
    assert {"came_in", "latency", "answers", "drift"} <= set(missing(told))


def test_strangers_words_stay_words(memory: MemoryStore, tmp_path: Path) -> None:
    with Agent(memory=memory) as agent:
        run = agent.run(f"{EVIL} what did you see earlier?", thread=EVIL + "$x_", interactive=False)
        agent.feedback(run, True)
        agent.feedback(run, False, by=EVIL)
    path = report(memory, tmp_path)
    page = _Page(path)
    assert EVIL in page.text
    assert "script" not in {tag for tag, _ in page.seen}
    assert EVIL not in path.read_text(encoding="utf-8")
    addresses = [v for _, a in page.seen for k, v in a.items() if k in ("src", "srcset", "href")]
    assert all(str(v).startswith(("data:image/png;base64,", "#")) for v in addresses)
    assert "text: 1" in str(page.pictures[0]["alt"])
    assert "contradictory: 1" in str(page.pictures[5]["alt"])
    told = summed(gather(memory))
    assert told["runs"] == 1
    assert told["feedback"]["contradictory"] == 1
    assert told["feedback"]["disagreed_on"][0]["run"] == run.id
    assert "feedback" not in missing(told)
    assert "answers" in missing(told)  # they disagree, so nobody has judged it


def test_reflexes_their_speed_and_their_end_are_told(learnt: MemoryStore, tmp_path: Path) -> None:
    tools = [desk.cancel_order, desk.track_order, desk.refund_order]
    given = [as_tool(tool, side_effects="none") for tool in tools]
    (name,) = shelf_of(learnt).names()
    with Agent(memory=learnt, tools=given) as agent:
        for text, _, _ in desk.requests(40, 7):
            agent.reflexes.serve(agent.task(text, thread="desk"))
        agent.reflexes.flush()
        served = list(stream(learnt, experts=["reflex"], approved_only=False))
        before = summed(gather(learnt))
        for record in served[:12]:
            agent.feedback(record.run, False)
        agent.reflexes.shelf.undo(name)
    assert len(served) > 20
    assert before["latency"]["fast"]["runs"] == len(served)
    assert before["latency"]["by_reflex"][name]["slow"]["runs"] == 240
    assert before["drift"][0]["status"] == "on"
    page, told = _Page(report(learnt, tmp_path)), summed(gather(learnt))
    happened = [(event["what"], event["version"]) for event in told["drift"][0]["events"]]
    assert happened == [("promoted", 1), ("demoted", 1), ("undone", 0)]
    assert told["drift"][0]["said_wrong"] == 12
    assert name in page.text
    assert "it drifted" in page.text


def test_what_happened_at_once_is_told_once(learnt: MemoryStore) -> None:
    shelf = shelf_of(learnt)
    (name,) = shelf.names()
    for status in ("off", "on", "off"):
        shelf.switch(name, status, "a test")
    told, figure = gather(learnt), figure_of(9, 3)
    marks(figure.subplots(), told, told.reflexes[0].events, 0.0)
    assert [text.get_text() for text in figure.axes[0].texts] == ["  turned off v1 and 3 more"]


def test_windows(learnt: MemoryStore, tmp_path: Path) -> None:
    last = gather(learnt, Window(last=100))
    assert len(last.columns) == 100
    assert last.left_out == 140
    assert len(gather(learnt, Window(last=1_000)).columns) == 240
    later = summed(gather(learnt, Window(since=last.columns["at"][-1] + 1)))
    assert later["runs"] == 0
    assert "window" in missing(later)["latency"]
    _Page(report(learnt, tmp_path, Window(last=1)))
    for wrong in ({"last": -1}, {"max_risk": 5.0}):
        with pytest.raises(UsageError):
            Window(**wrong)


def test_damage_is_named_and_hides_nothing(learnt: MemoryStore, tmp_path: Path) -> None:
    (name,) = shelf_of(learnt).names()
    (shelf_of(learnt).root / name / "current.json").write_text("{", encoding="utf-8")
    key = f"run-{next(stream(learnt, approved_only=False)).id}"
    learnt.put(("shoal", "local", "run"), key, {"at": 1.0, "data": {}}, index=False)
    said = typed(f"shoal report --to {tmp_path}").output
    assert "239 runs" in said
    assert "Written:" in said
    page, told = _Page(tmp_path / "report.html"), summed(gather(learnt))
    assert told["damaged"] == 1
    assert told["runs"] == 239
    assert "1 records can't be read" in page.text
    assert "damaged" in page.text
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(StorageError):
        report(learnt, tmp_path / "file")
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


def test_the_command(learnt: MemoryStore, tmp_path: Path) -> None:
    done = typed(f"shoal report --to {tmp_path} --last 50 --json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["runs"] == 50
    assert Path(told["page"]).is_file()
    both = typed(f"shoal report --to {tmp_path} --last 5 --since 2026-01-01")
    assert isinstance(both.exception, UsageError)


def test_numbers_in_words() -> None:
    assert [duration(s) for s in (None, 3e-5, 0.0123, 2.5, 600.0)] == [
        "–", "30 µs", "12.3 ms", "2.5 s", "10 min",
    ]  # fmt: skip
    assert [size(n) for n in (12, 12_000, 3_400_000)] == ["12 bytes", "12 KB", "3.4 MB"]
    assert [times(n) for n in (None, 1.26, 1234.0)] == ["–", "1.3×", "1,234×"]
