"""Several continuations of one prompt as a tree of tokens, so that nothing is read twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shoal.errors import RunError, UsageError

Path = tuple[int, ...]
"""Tokens from the end of the prompt to one place in the tree."""


@dataclass(frozen=True, slots=True)
class OptionTree:
    """The prompt's tokens, and what may follow them.

    Attributes:
        prompt: Token ids that all options share.
        tails: Each option's token ids after these.
    """

    prompt: Path
    tails: tuple[Path, ...]

    @property
    def children(self) -> dict[Path, list[int]]:
        """Each inner place -> the tokens that may come next, depth first."""
        found: dict[Path, list[int]] = {}
        for tail in sorted(self.tails):
            for depth, token in enumerate(tail):
                nexts = found.setdefault(tail[:depth], [])
                if token not in nexts:
                    nexts.append(token)
        return found

    def sums(self, logprob: Callable[[Path], float]) -> list[tuple[float, int]]:
        """Adds up each option's tokens.

        Args:
            logprob: For the path to a token (it included), that token's log-probability.
        """
        return [
            (sum(logprob(tail[: n + 1]) for n in range(len(tail))), len(tail))
            for tail in self.tails
        ]


def option_tree(
    tokens: Callable[[str], Sequence[int]], prompt: str, options: Sequence[str], context: int
) -> OptionTree:
    """Tokenises prompt and options together, as the model would have read them.

    Args:
        tokens: Text to token ids.
        prompt: The shared text.
        options: What may follow it.
        context: Tokens that fit.

    Raises:
        UsageError: Two options are the same to the model.
        RunError: The prompt and the longest option do not fit.
    """
    whole = [tuple(tokens(prompt + option)) for option in options]
    longest = max(map(len, whole))
    if longest > context:
        raise RunError(
            "the options do not fit", f"prompt and option: {longest} of {context} tokens"
        )
    if len(set(whole)) < len(whole):
        raise UsageError("two options are the same to the model", "their tokens do not differ")
    shared = _common([tuple(tokens(prompt)), *whole])
    shared = min(shared, min(map(len, whole)) - 1)
    return OptionTree(whole[0][:shared], tuple(ids[shared:] for ids in whole))


def _common(rows: Sequence[Path]) -> int:
    """Length of the longest common beginning."""
    count = 0
    for column in zip(*rows, strict=False):
        if len(set(column)) > 1:
            break
        count += 1
    return count
