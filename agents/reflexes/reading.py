"""The adapter of a reflex that calls: how values are read that no template can copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from shoal.agents.reflexes.examples import Example
from shoal.agents.reflexes.settings import Aside
from shoal.agents.reflexes.spec import ClassSpec, ReaderPart
from shoal.files import sha256_file

OWN = "reader.safetensors"
"""File of the adapter, within the reflex's folder."""


def tuned_reader(
    classes: Sequence[ClassSpec], examples: Sequence[Example], aside: Aside, seed: int
) -> ReaderPart | None:
    """Tunes an adapter to the calls of these examples; None where the shipped one serves.

    Args:
        classes: The tools, with their templates.
        examples: To learn from, the oldest first.
        aside: Where to save it.
        seed: Of its batches.
    """
    functions = {c.label: c.function for c in classes if c.function and _has_to_be_read(c)}
    known = [e for e in examples if e.target in functions]
    if not known:
        return None
    from shoal.modalities.text.calls.own import tuned
    from shoal.modalities.text.calls.samples import Sample

    samples = [
        Sample(e.task.text, (functions[e.target],), ((e.target, _asked(e, functions[e.target])),))
        for e in known
    ]
    aside.tell(f"tuning how arguments are read on {len(samples)} calls, which takes some minutes")
    made = tuned(samples, aside.folder / OWN, seed)
    if made is None:
        return None
    return ReaderPart(
        sha256=sha256_file(made.file), calls=len(samples) - made.n, held_out=made.n,
        before=made.before, after=made.after,
    )  # fmt: skip


def reader_file(part: ReaderPart | None, folder: Path) -> Path | None:
    """The adapter of a version, checked; None where it reads with the shipped one.

    Raises:
        OSError: It is gone.
        ValueError: It was changed.
    """
    if part is None:
        return None
    path = folder / OWN
    if sha256_file(path) != part.sha256:
        raise ValueError("its sha256 is not the one in reflex.json")
    return path


def _has_to_be_read(what: ClassSpec) -> bool:
    return any("read" in template for template in what.templates.values())


def _asked(example: Example, function: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that the tool declares; a record may hold others."""
    declared = function.get("parameters", {}).get("properties", {})
    return {name: value for name, value in example.arguments.items() if name in declared}
