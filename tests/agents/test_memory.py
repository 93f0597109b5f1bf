"""The memory: recall by meaning, real processes on one file, old, new and broken files."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shoal.agents.memory import MemoryStore
from shoal.agents.memory.sqlite import FORMAT, driver
from shoal.errors import StorageError, UnknownNameError, UsageError


@pytest.fixture
def memory() -> Iterator[MemoryStore]:
    store = MemoryStore()
    yield store
    store.close()


def test_recall_is_by_meaning_and_keeps_provenance(memory: MemoryStore) -> None:
    memory.remember("text", "my bike is blue", data={"kind": "text"}, provenance="user")
    memory.remember("image", "photo of a cat", data={"kind": "image"}, provenance="image")
    memory.remember("episode", "went to the red ball", data={"steps": 7}, provenance="tool")
    assert memory.recall("my bike is blue")[0].score == pytest.approx(1.0, abs=1e-3)
    best = memory.recall("which colour has my bicycle?")[0]
    assert (best.text, best.provenance) == ("my bike is blue", "user")
    assert memory.recall("kitten", limit=1)[0].namespace[-1] == "image"
    assert memory.recall("kitten", kind="episode")[0].data["steps"] == 7
    with pytest.raises(UnknownNameError, match="did you mean 'episode'"):
        memory.recall("x", kind="episodes")


def test_it_survives_a_restart(memory: MemoryStore) -> None:
    memory.remember("text", "the printer is on floor 2", data={}, provenance="user")
    memory.close()
    again = MemoryStore()
    assert again.recall("printer")[0].text == "the printer is on floor 2"
    again.close()


def test_the_same_key_replaces_and_users_are_apart(memory: MemoryStore) -> None:
    for text in ("old", "new"):
        memory.remember("text", text, data={}, provenance="user", key="k")
    assert [item.text for item in memory.recent()] == ["new"]
    other = MemoryStore(user="anna")
    assert other.recent() == ()
    other.close()
    with pytest.raises(UsageError, match="user's name"):
        MemoryStore(user="a.b")


def test_forgetting_removes_text_vector_and_file(memory: MemoryStore) -> None:
    sha256 = memory.blobs.put(b"pixels")
    memory.remember("image", "a secret", data={"sha256": sha256}, provenance="image", key=sha256)
    memory.forget(sha256[:8])
    with driver().connect(memory.path) as raw:
        assert raw.execute("SELECT count(*) FROM store").fetchone() == (0,)
        assert raw.execute("SELECT count(*) FROM text_vectors").fetchone() == (0,)
    with pytest.raises(StorageError, match="forgotten"):
        memory.blobs.path(sha256)
    with pytest.raises(UnknownNameError):
        memory.forget("nothing")


def test_export_holds_everything_as_json(memory: MemoryStore) -> None:
    memory.remember("text", "a", data={"x": 1}, provenance="user")
    memory.remember("run", "b", data={"y": 2}, provenance="system")
    kinds = [json.loads(json.dumps(item))["kind"] for item in memory.export()]
    assert kinds == ["text", "run"]


def test_it_is_a_langgraph_store_also_when_awaited(memory: MemoryStore) -> None:
    async def use() -> str:
        await memory.aput(("notes",), "k", {"text": "hello"})
        item = await memory.aget(("notes",), "k")
        assert item is not None
        return str(item.value["text"])

    assert asyncio.run(use()) == "hello"


def test_two_processes_write_one_file_and_nothing_is_lost(home: Path) -> None:
    code = (
        "import sys; from shoal.agents.memory import MemoryStore; memory = MemoryStore();\n"
        "for i in range(25): memory.remember('text', f'{sys.argv[1]} {i}', data={},"
        " provenance='user')"
    )
    workers = [subprocess.Popen([sys.executable, "-c", code, name]) for name in ("left", "right")]
    assert [worker.wait(120) for worker in workers] == [0, 0]
    memory = MemoryStore()
    texts = {item.text for item in memory.recent(limit=100)}
    memory.close()
    assert texts == {f"{name} {i}" for name in ("left", "right") for i in range(25)}


def test_a_killed_writer_leaves_a_whole_file(home: Path) -> None:
    code = (
        "from shoal.agents.memory import MemoryStore; memory = MemoryStore(); i = 0\n"
        "while True: memory.remember('run', str(i), data={}, provenance='user', key=f'{i:06}');"
        " i += 1; print(i, flush=True)"
    )
    worker = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    confirmed = 0
    deadline = time.monotonic() + 60
    while confirmed < 20 and time.monotonic() < deadline:
        confirmed = int(worker.stdout.readline())
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    memory = MemoryStore()
    keys = {item.key for item in memory.recent(kind="run", limit=10_000)}
    memory.close()
    assert confirmed >= 20
    assert {f"{i:06}" for i in range(confirmed)} <= keys


def test_an_older_file_is_backed_up_and_brought_up_to_date(home: Path) -> None:
    from langgraph.store.sqlite import SqliteStore

    path = home / "data" / "memory.sqlite"
    path.parent.mkdir(exist_ok=True)
    raw = driver().connect(path, isolation_level=None)
    old = SqliteStore(raw)
    old.setup()
    old.put(("shoal", "local", "text"), "k", {"text": "from long ago", "page": 3})
    raw.close()
    memory = MemoryStore()
    item = memory.recent()[0]
    found = memory.recall("long ago")
    memory.close()
    assert (item.text, item.provenance, item.data["page"]) == ("from long ago", "memory", 3)
    assert [hit.key for hit in found] == ["k"]
    backup = driver().connect(path.with_name("memory.sqlite.v0.bak"))
    assert backup.execute("SELECT count(*) FROM store").fetchone() == (1,)
    backup.close()


def test_a_newer_file_is_refused_and_left_alone(memory: MemoryStore) -> None:
    memory.remember("text", "kept", data={}, provenance="user")
    memory.close()
    raw = driver().connect(memory.path)
    raw.execute(f"PRAGMA user_version = {FORMAT + 1}")
    raw.close()
    before = memory.path.read_bytes()
    with pytest.raises(StorageError, match="newer Shoal"):
        MemoryStore()
    assert memory.path.read_bytes() == before


def test_a_file_that_is_no_memory_is_left_alone(home: Path) -> None:
    path = home / "data" / "memory.sqlite"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"this is no database, but it may be precious" * 50)
    before = path.read_bytes()
    with pytest.raises(StorageError, match="was not changed"):
        MemoryStore()
    assert path.read_bytes() == before


def test_a_full_disk_keeps_what_was_there(memory: MemoryStore) -> None:
    memory.remember("text", "first", data={}, provenance="user")
    pages = memory._connection.execute("PRAGMA page_count").fetchone()[0]
    memory._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StorageError, match=r"full.*intact"):
        memory.remember("text", "x" * 1_000_000, data={}, provenance="user")
    memory._connection.execute("PRAGMA max_page_count = 1000000")
    assert [item.text for item in memory.recent()] == ["first"]
    memory.remember("text", "second", data={}, provenance="user")
    assert len(memory.recent()) == 2
