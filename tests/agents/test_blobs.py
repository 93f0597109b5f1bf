"""Images by content hash, on a real disk."""

from __future__ import annotations

from pathlib import Path

from shoal.agents.memory.blobs import BlobStore


def test_a_damaged_blob_is_mended_when_its_bytes_come_again(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    sha256 = store.put(b"a picture")
    store.path(sha256).write_bytes(b"a pict")  # as a full disk or a bad sector leaves it
    assert store.put(b"a picture") == sha256
    assert store.path(sha256).read_bytes() == b"a picture"


def test_the_same_bytes_are_written_once(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    path = store.path(store.put(b"a picture"))
    written = path.stat().st_mtime_ns
    assert store.path(store.put(b"a picture")).stat().st_mtime_ns == written
