"""Scores a request's phrases for a text slot: by form, place, and meaning."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from shoal.modalities.text.calls.decoding import Found
from shoal.modalities.text.calls.quantities import listed
from shoal.modalities.text.calls.slots import Slot
from shoal.modalities.text.calls.writing import written
from shoal.modalities.text.calls.zero_shot.lexicon import Lexicon, content
from shoal.modalities.text.calls.zero_shot.phrases import Phrase
from shoal.modalities.text.calls.zero_shot.scene import Profile, Scene

_FORM = {"quote": 2.5, "code": 1.5, "name": 1.5, "noun": 0.0, "date": -3.0, "time": -3.0, "rest": -2.5}
_WANTED = (
    ("date", re.compile(r"\b(?:date|day|when)\b|yyyy", re.I)),
    ("time", re.compile(r"\btime\b|hh:mm", re.I)),
    ("rest", re.compile(r"\b(?:message|body|text|note|content|reply|comment)\b", re.I)),
    ("code", re.compile(r"\b(?:address|e-?mail|url|link|path|file|code|number|id|hash)\b", re.I)),
)
_CUES = {
    "from": "origin start source departure from sender",
    "to": "destination target recipient arrival end to",
    "into": "target destination",
    "in": "location city place country region language currency room area",
    "at": "location place venue store address",
    "near": "location place city",
    "by": "author artist director composer writer painter brand creator",
    "with": "ingredient contact attendee",
    "on": "topic subject",
    "about": "topic subject query keyword",
    "called": "name title label",
    "named": "name title label",
    "titled": "title name",
    "labelled": "label title",
}
_CUED = {word: listed(cues) for word, cues in _CUES.items()}
_REQUIRED, _OPTIONAL = 1.0, -3.0
_BESIDE, _MEANT, _TOPIC, _CUE = 3.5, 6.0, 3.0, 2.5


def texts_for(
    scene: Scene,
    slot: Slot,
    profile: Profile,
    lexicon: Lexicon,
    found: Sequence[tuple[Phrase, float]],
    known: Sequence[str],
) -> Iterator[Found]:
    """Yields the phrases that a slot could take, with their scores.

    Args:
        scene: The request.
        slot: A text slot.
        profile: Its words.
        lexicon: Compares words.
        found: The phrases, each with its likeness to the slot in meaning.
        known: Words that speak of the function itself.
    """
    wanted = {kind for kind, pattern in _WANTED if pattern.search(slot.text)}
    for phrase, like in found:
        text = scene.text[phrase.start : phrase.end]
        logit = (_REQUIRED if slot.required else _OPTIONAL) + _FORM[phrase.kind]
        if phrase.kind in wanted:
            logit += 5.0 if phrase.kind in ("date", "time", "rest") else 2.0
        elif wanted & {"date", "time"}:
            logit -= 4.0
        logit += _MEANT * (like - 0.2)
        logit += _BESIDE * lexicon.match(profile, _beside(scene, phrase))
        if phrase.kind not in ("date", "time"):
            logit += _CUE * _cued(phrase.before, profile, lexicon)
        if phrase.kind in ("noun", "name"):
            inside = content(text.split())
            logit -= _TOPIC * _topical(inside, known, lexicon) * (1.0 if phrase.kind == "noun" else 0.3)
            logit -= 1.0 * phrase.cut
            logit -= 2.5 * any(q.start < phrase.end and phrase.start < q.end for q in scene.numbers)
        yield Found(written(slot, text), logit, phrase.start, phrase.end)


def _beside(scene: Scene, phrase: Phrase) -> Mapping[str, float]:
    before = [w for w in scene.words if w.end <= phrase.start][-3:]
    after = [w for w in scene.words if w.start >= phrase.end][:2]
    said = {}
    for word, weight in zip(reversed(before), (1.0, 0.7, 0.4), strict=False):
        if not word.stop:
            said[word.low] = weight * (0.3 if scene.between(word.end, phrase.start) else 1.0)
    for word, weight in zip(after, (0.7, 0.3), strict=False):
        if not word.stop and not scene.between(phrase.end, word.start):
            said[word.low] = max(weight, said.get(word.low, 0.0))
    return said


def _cued(before: str, profile: Profile, lexicon: Lexicon) -> float:
    cues = _CUED.get(before, ())
    return max((lexicon.best(word, cues) * v for word, v in profile.items()), default=0.0)


def _topical(inside: Sequence[str], known: Sequence[str], lexicon: Lexicon) -> float:
    """How much of a phrase only says which function is meant."""
    if not inside:
        return 1.0
    return sum(lexicon.best(word, known) for word in inside) / len(inside)
