"""A process that decodes, held to its memory and to an answer in time: the caller's end."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import weakref
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from shoal.errors import RunError
from shoal.modalities.vision.frames import video_worker

if TYPE_CHECKING:
    from io import RawIOBase

SILENCE = 30.0
"""Seconds after which a decoder that says nothing is stopped."""

_LOOK = 20  # milliseconds between looks at its memory
_WORKER = [sys.executable, "-P", "-m", video_worker.__name__]
_ANEW = "Pass another copy, or save it anew as MP4 with H.264"


class DecoderGoneError(Exception):
    """The process that decodes has crashed, or was stopped.

    Args:
        why: The cause.
        fix: What the reader can do.
    """

    def __init__(self, why: str, fix: str = _ANEW) -> None:
        super().__init__(why)
        self.why, self.fix = why, fix


class Watched:
    """Runs `video_worker` on a file.

    The process ends with this object, and with the process that made it. Until then it may take
    `video_worker.MEMORY` and be silent for `SILENCE` seconds. Both are watched while an answer
    is waited for: silence where there is `select.poll` (not on Windows), memory where there is
    a /proc (Linux).

    Raises:
        RunError: The process can't be started.
    """

    def __init__(self, path: Path) -> None:
        self._process = _started(path)
        self._commands, self._answers = (
            cast("RawIOBase", pipe) for pipe in (self._process.stdin, self._process.stdout)
        )
        self._ended = weakref.finalize(self, _end, self._process)
        self._ready: Any = select.poll() if hasattr(select, "poll") else None
        if self._ready:
            self._ready.register(self._answers.fileno(), select.POLLIN)

    def tell(self, command: bytes) -> None:
        """Sends a command.

        Raises:
            DecoderGoneError: The process has ended, or takes too much.
        """
        self._check_memory()
        try:
            self._commands.write(command)
        except OSError as error:
            raise self.gone() from error

    def read(self, length: int) -> bytearray:
        """Waits for so many bytes of an answer.

        Raises:
            DecoderGoneError: The process has ended, takes too much, or says nothing.
        """
        taken, place = bytearray(length), 0
        while place < length:
            self._wait()
            count = self._answers.readinto(memoryview(taken)[place:])
            if not count:
                raise self.gone()
            place += count
        return taken

    def _wait(self) -> None:
        """Until there is something to read, or the process takes too much."""
        if self._ready is None:
            return
        looks = 0  # and not the clock, which goes on while both processes are stopped by Ctrl-Z
        while not self._ready.poll(_LOOK):
            self._check_memory()
            looks += 1
            if looks * _LOOK > SILENCE * 1000:
                why = f"its decoder said nothing for {SILENCE:.0f} seconds and was stopped"
                raise self.gone(why)

    def _check_memory(self) -> None:
        if _resident(self._process.pid) > video_worker.MEMORY:
            raise self.gone(f"decoding takes {too_much()}", "Save it smaller")

    def gone(self, why: str = "", fix: str = _ANEW) -> DecoderGoneError:
        """Ends the process; without a cause given, the cause is how it ended by itself.

        Args:
            why: The cause.
            fix: What the reader can do.
        """
        if not why:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
            why = f"its decoder crashed ({_ending(self._process.returncode)})"
        self.close()
        return DecoderGoneError(why, fix)

    @property
    def cramped(self) -> bool:
        """Whether what failed may have failed for want of memory: most of it is taken."""
        return _resident(self._process.pid) > video_worker.MEMORY * 3 // 4

    def close(self) -> None:
        """Ends the process, as also happens when nobody holds this any more."""
        self._ended()


def too_much() -> str:
    """The memory that decoding may not take."""
    return f"more than {video_worker.MEMORY // 2**20} MB"


def _started(path: Path) -> subprocess.Popen[bytes]:
    places = os.pathsep.join(str(place) or os.curdir for place in sys.path)
    settings = {"PYTHONPATH": places, "OPENBLAS_NUM_THREADS": "1"}
    try:
        return subprocess.Popen(
            [*_WORKER, str(path.absolute())],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **settings},
        )
    except OSError as error:
        what = "the process that decodes videos can't be started"
        raise RunError(what, str(error), "Close other programs, and try again") from error


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a process at once: it has nothing to save, and may be hung."""
    process.kill()
    with suppress(subprocess.TimeoutExpired):
        process.wait(5)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()


def _resident(process: int) -> int:
    """Bytes of memory that a process has; 0 where that is not told."""
    try:
        with open(f"/proc/{process}/statm", "rb", buffering=0) as stream:
            return int(stream.read().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        with suppress(ValueError):
            return signal.Signals(-code).name
    return f"exit code {code}"
