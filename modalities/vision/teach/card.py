"""The card of a taught classifier: what it is, how it was made and how well it does."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version

_PACKAGES = ("numpy", "openvino", "pillow", "shoal", "timm", "torch", "torchvision")


def card(
    name: str, about: str, sections: Mapping[str, Sequence[str]], facts: Mapping[str, object]
) -> str:
    """Returns the Markdown of README.md.

    Args:
        name: The classifier's name.
        about: One sentence on what it is.
        sections: Heading to lines of text.
        facts: Figures for the list at the end.
    """
    lines = [f"# {name}", "", about, ""]
    for heading, said in sections.items():
        lines += [f"## {heading}", "", *said, ""]
    listed = [f"- {key.replace('_', ' ')}: {_plain(value)}" for key, value in facts.items()]
    numbers = ", ".join(f"{package} {number}" for package, number in versions().items())
    return "\n".join([*lines, "## Teaching", "", *listed, "", "## Versions", "", numbers]) + "\n"


def versions() -> dict[str, str]:
    """Returns the versions of Python and of the packages that shape what is taught."""
    return {"python": platform.python_version()} | {name: version(name) for name in _PACKAGES}


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
