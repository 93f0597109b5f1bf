"""Codes for what people say in words: "euros" -> "EUR", "New Jersey" -> "NJ"."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from shoal.modalities.text.calls.slots import Slot

_KINDS = {
    "currency": re.compile(r"\bcurrenc", re.IGNORECASE),
    "state": re.compile(r"\bstate\b", re.IGNORECASE),
    "language": re.compile(r"\blanguage\b", re.IGNORECASE),
    "country": re.compile(r"\bcountry\b|\bnationality\b|\bpassport\b", re.IGNORECASE),
}
_CODE = re.compile(
    r"(?<!zip )(?<!postal )(?<!area )\bcode\b|\biso\b|-letter\b|\babbreviat", re.IGNORECASE
)
_SHOWN = {
    "currency": re.compile(r"['\"`(][A-Z]{3}\b"),
    "state": re.compile(r"['\"`(][A-Z]{2}['\"`,)]"),
    "language": re.compile(r"['\"`(][a-z]{2}['\"`,)]"),
    "country": re.compile(r"['\"`(][A-Z]{2}['\"`,)]"),
}
"""A code shown as an example or as the default."""


def code_for(slot: Slot, text: str) -> str | None:
    """The code of a text, where the slot's description wants one and there is one."""
    for kind, about in _KINDS.items():
        wants = _CODE.search(slot.text) or _SHOWN[kind].search(slot.text)
        code = _codes()[kind].get(text.strip().casefold())
        if code and wants and about.search(slot.text):
            return code
    return None


@cache
def _codes() -> Mapping[str, Mapping[str, str]]:
    content = tomllib.loads(Path(__file__).with_name("codes.toml").read_text(encoding="utf-8"))
    return {
        kind: {name.casefold(): code for code, names in table.items() for name in names}
        for kind, table in content.items()
    }
