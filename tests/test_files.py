"""Writing files: whole or not at all."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from shoal.errors import StorageError
from shoal.files import data_dir, sha256_file, write_atomic, write_new


def _fill(path: Path) -> None:
    path.write_bytes(b"x" * 10)


def test_writes_text_bytes_and_by_function(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a", "héllo")
    write_atomic(tmp_path / "b", b"\0\1")
    write_atomic(tmp_path / "c" / "d", _fill)
    assert (tmp_path / "a").read_text() == "héllo"
    assert (tmp_path / "b").read_bytes() == b"\0\1"
    assert (tmp_path / "c" / "d").stat().st_size == 10


def test_a_full_disk_leaves_the_old_file_and_no_scrap(tmp_path: Path) -> None:
    target = tmp_path / "kept"
    write_atomic(target, "old")

    def full(path: Path) -> None:
        path.write_text("half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(StorageError, match=r"No space left.*Nothing was changed"):
        write_atomic(target, full)
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == ["kept"]


def test_a_size_limit_of_the_system_is_a_full_disk_for_real(tmp_path: Path) -> None:
    code = (
        "import resource, signal, sys; from pathlib import Path;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000));"
        "from shoal.files import write_atomic;"
        "write_atomic(Path(sys.argv[1]), b'x' * 5000)"
    )
    target = tmp_path / "kept"
    target.write_text("old")
    command = [sys.executable, "-c", code, str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "StorageError" in done.stderr
    assert target.read_text() == "old"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_an_unwritable_home_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOAL_HOME", "/proc/nowhere")
    with pytest.raises(StorageError, match="Set SHOAL_HOME"):
        data_dir()


def test_sha256(tmp_path: Path) -> None:
    path = write_atomic(tmp_path / "x", b"abc")
    assert sha256_file(path).startswith("ba7816bf8f01cfea")


def test_a_new_file_is_written_once_and_its_folder_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b"
    assert write_new(path, b"one")
    assert not write_new(path, b"two")
    assert path.read_bytes() == b"one"


def test_who_fails_to_write_does_not_delete_anothers_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "blob"

    def full(handle: int, content: bytes) -> int:
        monkeypatch.undo()
        write_atomic(path, b"whole")  # somebody else, who found a part of it
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StorageError, match="No space left"):
        write_new(path, b"whole")
    assert path.read_bytes() == b"whole"
