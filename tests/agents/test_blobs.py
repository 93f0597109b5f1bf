"""Images by content hash, on a real disk."""

from __future__ import annotations

import io
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from shoal.agents.memory import MemoryStore
from shoal.agents.memory.blobs import BlobStore, stands_for
from shoal.agents.memory.exporting import export_to
from shoal.agents.memory.importing import import_from
from shoal.errors import StorageError
from shoal.modalities.vision import LoadedImage, load_image
from shoal.modalities.vision.opening.encoding import encoded, is_packed, packed


def _photo(seed: int, width: int = 60, height: int = 47) -> LoadedImage:
    grain = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return load_image(Image.fromarray(grain).resize((width, height)))


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


def test_pixels_are_stored_at_once_and_packed_later(tmp_path: Path) -> None:
    store, photo = BlobStore(tmp_path / "blobs"), _photo(0)
    store.put_soon(photo.encoded, photo.sha256)
    path = store.path(photo.sha256)
    assert path.read_bytes() == photo.encoded
    store.flush()
    content = path.read_bytes()
    assert Image.open(io.BytesIO(content)).format == "WEBP"
    assert len(content) < len(photo.encoded)
    np.testing.assert_array_equal(load_image(path).pixels, photo.pixels)
    written = path.stat().st_mtime_ns
    assert store.put(photo.encoded) == photo.sha256
    assert path.stat().st_mtime_ns == written  # the same picture, though not the same bytes
    path.write_bytes(content[:-20])
    store.put(photo.encoded)
    np.testing.assert_array_equal(load_image(path).pixels, photo.pixels)


def test_they_are_packed_when_nothing_comes(tmp_path: Path) -> None:
    store, photo = BlobStore(tmp_path / "blobs"), _photo(1)
    store.put_soon(photo.encoded, photo.sha256)
    end = time.monotonic() + 60
    while store.path(photo.sha256).stat().st_size == len(photo.encoded):
        assert time.monotonic() < end
        time.sleep(0.05)
    store.close()


def test_what_is_forgotten_meanwhile_does_not_come_back(tmp_path: Path) -> None:
    store, photo = BlobStore(tmp_path / "blobs"), _photo(2)
    store.put_soon(photo.encoded, photo.sha256)
    store.forget(photo.sha256)
    store.close()
    assert not store.holds(photo.sha256)
    assert not [path for path in store.folder.rglob("*") if path.is_file()]


def test_what_was_left_as_it_was_is_packed_when_it_comes_again(tmp_path: Path) -> None:
    photo = _photo(8)
    BlobStore(tmp_path / "blobs").put_soon(photo.encoded, photo.sha256)
    other = BlobStore(tmp_path / "blobs")  # as after a kill: it knows nothing of what waits
    other.put_soon(photo.encoded, photo.sha256)
    other.flush()
    assert other.path(photo.sha256).read_bytes() == packed(photo.encoded)


def test_what_can_not_be_packed_stops_nothing_else(tmp_path: Path) -> None:
    store, bad, cut, photo = BlobStore(tmp_path / "blobs"), _photo(9), _photo(10), _photo(11)
    for each in (bad, cut, photo):
        store.put_soon(each.encoded, each.sha256)
    store.path(cut.sha256).write_bytes(cut.encoded[:54])  # damaged meanwhile
    path = store.path(bad.sha256)
    path.unlink()
    path.mkdir()
    with pytest.raises(StorageError, match=bad.sha256):
        store.flush()
    assert store.path(photo.sha256).read_bytes() == packed(photo.encoded)
    path.rmdir()
    assert store.flush() == 1  # forgotten by now
    assert store.flush() == 0


def test_a_copy_that_a_kill_left_aside_is_forgotten_too(tmp_path: Path) -> None:
    store, photo = BlobStore(tmp_path / "blobs"), _photo(12)
    store.put_soon(photo.encoded, photo.sha256)
    path = store.path(photo.sha256)
    path.with_name(f".{photo.sha256}").write_bytes(b"RIFF")  # where `flush` writes before renaming
    store.forget(photo.sha256)
    store.close()
    assert not [path for path in store.folder.rglob("*") if path.is_file()]


_KILLED = """
import os, sys
from pathlib import Path
from shoal.agents.memory.blobs import BlobStore
from shoal.modalities.vision import load_image
photo = load_image(Path(sys.argv[2]))
photo = load_image(photo.pixels)
BlobStore(Path(sys.argv[1])).put_soon(photo.encoded, photo.sha256)
print(photo.sha256, flush=True)
os.kill(os.getpid(), 9)
"""


def test_a_kill_loses_no_picture(tmp_path: Path) -> None:
    photo, file = _photo(3), tmp_path / "photo.png"
    photo.pixels.save(file)
    command = [sys.executable, "-c", _KILLED, str(tmp_path / "blobs"), str(file)]
    killed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert killed.stdout.strip() == photo.sha256
    path = BlobStore(tmp_path / "blobs").path(photo.sha256)
    np.testing.assert_array_equal(load_image(path).pixels, photo.pixels)


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    store, photo = BlobStore(tmp_path / "blobs"), _photo(4, 200, 100)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(StorageError, match="could not save"):
            store.put_soon(photo.encoded, photo.sha256)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert not store.holds(photo.sha256)
    assert not [path for path in store.folder.rglob("*") if path.is_file()]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError, match="could not save"):
        BlobStore(tmp_path / "blobs").put_soon(b"a picture", "0" * 64)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.randoms(use_true_random=False))
def test_packing_loses_no_pixel(width: int, height: int, random: object) -> None:
    values = random.randbytes(3 * width * height)  # type: ignore[attr-defined]
    pixels = Image.frombytes("RGB", (width, height), values)
    content, media_type = encoded(pixels)
    assert media_type == "image/bmp"
    own = io.BytesIO()
    pixels.save(own, "BMP")
    assert content == own.getvalue()
    small, name = packed(content), load_image(pixels).sha256
    assert small is not None
    assert stands_for(content, name)
    assert stands_for(small, name)
    assert load_image(small).pixels.tobytes() == values


def test_somebodys_own_files_stay_as_they_are(tmp_path: Path) -> None:
    store, photo = BlobStore(tmp_path / "blobs"), _photo(5).pixels
    stream = io.BytesIO()
    photo.save(stream, "BMP", dpi=(300, 300))
    photo.convert("L").save(grey := io.BytesIO(), "BMP")
    contents = [stream.getvalue(), grey.getvalue(), b"BM", b"BM" + bytes(80), b"RIFF1234WEBPVP8 "]
    names = [store.put(content) for content in contents]
    assert [store.path(name).read_bytes() for name in names] == contents
    for content in contents:
        assert packed(content) is None
        assert not stands_for(content, "0" * 64)


def test_only_what_holds_nothing_but_the_pixels_stands_for_them() -> None:
    photo = _photo(13)
    small = packed(photo.encoded) or b""
    assert is_packed(small)
    moving, told, large = (io.BytesIO() for _ in range(3))
    more = {"lossless": True, "save_all": True, "append_images": [_photo(14).pixels]}
    photo.pixels.save(moving, "WEBP", **more)
    photo.pixels.save(told, "WEBP", lossless=True, xmp=b"<x/>" * 9)
    Image.new("RGB", (4471, 4471)).save(large, "WEBP", lossless=True)
    for each in (moving, told, large):
        assert not is_packed(each.getvalue())
        assert not stands_for(each.getvalue(), photo.sha256)
    for cut in range(len(small)):
        assert not is_packed(small[:cut])
    assert not is_packed(small + b"more")


def test_packed_pictures_are_exported_and_come_back(tmp_path: Path) -> None:
    here = MemoryStore(tmp_path / "a" / "memory.sqlite")
    photos = [_photo(6), _photo(7)]
    for photo in photos:
        here.blobs.put(photo.encoded)
        here.remember("image", "a photo", data={}, provenance="image", key=photo.sha256)
    here.blobs.path(photos[1].sha256).write_bytes(packed(photos[0].encoded) or b"")  # another's
    assert export_to(here, tmp_path / "x.zip").blobs == 2
    there = MemoryStore(tmp_path / "b" / "memory.sqlite")
    assert import_from(there, tmp_path / "x.zip").blobs == 1
    path = there.blobs.path(photos[0].sha256)
    np.testing.assert_array_equal(load_image(path).pixels, photos[0].pixels)
    assert not there.blobs.holds(photos[1].sha256)
    here.close()
    there.close()
