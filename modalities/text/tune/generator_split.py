"""Which conversations are learnt from and which are held out, no question on both sides."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass

from shoal.errors import UsageError
from shoal.modalities.text.tune.generator_data import Dialogues, Turns
from shoal.modalities.text.tune.split import same


@dataclass(frozen=True, slots=True)
class DialogueSplit:
    """Training and validation conversations, and sentences on what was left out."""

    train: Dialogues
    validation: Dialogues
    notes: tuple[str, ...] = ()


def split_dialogues(
    dialogues: Dialogues, validation: Dialogues | None, fraction: float, seed: int
) -> DialogueSplit:
    """Takes repeats out and holds a part out; one question's answers stay together.

    Args:
        dialogues: All conversations, or the training ones where `validation` is given.
        validation: The user's own validation conversations; none is cut off then.
        fraction: Part that is held out, at least one conversation.
        seed: The same seed holds the same ones out.

    Raises:
        UsageError: Nothing is left to learn from, or to validate on.
    """
    kept, notes = _unrepeated(dialogues)
    if validation is not None:
        known = {_question(turns) for turns in validation.turns}
        leaks = [i for i, turns in enumerate(kept.turns) if _question(turns) in known]
        train = _without(kept, leaks)
        notes = (*notes, *_note(f"ask what {validation.name} asks as well", kept, leaks))
        return _checked(DialogueSplit(train, validation, (*dialogues.notes, *notes)))
    held = _held_out(kept, fraction, seed)
    split = DialogueSplit(_without(kept, held), kept.take(held), (*dialogues.notes, *notes))
    return _checked(split)


def _held_out(dialogues: Dialogues, fraction: float, seed: int) -> list[int]:
    groups: dict[str, list[int]] = defaultdict(list)
    for place, turns in enumerate(dialogues.turns):
        groups[_question(turns)].append(place)
    draw = random.Random(seed)
    wanted = max(1, round(fraction * len(dialogues)))
    held: list[int] = []
    for question in draw.sample(sorted(groups), len(groups)):
        if len(held) >= wanted:
            break
        held += groups[question]
    return sorted(held)


def _unrepeated(dialogues: Dialogues) -> tuple[Dialogues, tuple[str, ...]]:
    seen: set[str] = set()
    copies = []
    for place, turns in enumerate(dialogues.turns):
        key = same(_joined(turns))
        if key in seen:
            copies.append(place)
        seen.add(key)
    note = _note(f"repeat an earlier one of {dialogues.name}", dialogues, copies)
    return _without(dialogues, copies), note


def _question(turns: Turns) -> str:
    """What comes before the last answer: what the model is asked."""
    return same(_joined(turns[:-1]))


def _joined(turns: Turns) -> str:
    return "\x1e".join(f"{turn['role']}\x1f{turn['content']}" for turn in turns)


def _without(dialogues: Dialogues, places: list[int]) -> Dialogues:
    dropped = set(places)
    return dialogues.take(i for i in range(len(dialogues)) if i not in dropped)


def _note(what: str, dialogues: Dialogues, places: list[int]) -> tuple[str, ...]:
    if not places:
        return ()
    shown = ", ".join(str(dialogues.lines[i]) for i in places[:5])
    more = " …" if len(places) > 5 else ""
    return (f"{len(places)} conversations {what}: left out of training (lines {shown}{more})",)


def _checked(split: DialogueSplit) -> DialogueSplit:
    for part, what in ((split.train, "learn from"), (split.validation, "validate on")):
        if not len(part):
            raise UsageError(
                f"{part.name} leaves nothing to {what}",
                "; ".join(split.notes) or "all its conversations ask the same",
                "Give more conversations that ask different things",
            )
    return split
