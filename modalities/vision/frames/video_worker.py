"""The process that decodes one video: `python -m shoal.modalities.vision.frames.video_worker FILE`.

FFmpeg is C, and its input comes from strangers: what crashes, hangs or fills the memory here does
not do so to the caller. It serves what `wire` describes on its standard input and output, and ends
with its input, so also when the caller is killed.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from typing import Any, BinaryIO

from shoal.modalities.cores import cores
from shoal.modalities.vision.frames import wire

MEMORY = 384 * 2**20
"""Bytes that decoding may take. With a picture of the largest size in the caller: 512 MB."""

_THREADS = 4  # each keeps frames of its own, so that more would take more memory
_ALONE = 9_000_000  # pixels, a little over 4K, from which one thread has to do
_HUNG = 120  # processor seconds at one frame; the caller gives up before, unless it was killed


def main() -> None:
    """Serves one video until the caller is done with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the caller hears of Ctrl-C, and ends this
    if hasattr(signal, "SIGPROF"):
        signal.signal(signal.SIGPROF, signal.SIG_DFL)  # it ends the process
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints would be taken for an answer
    with suppress(BrokenPipeError):
        _Service(answers).serve(sys.argv[1])
    os._exit(0)  # nothing here is worth tidying up


class _Service:
    """Answers commands about one video."""

    def __init__(self, answers: BinaryIO) -> None:
        self._answers = answers
        self._capture: Any = None

    def serve(self, path: str) -> None:
        """Opens a video, and does as it is told until its input ends."""
        _allow(_HUNG)
        opened = self._open(path)
        while opened:
            _allow(0)
            command = os.read(0, 1)
            _allow(_HUNG)
            if command == wire.NEXT:
                self._next()
            elif command == wire.PICTURE:
                self._picture()
            else:
                return

    def _open(self, path: str) -> bool:
        try:
            import cv2
        except Exception as error:  # a broken installation may raise anything
            self._answer(wire.BROKEN, str(error).encode()[: wire.LONGEST])
            return False
        _limit()
        try:
            self._capture = _captured(cv2, path)
            facts = (cv2.CAP_PROP_FRAME_COUNT, cv2.CAP_PROP_FPS)
            body = wire.FACTS.pack(*_size(cv2, self._capture), *map(self._capture.get, facts))
        except Exception:  # FFmpeg's and OpenCV's own, and numbers that are none
            self._answer(wire.NONE)
            return False
        self._answer(wire.OPENED, body)
        return True

    def _next(self) -> None:
        import cv2

        try:
            grabbed = self._capture.grab()
            seconds = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        except Exception:  # out of memory, or whatever OpenCV takes exception to
            grabbed = False
        if grabbed:
            self._answer(wire.SHOT, wire.SECONDS.pack(seconds))
        else:
            self._answer(wire.NONE)

    def _picture(self) -> None:
        try:
            good, array = self._capture.retrieve()
        except Exception:  # as above
            good, array = False, None
        if not good or array.ndim != 3 or array.shape[2] != 3 or array.dtype != "uint8":
            self._answer(wire.NONE)
            return
        height, width, _ = array.shape
        self._answer(wire.PIXELS, wire.SIZE.pack(width, height), memoryview(array.reshape(-1)))

    def _answer(self, kind: bytes, *body: bytes | memoryview) -> None:
        self._answers.write(wire.HEAD.pack(kind, sum(map(len, body))))
        for part in body:
            self._answers.write(part)
        self._answers.flush()


def _captured(cv2: Any, path: str) -> Any:
    """Opens a file with FFmpeg; large pictures with one thread.

    Raises:
        ValueError: It can't be opened.
    """
    capture = _with_threads(cv2, path, _THREADS)
    width, height = _size(cv2, capture)
    if width * height > _ALONE:
        capture.release()
        capture = _with_threads(cv2, path, 1)
    if not capture.isOpened():
        raise ValueError(path)
    return capture


def _with_threads(cv2: Any, path: str, most: int) -> Any:
    threads = [cv2.CAP_PROP_N_THREADS, min(most, cores())]
    try:
        path.encode()
    except UnicodeEncodeError:  # OpenCV crashes at names that are no UTF-8
        path = f"/dev/fd/{os.open(path, os.O_RDONLY)}"
    return cv2.VideoCapture(path, cv2.CAP_FFMPEG, threads)


def _size(cv2: Any, capture: Any) -> tuple[int, int]:
    sides = (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
    width, height = (int(capture.get(side)) for side in sides)
    return width, height


def _limit() -> None:
    """No core dumps; on Linux, allocations fail beyond the limit, whatever the caller sees of it.

    Data, not address space: threads reserve much more of that than they ever use.
    """
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform != "linux":
        return
    with open("/proc/self/statm", encoding="ascii") as stream:
        limit = int(stream.read().split()[5]) * resource.getpagesize() + MEMORY
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard == resource.RLIM_INFINITY or limit < hard:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _allow(seconds: int) -> None:
    """Has the system end this process after so much of the processor's time; 0 for no limit.

    Not by the clock: the caller may have been stopped, by Ctrl-Z or for the night.
    """
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)


if __name__ == "__main__":
    main()
