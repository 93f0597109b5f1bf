"""What a text of some kind looks like: a code has digits, a person's name has none."""

from __future__ import annotations

import re

from shoal.modalities.vision.read.fields import Field
from shoal.modalities.vision.read.naming import words
from shoal.modalities.vision.read.table import numeric
from shoal.modalities.vision.read.vocabulary import vocabulary

EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
URL = re.compile(r"(?:https?://|www\.)[^\s,;]+", re.IGNORECASE)
PHONE = re.compile(r"\+?\(?\d[\d\s()/.-]{5,}\d")

_MARKED = {
    "email": EMAIL,
    "mail": EMAIL,
    "phone": PHONE,
    "telephone": PHONE,
    "tel": PHONE,
    "mobile": PHONE,
    "website": URL,
    "url": URL,
    "web": URL,
}


def marked(field: Field) -> re.Pattern[str] | None:
    """What shows a value without a label: an address of mail or the web, a phone number."""
    named = {"email": EMAIL, "uri": URL}.get(str(field.schema.get("format")))
    if named is not None or field.kind != "string":
        return named
    return next((_MARKED[word] for word in words(" ".join(field.path)) if word in _MARKED), None)


def fits(field: Field, value: str) -> float:
    """How well a text's look fits a field's name, in [0, 1]."""
    shape = marked(field)
    if shape is not None:
        return 1.0 if shape.search(value) else 0.2
    if "pattern" in field.schema:
        return 1.0
    asked = set(words(" ".join(field.path)))
    digits = bool(re.search(r"\d", value))
    if asked & vocabulary("codes") and not digits:
        return 0.5
    if not asked & (vocabulary("figures") | vocabulary("codes")) and numeric(value):
        return 0.6
    return 0.7 if len(value.split()) > 12 else 1.0
