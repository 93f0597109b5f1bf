"""Ways in which people say the same request: what a frame adds must not matter to the head.

Courtesies are no frames: `shoal.agents.router.courtesy` takes them off before a request is read.
"""

from __future__ import annotations

import random

from shoal.agents.router.courtesy import WORDS

FRAMED = 1
"""How often a wording is also said with a frame."""

_ANY = (
    "I know it's late, but {}", "for a friend: {}", "this may sound odd: {}",
    "my boss asks: {}", "{}, that's all I need", "here's what I need: {}",
    "I've been thinking. {}", "{}, go ahead", "my daughter wants to know: {}",
    "I'm in a bit of a rush here. {}", "{} - that's my question",
    "we talked about it at lunch: {}", "I'm not sure who to ask. {}", "{}, and nothing else",
    "I'm new to this. {}", "since you're there: {}", "while you're at it, {}",
    "now that you're here, {}", "let's see. {}", "before I forget: {}", "{}, I keep forgetting",
    "{} - I can't manage it alone", "you're probably busy but {}", "as a start, {}",
    "here goes: {}", "let me try this: {}", "my husband says I should ask you: {}",
    "{}... if you know what I mean", "{}, as simple as that", "I hate to be a nuisance, but {}",
    "one for you: {}", "{}, for real", "{}, seriously",
)  # fmt: skip
_ASKED = (
    "do you know {}", "tell me {}", "can you tell me {}", "could you tell me {}", "any idea {}",
    "I'd like to know {}", "I want to know {}", "do you happen to know {}", "I need to know {}",
    "could you find out {}", "would you know {}", "I'm curious {}", "I wonder {}",
    "{}, do you know", "let me know {}", "can you say {}", "have you any idea {}",
    "I'd love to know {}", "{}, any idea", "please tell me {}", "I'm trying to figure out {}",
    "what I want to know is {}", "so then {}", "help me out here, {}", "someone asked me {}",
    "I was asked {}", "my question is {}",
)  # fmt: skip
_TOLD = (
    "can you {}", "could you {}", "would you {}", "can you {} for me", "could you {} for me",
    "I need you to {}", "I'd like you to {}", "I want you to {}", "will you {}",
    "go ahead and {}", "would you mind if I asked you to {}", "is it possible for you to {}",
    "are you able to {}", "is there any way you could {}", "make sure you {}",
    "would it be possible to {}", "you can {}", "do me a favour and {}", "be a dear and {}",
    "I was hoping you could {}", "you should {}", "I'd appreciate it if you'd {}",
    "it would be nice if you could {}", "how about you {}", "please go and {}",
    "maybe you can {}", "{}, can you do that", "{}, I'd like that", "your job is to {}",
    "I would be happy if you could {}", "time to {}", "try to {}", "you have to {}",
)  # fmt: skip
_QUESTIONS = frozenset(WORDS["questions"].split())
_ORDERS = frozenset(WORDS["orders"].split())


def framed(text: str, draw: random.Random) -> str:
    """Says a request in another way that means the same.

    >>> framed("what is 2 + 2", random.Random(7))
    'any idea what is 2 + 2'
    """
    first = text.partition(" ")[0].lower().strip(",:?!")
    fitting = _ASKED if first in _QUESTIONS else _TOLD if first in _ORDERS else _ANY
    # Frames that fit nothing in particular are the rarer ones with whatever has its own.
    return draw.choice(_ANY if draw.random() < 0.3 else fitting).format(text.rstrip(" .!"))


def misspelt(text: str, draw: random.Random) -> str:
    """Writes one or two of a request's longer words as people do in haste.

    >>> misspelt("what is on the picture", random.Random(11))
    'what is on the pikture'
    """
    words = text.split(" ")
    longer = [i for i, word in enumerate(words) if len(word) > 2 and word.isalpha()]
    for place in draw.sample(longer, min(len(longer), draw.choice((1, 1, 2)))):
        words[place] = draw.choice(_SLIPS)(words[place], draw.randrange(1, len(words[place])))
    return " ".join(words)


_SOUNDS = {
    "ct": "kt", "ph": "f", "ck": "k", "gh": "", "ee": "ea", "ea": "ee", "ll": "l", "tt": "t",
    "mm": "m", "c": "k", "s": "z", "ou": "u", "i": "y", "y": "i", "e": "",
}  # fmt: skip


def _sounded(word: str, place: int) -> str:
    fitting = [(told, heard) for told, heard in _SOUNDS.items() if told in word[1:]]
    told, heard = fitting[place % len(fitting)] if fitting else ("", "")
    return word[0] + word[1:].replace(told, heard, 1) if told else word


_SLIPS = (
    lambda word, at: word[:at] + word[at + 1 :],
    lambda word, at: word[:at] + word[at] + word[at:],
    lambda word, at: word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :],
    _sounded,
    _sounded,
)
"""A letter left out, doubled, or swapped with the one before; a word written as it sounds."""
