"""Reads the head of a GGUF file and checks it before llama.cpp may see it.

llama.cpp refuses most damaged files, but a header that contradicts itself can abort the
whole process. The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import mmap
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from shoal.errors import CorruptWeightsError, UsageError
from shoal.modalities.text.backends.templates import marks

_SCALARS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
_STRING, _ARRAY = 8, 9
_CONTROL = 3
"""The token type of control tokens in `tokenizer.ggml.token_type`."""

_NO_GENERATORS = re.compile(r".*bert.*|t5.*|clip|gemma-embedding|wavtokenizer.*")
"""Architectures in GGUF files that encode, translate or see, but do not go on with a text."""

_MAX_COUNT = 10_000_000
"""More entries, or dimensions, than any real file has."""


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """What Shoal needs of the head of a GGUF file.

    Attributes:
        architecture: Such as "llama".
        context_length: Tokens the model was trained on; 0 when the file is silent.
        control_tokens: Tokens that the tokenizer reads as control tokens, and what marks
            the turns of the chat template.
        chat_template: Whether the file brings one.
    """

    architecture: str
    context_length: int
    control_tokens: frozenset[str]
    chat_template: bool


def check_gguf(path: Path) -> GgufHeader:
    """Reads the header of a language model and holds it against the file.

    Checked: magic, version, every key and tensor entry, that all tensors lie inside the
    file, and that the number of layers is the number of layers that have tensors.

    Raises:
        CorruptWeightsError: Something does not fit; it says what.
        UsageError: It is a model of another kind, such as an encoder.
    """
    if not path.is_file() or path.stat().st_size < 24:
        _corrupt(path, "it is not a file, or too short to be one")
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            return _check(path, _Reader(data))
        except (struct.error, UnicodeDecodeError, IndexError) as error:
            _corrupt(path, f"its header is cut off or garbled ({error})")


class _Reader:
    """Little-endian values, one after the other."""

    def __init__(self, data: Any) -> None:
        self.data, self.at = data, 0

    def take(self, code: str) -> Any:
        value = struct.unpack_from(f"<{code}", self.data, self.at)
        self.at += struct.calcsize(f"<{code}")
        return value[0] if len(value) == 1 else value

    def count(self) -> int:
        number: int = self.take("Q")
        if number > _MAX_COUNT:
            raise IndexError(f"a count of {number}")
        return number

    def text(self) -> str:
        size = self.count()
        start, self.at = self.at, self.at + size
        if self.at > len(self.data):
            raise IndexError("a text runs past the end")
        return bytes(self.data[start : self.at]).decode("utf-8")

    def value(self) -> Any:
        return self._of(self.take("I"))

    def _of(self, kind: int) -> Any:
        if kind == _STRING:
            return self.text()
        if kind != _ARRAY:
            return self.take(_SCALARS.get(kind) or _unknown_kind(kind))
        kind, size = self.take("I"), self.count()
        if kind in (_STRING, _ARRAY):
            return [self._of(kind) for _ in range(size)]
        values = self.take(f"{size}{_SCALARS.get(kind) or _unknown_kind(kind)}")
        return list(values) if size > 1 else [values] if size else []


def _check(path: Path, reader: _Reader) -> GgufHeader:
    if reader.data[:4] != b"GGUF":
        _corrupt(path, "it does not begin with GGUF")
    reader.at = 4
    version, tensors, keys = reader.take("I"), reader.count(), reader.count()
    if version not in (2, 3):
        _corrupt(path, f"GGUF version {version} is unknown")
    meta = {reader.text(): reader.value() for _ in range(keys)}
    ends = [_tensor(reader) for _ in range(tensors)]
    alignment = meta.get("general.alignment", 32)
    if not isinstance(alignment, int) or alignment < 1:
        _corrupt(path, f"an alignment of {alignment}")
    begin = -(-reader.at // alignment) * alignment
    if begin + max((offset for _, offset in ends), default=0) >= len(reader.data):
        _corrupt(path, "tensors lie past its end: the file is cut off")
    return _header(path, meta, [name for name, _ in ends])


def _tensor(reader: _Reader) -> tuple[str, int]:
    name, dimensions = reader.text(), reader.take("I")
    if dimensions > 4:
        raise IndexError(f"a tensor of {dimensions} dimensions")
    for _ in range(dimensions):
        reader.take("Q")
    reader.take("I")
    offset: int = reader.take("Q")
    return name, offset


def _header(path: Path, meta: dict[str, Any], tensors: list[str]) -> GgufHeader:
    architecture = meta.get("general.architecture")
    if not isinstance(architecture, str):
        _corrupt(path, "it names no architecture")
    if _NO_GENERATORS.fullmatch(architecture):
        raise UsageError(
            f"the model in {path} does not write text",
            f"its architecture is {architecture!r}",
            "Give the GGUF file of a causal language model, such as llama or gpt2",
        )
    layers = {int(found[1]) for name in tensors if (found := re.match(r"blk\.(\d+)\.", name))}
    if meta.get(f"{architecture}.block_count", len(layers)) != len(layers):
        _corrupt(path, f"its header promises other than the {len(layers)} layers it holds")
    tokens = meta.get("tokenizer.ggml.tokens") or _corrupt(path, "it has no tokenizer")
    kinds = meta.get("tokenizer.ggml.token_type") or []
    template = str(meta.get("tokenizer.chat_template", ""))
    return GgufHeader(
        architecture=architecture,
        context_length=int(meta.get(f"{architecture}.context_length", 0)),
        control_tokens=frozenset(
            token for token, kind in zip(tokens, kinds, strict=False) if kind == _CONTROL
        )
        | marks(template),
        chat_template=bool(template),
    )


def _unknown_kind(kind: int) -> NoReturn:
    raise IndexError(f"value type {kind}")


def _corrupt(path: Path, why: str) -> NoReturn:
    raise CorruptWeightsError(f"{path} is not a sound GGUF file", why, "Fetch the file again")
