"""Where Shoal keeps its files, and how it writes them so that nothing is half-written."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from shoal.errors import StorageError


def data_dir() -> Path:
    """Folder for memory, checkpoints and artifacts; `SHOAL_HOME` overrides it."""
    return _dir("data")


def cache_dir() -> Path:
    """Folder for what can be made again (converted models); `SHOAL_HOME` overrides it."""
    return _dir("cache")


def _dir(kind: str) -> Path:
    import platformdirs  # 10 ms that `import shoal` need not pay

    home = os.environ.get("SHOAL_HOME")
    if home:
        path = Path(home).expanduser() / kind
    elif kind == "data":
        path = platformdirs.user_data_path("shoal", appauthor=False)
    else:
        path = platformdirs.user_cache_path("shoal", appauthor=False)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"cannot make the folder {path}", str(error), "Set SHOAL_HOME to a writable folder"
        ) from error
    return path


def write_atomic(path: Path | str, content: bytes | str | Callable[[Path], None]) -> Path:
    """Writes a file so that a reader sees the old content or the new, never a part.

    Writes beside the target, fsyncs, then renames. On any error the target is
    untouched and the partial file is removed.

    Args:
        path: Target file; its folder is made if needed.
        content: Bytes, text, or a function that writes to the path it is given.

    Raises:
        StorageError: The disk is full, or the folder can't be written.
    """
    path = Path(path)
    path = path.resolve() if path.is_symlink() else path  # write through a link, keep it
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=path.suffix)
        os.close(handle)
        temporary = Path(name)
        _fill(temporary, content)
        temporary.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
        sync(temporary)
        temporary.replace(path)
        sync(path.parent)
    except OSError as error:
        raise _storage_error(path, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
    return path


def write_new(path: Path, content: bytes) -> bool:
    """Writes a file that is not there yet, without waiting for the disk.

    A kill leaves a part of it only while this runs, a power failure for some seconds more.

    Args:
        path: Target file; its folder is made if needed.
        content: The bytes.

    Returns:
        Whether it was written; False where there is one already.

    Raises:
        StorageError: The disk is full, or the folder can't be written; nothing stays.
    """
    try:
        handle = _opened_new(path)
    except FileExistsError:
        return False
    except OSError as error:
        raise _storage_error(path, error) from error
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(handle, rest) :]
    except OSError as error:
        with suppress(OSError):  # somebody may have put a whole one in its place
            if os.path.samestat(os.fstat(handle), path.stat()):
                path.unlink()
        raise _storage_error(path, error) from error
    finally:
        os.close(handle)
    return True


def _opened_new(path: Path) -> int:
    how = os.O_CREAT | os.O_EXCL | os.O_WRONLY
    try:
        return os.open(path, how, 0o666)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, how, 0o666)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _fill(path: Path, content: bytes | str | Callable[[Path], None]) -> None:
    if callable(content):
        content(path)
    elif isinstance(content, str):
        path.write_text(content, encoding="utf-8")
    else:
        path.write_bytes(content)


def sync(path: Path) -> None:
    """Waits until a file, or a folder's list of files, is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _storage_error(path: Path, error: OSError) -> StorageError:
    fix = "Nothing was changed. Set SHOAL_HOME, or give a folder that can be written"
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        folder = next(parent for parent in path.absolute().parents if parent.exists())
        free = shutil.disk_usage(folder).free // 2**20
        fix = f"Nothing was changed; {free} MB are free there. Free some space or set SHOAL_HOME"
    return StorageError(f"could not save {path}", error.strerror or str(error), fix)


def changed_at(path: Path) -> int:
    """When a file, or the newest file of a folder, was last written (ns); 0 if it is gone."""
    files = [path, *(path.iterdir() if path.is_dir() else ())]
    return max((file.stat().st_mtime_ns for file in files if file.exists()), default=0)


def sha256_file(path: Path | str) -> str:
    """Returns the hex sha256 of a file, read in pieces."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
