"""Videos are decoded in a process of their own: it crashes, hangs, swells and ends by itself."""

from __future__ import annotations

import io
import os
import random
import signal
import struct
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from shoal.errors import ImageError
from shoal.modalities.vision import load_image
from shoal.modalities.vision.frames import Frames, frames, video_worker, watched

cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed: pip install 'shoal[video]'")
pytestmark = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="memory and endings are told as on Linux"
)

CAT = Path(__file__).parents[2] / "agents/demo/assets/cat.jpg"
_CALLER = """
import sys
from shoal.modalities.vision.frames import frames
found = frames(sys.argv[1])
next(found)
print("open", flush=True)
sys.stdin.read()
"""
_MEASURE = r"""
import re, resource, sys
from shoal.modalities.vision.frames import frames
found = frames(sys.argv[1])
count = sum(1 for _ in found)
own = re.search(r"VmHWM:\s+(\d+) kB", open("/proc/self/status").read())[1]  # this program's alone:
workers = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss  # maxrss counts who forked it, too
print(count, int(own) // 1024, workers // 1024, found.note)
"""


def _video(path: Path, size: tuple[int, int] = (160, 120), count: int = 60) -> Path:
    """Ten frames a second of a photo that moves."""
    photo = np.asarray(load_image(CAT).pixels.resize(size))[:, :, ::-1]
    coding = "MJPG" if path.suffix == ".avi" else "mp4v"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*coding), 10.0, size)
    for shift in range(count):
        writer.write(np.ascontiguousarray(np.roll(photo, shift, axis=1)))
    writer.release()
    return path


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty small frames."""
    return _video(tmp_path_factory.mktemp("video") / "a.mp4")


def _workers(caller: int | None = None) -> list[psutil.Process]:
    """The processes that decode for a caller; for this one, unless told."""
    children = psutil.Process(caller).children()
    return [child for child in children if video_worker.__name__ in _command(child)]


def _command(process: psutil.Process) -> list[str]:
    try:
        return list[str](process.cmdline())
    except psutil.Error:  # it has ended
        return []


def _gone(process: psutil.Process) -> bool:
    """Whether a process ends within some seconds; what nobody has asked after counts as ended."""
    for _ in range(200):
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("size", [(160, 120), (1282, 722)])
def test_pictures_and_times_are_opencvs_own(tmp_path: Path, size: tuple[int, int]) -> None:
    path = _video(tmp_path / "a.mp4", size, 4)
    capture = cv2.VideoCapture(str(path))
    taken = list(frames(path))
    assert [frame.seconds for frame in taken] == pytest.approx([0, 0.1, 0.2, 0.3])
    for frame in taken:
        good, array = capture.read()
        assert good
        assert np.array_equal(np.asarray(frame.image), array[:, :, ::-1])


def test_opencv_stays_out_of_the_caller(video: Path) -> None:
    code = (
        "import sys; from shoal.modalities.vision.frames import frames;"
        "print(len(list(frames(sys.argv[1]))), 'cv2' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(video)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["60", "False"]


def test_the_process_is_light() -> None:
    code = f"import sys, {video_worker.__name__}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"numpy", "PIL", "torch", "openvino", "pydantic", "timm"}


def _left(found: Frames) -> tuple[int, str]:
    return sum(1 for _ in found), found.note


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_crash_in_the_middle_ends_the_frames_with_a_note(video: Path, number: int) -> None:
    found = frames(video)
    for _ in range(5):
        next(found)
    (worker,) = _workers()
    os.kill(worker.pid, number)
    name = signal.Signals(number).name
    count, note = _left(found)
    assert count == 0
    assert note.startswith(f"a.mp4: 5 of 60 frames could be read; then its decoder crashed ({name}")
    assert not _workers()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_crash_at_the_opening_is_an_image_error(video: Path, number: int) -> None:
    def kill() -> None:
        while not (found := _workers()):
            time.sleep(0.001)
        os.kill(found[0].pid, number)

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(ImageError, match=rf"decoder crashed \({signal.Signals(number).name}\)"):
        frames(video)
    killer.join()
    assert not _workers()


def test_a_silent_decoder_is_stopped(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = frames(video)
    next(found)
    (worker,) = _workers()
    os.kill(worker.pid, signal.SIGSTOP)
    monkeypatch.setattr(watched, "SILENCE", 1.0)
    count, note = _left(found)
    assert count == 0
    assert "1 of 60 frames could be read; then its decoder said nothing for 1 seconds" in note
    assert _gone(worker)


def test_a_decoder_that_takes_too_much_is_stopped(
    video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = frames(video)
    monkeypatch.setattr(video_worker, "MEMORY", 10 * 2**20)  # of this process, which watches
    count, note = _left(found)
    assert count == 0
    assert "decoding takes more than 10 MB. Save it smaller" in note
    with pytest.raises(ImageError, match="takes more than 10 MB"):
        frames(video)
    assert not _workers()


def test_ctrl_c_in_the_terminal_leaves_it_to_the_caller(video: Path) -> None:
    found = frames(video)
    next(found)
    os.kill(_workers()[0].pid, signal.SIGINT)
    assert _left(found) == (59, "")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_its_caller(video: Path, number: int) -> None:
    caller = subprocess.Popen(
        [sys.executable, "-c", _CALLER, str(video)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with caller:
        assert caller.stdout is not None
        assert caller.stdout.readline() == b"open\n"
        (worker,) = _workers(caller.pid)
        caller.send_signal(number)
        caller.wait(10)
    assert _gone(worker)


def test_it_ends_with_the_iterator(video: Path) -> None:
    with frames(video) as untouched:
        assert len(_workers()) == 1
    assert not _workers()
    with frames(video) as begun:
        next(begun)
    assert not _workers()
    dropped = frames(video)
    next(dropped)
    assert len(_workers()) == 1
    del dropped
    assert not _workers()
    assert len(list(frames(video, most=2))) == 2
    assert not _workers()
    assert [*untouched, *begun] == []


def test_frames_that_are_skipped_are_not_sent(video: Path) -> None:
    found = frames(video, every=2.0)
    (worker,) = _workers()
    before = _written(worker)
    next(found), next(found)  # the first, and twenty frames on
    sent = _written(worker) - before
    assert 2 * 160 * 120 * 3 <= sent < 3 * 160 * 120 * 3


def _written(process: psutil.Process) -> int:
    return int(process.io_counters().write_chars)


@pytest.mark.parametrize("name", ["a.mp4", "a.avi", "a.mkv"])
@pytest.mark.parametrize("seed", range(4))
def test_flipped_bytes_end_in_a_note_or_an_image_error(
    tmp_path: Path, name: str, seed: int
) -> None:
    whole = bytearray(_video(tmp_path / name).read_bytes())
    chance = random.Random(seed)
    # Half of them in the headers, at either end; the mark of the container is left alone.
    places = [*range(16, 2000), *range(len(whole) - 2000, len(whole))]
    for place in (*chance.sample(places, 30), *chance.sample(range(16, len(whole)), 30)):
        whole[place] ^= 1 << chance.randrange(8)
    (tmp_path / name).write_bytes(whole)
    with suppress(ImageError):
        taken = list(frames(tmp_path / name))  # without a note where it now claims fewer frames
        assert all(frame.image.mode == "RGB" for frame in taken)
    assert not _workers()


def test_a_file_name_that_is_no_unicode(video: Path, tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.mp4"))
    odd.write_bytes(video.read_bytes())
    assert len(list(frames(odd))) == 60


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _avi(size: tuple[int, int], jpegs: list[bytes]) -> bytes:
    """A Motion JPEG by hand, whose pictures need not have the size that its header says."""
    width, height = size
    main = struct.pack("<14I", 100_000, 0, 0, 0x10, len(jpegs), 0, 1, 0, width, height, *[0] * 4)
    stream = b"vidsMJPG" + struct.pack("<12I", 0, 0, 0, 1, 10, 0, len(jpegs), 0, 0, 0, 0, 0)
    form = struct.pack("<IiiHH4s5I", 40, width, height, 1, 24, b"MJPG", *[0] * 5)
    inner = _chunk(b"LIST", b"strl" + _chunk(b"strh", stream) + _chunk(b"strf", form))
    head = _chunk(b"LIST", b"hdrl" + _chunk(b"avih", main) + inner)
    pictures = b"".join(_chunk(b"00dc", jpeg) for jpeg in jpegs)
    return _chunk(b"RIFF", b"AVI " + head + _chunk(b"LIST", b"movi" + pictures))


def _jpeg(claimed: tuple[int, int] = (160, 120)) -> bytes:
    """A small picture that claims a size, and has as many bytes as a decoder asks for."""
    stream = io.BytesIO()
    Image.effect_noise((160, 120), 50).convert("RGB").save(stream, "JPEG", subsampling=0)
    plain = stream.getvalue()
    side = plain.index(b"\xff\xc0") + 5  # of the frame header: height, then width
    sides = struct.pack(">HH", *reversed(claimed))
    padding = bytes(claimed[0] * claimed[1] // 256)
    return plain[:side] + sides + plain[side + 4 : -2] + padding + plain[-2:]


def test_frames_over_the_limit_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.avi"
    path.write_bytes(_avi((5000, 4200), [_jpeg((5000, 4200))] * 2))
    with pytest.raises(ImageError, match=r"5000 x 4200 pixels, over the limit of 20 megapixels"):
        frames(path)
    assert not _workers()


@pytest.fixture(scope="module")
def swelling(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three small frames, then one of 256 megapixels; in this process it would take 800 MB."""
    path = tmp_path_factory.mktemp("swelling") / "a.avi"
    path.write_bytes(_avi((160, 120), [_jpeg()] * 3 + [_jpeg((16000, 16000))] + [_jpeg()] * 2))
    return path


def test_a_frame_that_swells_stays_under_512_mb(swelling: Path) -> None:
    command = [sys.executable, "-c", _MEASURE, str(swelling)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    count, caller, worker, note = done.stdout.split(" ", 3)
    assert int(count) == 3
    assert "3 of 6 frames could be read" in note
    assert int(caller) + int(worker) < 512
