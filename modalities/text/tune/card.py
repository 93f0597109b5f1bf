"""The card of a tuned model: what it is, how it was made and how well it does."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

_PACKAGES = ("numpy", "openvino", "shoal", "tokenizers", "torch", "transformers")


def card(
    name: str,
    about: str,
    command: str,
    sections: Mapping[str, Sequence[str]],
    facts: Mapping[str, Any],
) -> str:
    """Returns the Markdown of card.md.

    Args:
        name: The model's name.
        about: One sentence on what it is.
        command: What to type to make it again.
        sections: Heading to lines of text.
        facts: Figures for the list at the end.
    """
    lines = [f"# {name}", "", about, "", "## Make it again", "", f"    {command}", ""]
    for heading, said in sections.items():
        lines += [f"## {heading}", "", *said, ""]
    listed = [f"- {key.replace('_', ' ')}: {_plain(value)}" for key, value in facts.items()]
    numbers = ", ".join(f"{package} {number}" for package, number in versions().items())
    return "\n".join([*lines, "## Training", "", *listed, "", "## Versions", "", numbers]) + "\n"


def curves(folder: Path) -> dict[str, list[str]]:
    """Returns the section on a saved folder's TensorBoard files; none where it has none."""
    if not (folder / "tensorboard").is_dir():
        return {}
    return {"Step by step": ["`tensorboard --logdir tensorboard`, typed in this folder."]}


def versions() -> dict[str, str]:
    """Returns the versions of Python and of the packages that shape a tuning."""
    return {"python": platform.python_version()} | {name: version(name) for name in _PACKAGES}


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
