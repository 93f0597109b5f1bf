"""Scores a request's phrases for a text slot: by form, place, and meaning."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from shoal.modalities.text.calls.quantities import listed
from shoal.modalities.text.calls.slots import Slot, words
from shoal.modalities.text.calls.spans import Found
from shoal.modalities.text.calls.writing import written
from shoal.modalities.text.calls.zero_shot.lexicon import Lexicon, content
from shoal.modalities.text.calls.zero_shot.phrases import Phrase
from shoal.modalities.text.calls.zero_shot.profiles import Profile, Question
from shoal.modalities.text.calls.zero_shot.scene import Scene

_FORM = {
    "quote": 2.5,
    "code": 1.5,
    "name": 1.5,
    "noun": 0.0,
    "math": -1.0,
    "rest": -2.5,
    "date": -3.0,
    "time": -3.0,
}
_WANTED = {
    "date": r"\b(?:date|day|when)\b|yyyy",
    "time": r"\btime\b|hh:mm",
    "rest": r"\b(?:message|body|text|note|content|reply|comment)\b",
    "math": r"\b(?:expression|function|equation|formula|polynomial)\b",
    "code": r"\b(?:address|e-?mail|url|link|path|file|code|number|id|hash)\b",
}
_FORMS = {kind: re.compile(pattern, re.IGNORECASE) for kind, pattern in _WANTED.items()}
_RIGHT_FORM, _RIGHT_CODE, _WRONG_FORM = 5.0, 2.0, -4.0

_CUES = {
    "from": "origin start source departure sender",
    "to": "destination target recipient arrival end",
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
"""A word before a value -> what values after it are."""

_REQUIRED, _OPTIONAL = 1.0, -1.8
_BESIDE, _MEANT, _CUE, _REWRITTEN = 3.5, 6.0, 2.5, 2.0
_NEUTRAL = 0.2
"""Cosine of a phrase and a slot that speaks neither for nor against."""

_SELF, _LED, _ENDED, _COUNTED = -3.0, -1.5, -1.5, -2.5
_TOPIC, _TOPIC_OF_NAME = -3.0, -0.9
_CUT, _CUT_OF_NAME = -1.0, -2.5


def texts_for(
    scene: Scene, question: Question, lexicon: Lexicon, found: Sequence[tuple[Phrase, float]]
) -> Iterator[Found]:
    """Yields the phrases that a slot could take, with their scores.

    Args:
        scene: The request.
        question: What is asked; a text slot.
        lexicon: Compares words.
        found: The phrases, each with its likeness to the slot in meaning.
    """
    for phrase, like in found:
        text = scene.text[phrase.start : phrase.end]
        logit = _form(phrase, question.slot) + _MEANT * (like - _NEUTRAL)
        logit += _BESIDE * lexicon.match(question.profile, _beside(scene, phrase))
        if phrase.kind not in ("date", "time"):
            logit += _CUE * _cued(phrase.before, question, lexicon)
        value = written(question.slot, text)
        if phrase.kind in ("noun", "name"):
            logit += _shape(scene, phrase, question, lexicon) + _REWRITTEN * (value != text)
        yield Found(value, logit, phrase.start, phrase.end)


def _form(phrase: Phrase, slot: Slot) -> float:
    wanted = {kind for kind, pattern in _FORMS.items() if pattern.search(slot.text)}
    logit = (_REQUIRED if slot.required else _OPTIONAL) + _FORM[phrase.kind]
    if phrase.kind in wanted:
        return logit + (_RIGHT_CODE if phrase.kind == "code" else _RIGHT_FORM)
    return logit + (_WRONG_FORM if wanted & {"date", "time"} else 0.0)


def _shape(scene: Scene, phrase: Phrase, question: Question, lexicon: Lexicon) -> float:
    """What speaks against a phrase: it says the slot or the function, or is cut badly."""
    noun, text = phrase.kind == "noun", scene.text[phrase.start : phrase.end]
    inside = content(text.split())
    own = [lexicon.best(word, question.profile) for word in inside]
    logit = _SELF * (bool(own) and min(own) > 0.9)
    logit += _LED * (len(own) > 1 and own[0] > 0.8)
    logit += (_TOPIC if noun else _TOPIC_OF_NAME) * _topical(inside, question.known, lexicon)
    logit += (_CUT if noun else _CUT_OF_NAME) * phrase.cut
    counted = any(q.start < phrase.end and phrase.start < q.end for q in scene.numbers)
    return logit + noun * (_ENDED * text.endswith("ed") + _COUNTED * counted)


def _beside(scene: Scene, phrase: Phrase) -> Mapping[str, float]:
    """The words around a phrase, the nearer the weightier."""
    before = [w for w in scene.words if w.end <= phrase.start][-3:]
    after = [w for w in scene.words if w.start >= phrase.end][:2]
    said: dict[str, float] = {}
    for word, weight in zip(reversed(before), (1.0, 0.7, 0.4), strict=False):
        if not word.stop:
            said[word.low] = weight * (0.3 if scene.between(word.end, phrase.start) else 1.0)
    for word, weight in zip(after, (0.7, 0.3), strict=False):
        if not word.stop and not scene.between(phrase.end, word.start):
            said[word.low] = max(weight, said.get(word.low, 0.0))
    return said


def _cued(before: str, question: Question, lexicon: Lexicon) -> float:
    """Whether the word before a phrase marks what the slot asks for."""
    if before and before in words(question.slot.path[-1]).split():
        return 1.0
    return _likest(question.profile, _CUED.get(before, ()), lexicon)


def _likest(profile: Profile, cues: Sequence[str], lexicon: Lexicon) -> float:
    return max((lexicon.best(word, cues) * weight for word, weight in profile.items()), default=0.0)


def _topical(inside: Sequence[str], known: Sequence[str], lexicon: Lexicon) -> float:
    """How much of a phrase only says which function is meant."""
    if not inside:
        return 1.0
    return sum(lexicon.best(word, known) for word in inside) / len(inside)
