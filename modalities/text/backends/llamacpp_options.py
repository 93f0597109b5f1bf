"""Scores options through llama.cpp's server: one request for each place where tokens follow.

The server tells the probability of the token that it takes, under the model alone, but has
no way to give the probabilities of a prompt. So the token is forced on it by a bias, which
those figures leave out; and where several may follow, a second request gives their shares
among each other. The prompt is in the server's cache, so a request costs one token.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shoal.modalities.text.backends.options import OptionTree, Path

Ask = Callable[[Mapping[str, Any]], Any]
"""Sends one body to `/completion` and returns the answer."""

_FORCE = 200.0
"""Added to a logit: more than logits differ by, little enough for float32."""

_TINY = 1e-30
_ALL = 10**6
"""More than any vocabulary has; the server gives what there is."""


def trie_logprobs(ask: Ask, tree: OptionTree, whole: int) -> list[tuple[float, int]]:
    """Scores the options of a tree.

    Args:
        ask: Reaches the server; called once or twice for each inner place of the tree.
        tree: Prompt and options as token ids.
        whole: A token that is not a part of a character.

    Returns:
        Sum of log-probabilities and number of tokens, for each option.
    """
    found: dict[Path, float] = {}
    for path, tokens in tree.children.items():
        ids = [*tree.prompt, *path]
        nexts = _next(ask, ids, tokens) or _listed(ask, ids, whole)
        found.update({(*path, token): nexts[token] for token in tokens})
    return tree.sums(found.__getitem__)


def _next(ask: Ask, ids: list[int], tokens: Sequence[int]) -> dict[int, float]:
    """Log-probability of each of the tokens that may come next; none if they are not told."""
    taken = _entry(ask(_body(ids, tokens, n_probs=1)))
    if not taken or len(tokens) == 1:
        return {int(taken["id"]): float(taken["logprob"])} if taken else {}
    body = _body(ids, tokens, n_probs=len(tokens), post_sampling_probs=True)
    given = _entry(ask(body)).get("top_probs") or ()
    shares = {int(entry["id"]): max(float(entry["prob"]), _TINY) for entry in given}
    if int(taken["id"]) not in shares:
        return {}
    base = float(taken["logprob"]) - math.log(shares[int(taken["id"])])
    return {token: base + math.log(shares.get(token, _TINY)) for token in tokens}


def _listed(ask: Ask, ids: list[int], whole: int) -> dict[int, float]:
    """Log-probability of every token: slow, but the server tells nothing about a token that
    ends in the middle of a character when it is that token's turn."""
    entries = _entry(ask(_body(ids, [whole], n_probs=_ALL)))["top_logprobs"]
    return {int(entry["id"]): float(entry["logprob"]) for entry in entries}


def _entry(answer: Any) -> dict[str, Any]:
    entries = answer.get("completion_probabilities") or [{}]
    return dict(entries[0])


def _body(ids: list[int], tokens: Sequence[int], **more: Any) -> dict[str, Any]:
    return {
        "prompt": ids,
        "n_predict": 1,
        "logit_bias": [[token, _FORCE] for token in tokens],
        "samplers": ["top_k"],
        "top_k": len(tokens),
        "cache_prompt": True,
        **more,
    }
