"""Reads a stranger's zip: bounded, by name, in memory; nothing is unpacked to the disk."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any

from shoal.errors import CorruptWeightsError, MissingModelError, UsageError

LARGEST_WEIGHTS = 256 * 2**20
"""Bytes of policy.pth; stable-baselines3's largest stock network has 7 MB."""

_LARGEST_DATA = 16 * 2**20
_LARGEST_FILE, _MOST_MEMBERS = 2**30, 64
_BOMB = 200
"""Times that a large member may be larger unpacked than packed; weights hardly shrink."""

_BROKEN = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError,
    ValueError, RecursionError,
)  # fmt: skip


def open_zip(content: bytes, name: str) -> zipfile.ZipFile:
    """Opens a zip whose members have been looked at: few, plain names, no bomb.

    Args:
        content: The file.
        name: What error messages call it.

    Raises:
        CorruptWeightsError: It is not a whole zip.
        UsageError: A member is unsafe; it is named.
    """
    try:
        archive = zipfile.ZipFile(BytesIO(content))
        members = archive.infolist()
    except _BROKEN as error:
        raise damaged(name, str(error)) from error
    names = [member.filename for member in members]
    if len(names) > _MOST_MEMBERS * 16 or len(set(names)) != len(names):
        raise refused(name, f"it has {len(names)} members, {len(set(names))} of different names")
    for member in members:
        _look_at(member, name)
    if sum(member.file_size for member in members) > _LARGEST_FILE:
        raise refused(name, "unpacked it would be over 1 GB")
    return archive


def read_member(archive: zipfile.ZipFile, member: str, limit: int, name: str) -> bytes:
    """Returns one member's bytes; a header that lies about the size helps nobody.

    Raises:
        CorruptWeightsError: It is not there, or damaged.
        UsageError: It is larger than the limit.
    """
    try:
        with archive.open(member) as stream:
            content = stream.read(limit + 1)
    except KeyError:
        raise damaged(name, f"it holds no {member}") from None
    except _BROKEN as error:
        raise damaged(name, f"{member}: {error}") from error
    if len(content) > limit:
        raise refused(name, f"{member} is over {limit // 2**20} MB")
    return content


def read_file(path: Path) -> bytes:
    """Returns a file's bytes.

    Raises:
        MissingModelError: It is not there.
        UsageError: It is too large for a policy.
        CorruptWeightsError: It can't be read.
    """
    if not path.is_file():
        raise MissingModelError(f"no policy at {path}", "there is no such file")
    if path.stat().st_size > _LARGEST_FILE:
        raise refused(path.name, "it is over 1 GB")
    try:
        return path.read_bytes()
    except OSError as error:
        raise damaged(path.name, str(error)) from error


def read_claims(archive: zipfile.ZipFile, name: str) -> Mapping[str, Any]:
    """Returns what the zip's `data` says in plain JSON; its pickled fields are dropped unread.

    Raises:
        CorruptWeightsError: It is not JSON.
        UsageError: It is too large.
    """
    text = read_member(archive, "data", _LARGEST_DATA, name)
    try:
        claims = _without_pickle(json.loads(text))
    except _BROKEN as error:
        raise damaged(name, f"data is not JSON ({error})") from error
    if not isinstance(claims, dict):
        raise damaged(name, "data is no JSON object")
    return claims


def refused(name: str, why: str, fix: str = "") -> UsageError:
    """The error for a file that Shoal will not open."""
    default = "Get it from someone you trust, as safetensors or as stable-baselines3 saved it"
    return UsageError(f"Shoal does not open {name}", why, fix or default)


def damaged(name: str, why: str) -> CorruptWeightsError:
    """The error for a file that is not whole."""
    return CorruptWeightsError(
        f"{name} is damaged or no stable-baselines3 policy", why[:300], "Copy or download it again"
    )


def _look_at(member: zipfile.ZipInfo, name: str) -> None:
    path = PurePosixPath(member.filename)
    if path.is_absolute() or ".." in path.parts or "\\" in member.filename:
        raise refused(name, f"its member {member.filename[:80]!r} points out of the archive")
    if member.flag_bits & 1:
        raise refused(name, f"its member {member.filename[:80]!r} is encrypted")
    if member.file_size > 2**20 and member.file_size > _BOMB * max(1, member.compress_size):
        times = member.file_size // max(1, member.compress_size)
        raise refused(name, f"{member.filename[:80]!r} unpacks to {times} times its size")


def _without_pickle(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_pickle(v) for k, v in value.items() if k != ":serialized:"}
    return value
