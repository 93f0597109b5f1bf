"""The card of a trained model: what it is, how it was made and how well it does."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version


def card(
    name: str, about: str, sections: Mapping[str, Sequence[str]], versions: Mapping[str, str]
) -> str:
    """Returns a card's Markdown.

    Args:
        name: The model's name.
        about: One sentence on what it is.
        sections: Heading to lines of text.
        versions: Of what made it, by name.
    """
    numbers = ", ".join(f"{package} {number}" for package, number in versions.items())
    lines = [f"# {name}", "", about, ""]
    for heading, said in {**sections, "Versions": [numbers]}.items():
        lines += [f"## {heading}", "", *said, ""]
    return "\n".join(lines)


def listed(facts: Mapping[str, object]) -> list[str]:
    """Returns facts on a training as a list; its command has a section of its own."""
    shown = {key.replace("_", " "): _plain(value) for key, value in facts.items()}
    return [f"- {key}: {value}" for key, value in shown.items() if key != "command"]


def versions_of(packages: Sequence[str]) -> dict[str, str]:
    """Returns the versions of Python and of these packages."""
    return {"python": platform.python_version()} | {name: version(name) for name in packages}


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
