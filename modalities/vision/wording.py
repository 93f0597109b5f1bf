"""Labels in words: one clear name, or what several near names have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shoal.modalities.vision.labels import Label

if TYPE_CHECKING:
    from shoal.modalities.vision.teach.nearest import Match


@dataclass(frozen=True, slots=True)
class Description:
    """What a picture shows, in words.

    Attributes:
        text: For example "an Egyptian cat (0.66); also tiger cat, tabby".
        name: What it is called, without an article.
        probability: Of that name.
        margin: Its lead over the best label that it leaves out.
        own: Whether the name was taught, and so takes no article.
    """

    text: str
    name: str
    probability: float
    margin: float
    own: bool = False


def describe(labels: Sequence[Label], sure: float = 0.5) -> Description:
    """Puts labels into words.

    When no label reaches `sure`, but several share their last word ("tiger cat", "Egyptian
    cat", "tabby cat") and together do, the shared word is the answer: the picture is
    surely a cat, only the kind is open.

    Args:
        labels: At least one, best first.
        sure: Probability from which on one label is enough.
    """
    best = labels[0]
    noun, group = _kin(labels)
    total = sum(label.probability for label in group)
    if best.probability < sure <= total and len(group) > 1:
        kinds = ", ".join(f"{label.name} {label.probability:.2f}" for label in group)
        text = f"{with_article(noun)} ({total:.2f}): {kinds}"
        return Description(text, noun, total, total - _best_of(labels, group))
    also = [label.name for label in labels[1:3] if label.probability >= best.probability / 10]
    text = f"{with_article(best.name)} ({best.probability:.2f})"
    text += f"; also {', '.join(also)}" if also else ""
    return Description(
        text, best.name, best.probability, best.probability - _best_of(labels, [best])
    )


def describe_taught(match: Match, labels: Sequence[Label]) -> Description:
    """Puts a name that was taught into words, as "my mug (0.93); also coffee mug".

    Args:
        match: The name.
        labels: What the encoder says by itself; at least one, best first.
    """
    also = [label.name for label in labels[:1] if label.probability >= match.probability / 10]
    text = f"{match.name} ({match.probability:.2f})"
    text += f"; also {', '.join(also)}" if also else ""
    return Description(text, match.name, match.probability, 2 * match.probability - 1, own=True)


def _kin(labels: Sequence[Label]) -> tuple[str, list[Label]]:
    """The best label's last word that most others share, and who shares it."""
    groups = {
        noun: [other for other in labels if noun in _nouns(other)] for noun in _nouns(labels[0])
    }
    noun = max(groups, key=lambda key: sum(label.probability for label in groups[key]))
    return noun, groups[noun]


def _nouns(label: Label) -> list[str]:
    return [name.split()[-1] for name in label.synonyms or (label.name,)]


def _best_of(labels: Sequence[Label], without: Sequence[Label]) -> float:
    return max((label.probability for label in labels if label not in without), default=0.0)


def with_article(name: str) -> str:
    """Returns "a" or "an" with the name, by its first letters."""
    lower = name.lower()
    vowel = lower[:1] in tuple("aeiou") and not lower.startswith(("uni", "eu", "one"))
    return f"{'an' if vowel or lower.startswith('hour') else 'a'} {name}"


def listed(labels: Sequence[Label]) -> str:
    """Returns for example "Egyptian cat 0.66, tiger cat 0.19"."""
    return ", ".join(f"{label.name} {label.probability:.2f}" for label in labels)


def named(label: Label) -> dict[str, object]:
    """Returns a label as JSON-able data."""
    return {"name": label.name, "probability": round(label.probability, 4)}


def memory_text(description: Description, words: Sequence[str], sure: float) -> str:
    """Returns for example "photo of an Egyptian cat; words: OPEN"."""
    kind = "photo of" if description.probability >= sure else "picture, perhaps of"
    name = description.name if description.own else with_article(description.name)
    text = f"{kind} {name}"
    return f"{text}; words: {' / '.join(words)}" if words else text
