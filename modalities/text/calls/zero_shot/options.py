"""Scores the options of a choice: by the words of the request that say them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from shoal.modalities.text.calls.decoding import Found
from shoal.modalities.text.calls.layout import spelled_out
from shoal.modalities.text.calls.slots import Slot
from shoal.modalities.text.calls.zero_shot.lexicon import Lexicon, content
from shoal.modalities.text.calls.zero_shot.scene import Profile, Scene, described

_NOT = re.compile(r"\b(?:not?|without|never|n't|don't|doesn't|except|excluding|skip)\b", re.I)
_OPTIONAL, _SAID, _VERBATIM, _MEANT = -3.0, 6.0, 2.0, 12.0


def options_for(
    scene: Scene, slot: Slot, lexicon: Lexicon, meant: Sequence[float]
) -> Iterator[Found]:
    """Yields each option with its score.

    Args:
        scene: The request.
        slot: A choice that is not a boolean.
        lexicon: Compares words.
        meant: The likeness of the request to each option as a sentence.
    """
    low = f" {scene.text.lower()} "
    said = [w.low for w in scene.words]
    mean = sum(meant) / max(1, len(meant))
    for option, like in zip(slot.options, meant, strict=True):
        spelled = spelled_out(option).lower()
        asked = content(spelled.split()) or spelled.split()
        part = sum(_firm(lexicon.best(word, said)) for word in asked) / max(1, len(asked))
        whole = any(_stands(form, low) for form in {spelled, str(option).lower()})
        logit = (0.0 if slot.required else _OPTIONAL) + _SAID * part + _VERBATIM * whole
        yield Found(option, logit + _MEANT * (like - mean))


def _firm(likeness: float) -> float:
    return likeness if likeness > 0.5 else 0.0


def _stands(text: str, low: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(text)}(?!\w)", low) is not None


def truth_for(
    scene: Scene, slot: Slot, profile: Profile, lexicon: Lexicon, known: Mapping[str, float]
) -> Iterator[Found]:
    """Yields yes and no for a boolean.

    Args:
        scene: The request.
        slot: The boolean.
        profile: Its words.
        lexicon: Compares words.
        known: Words that the function itself explains: they say nothing of this slot.
    """
    best, at = 0.0, 0
    doubt = 1.0
    wanted = {w: v for w, v in profile.items() if lexicon.best(w, known) < 0.8}
    for word in scene.words:
        if word.stop:
            continue
        for want, weight in wanted.items():
            like = lexicon.likeness(want, word.low)
            if like > 0.6:
                doubt *= 1.0 - min(0.95, weight * like)
                if weight * like > best:
                    best, at = weight * like, word.start
    said = 1.0 - doubt
    denied = bool(_NOT.search(scene.text[max(0, at - 24) : at])) and best > 0
    logit = 6.0 * said - 3.2
    required = 3.0 if slot.required else 0.0
    yes, no = (-4.0, logit) if denied else (logit, -4.0)
    if slot.required and not denied:
        yes += 0.5
    yield Found(True, yes + required)
    yield Found(False, no + required)
