"""The built-in bank: invented requests, so that the env works with nothing else.

Its numbers are made up, with experts as unlike in cost as Shoal's: a reflex takes
milliseconds, a language model seconds. They are no measurement; route on a log of your own
for that.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from shoal.envs.routing.bank import Array, Bank

EXPERTS = ("reflex", "text", "vision", "policy")
FACTS = ("images", "env", "tools", "remembered", "affordance")

ROWS, WIDTH = 4000, 32

_SECONDS = (0.005, 1.5, 0.05, 0.4)
_TOKENS = (0.0, 180.0, 0.0, 0.0)
"""Median of what an attempt takes, by expert."""

_SPREAD = 0.35
"""Of the logarithm of seconds and tokens, around the median."""

_NOISE = 0.6
"""How far requests of one kind lie apart, beside the distance of 1 between kinds."""


class _Kind(NamedTuple):
    """What requests of a kind hold, and the logit of success by expert.

    `hard` is what a request's difficulty, in [0, 1] and told by the embedding alone, takes
    off the logits; "remembered" and "affordance" are facts that raise the reflex's and the
    policy's.
    """

    images: int
    env: int
    logits: tuple[float, float, float, float]
    hard: float


_NEVER = -8.0
_KINDS = (
    _Kind(0, 0, (1.5, 3.0, _NEVER, _NEVER), 3.0),  # a decision that comes again and again
    _Kind(0, 0, (-3.0, 3.0, _NEVER, _NEVER), 2.0),  # a tool call
    _Kind(0, 0, (-4.0, 2.0, _NEVER, _NEVER), 3.0),  # a question to a document
    _Kind(1, 0, (0.0, -2.0, 3.5, _NEVER), 3.0),  # name what a picture shows
    _Kind(1, 0, (-3.0, 2.5, 0.0, _NEVER), 2.0),  # a question about a picture
    _Kind(0, 1, (_NEVER, -3.0, _NEVER, 1.0), 2.0),  # a mission in an env
    _Kind(0, 1, (_NEVER, 2.0, _NEVER, -3.0), 1.0),  # a question about an env
    _Kind(0, 0, (-4.0, 0.5, _NEVER, _NEVER), 3.0),  # an ambiguous request
    _Kind(0, 0, (-5.0, -5.0, _NEVER, _NEVER), 0.0),  # what nobody can do
)
_LIFT = (4.0, 0.0, 0.0, 4.0)
"""What "remembered" adds to the reflex's logit, and "affordance" to the policy's, at 1."""


@lru_cache(maxsize=4)
def generate(rows: int = ROWS, seed: int = 0) -> Bank:
    """Draws a bank, the same for the same seed.

    Args:
        rows: How many requests.
        seed: Of all draws.

    Returns:
        A bank of 32-number embeddings of unit length, five facts and four experts, whose
        `chance` tells the probabilities that outcomes were drawn from.
    """
    random = np.random.default_rng(seed)
    centres = random.standard_normal((len(_KINDS), WIDTH)) / np.sqrt(WIDTH)
    slope = random.standard_normal(WIDTH) / np.sqrt(WIDTH)
    kind, hard = random.integers(len(_KINDS), size=rows), random.random(rows)
    noise = _NOISE * random.standard_normal((rows, WIDTH)) / np.sqrt(WIDTH)
    embeddings = centres[kind] + np.outer(2 * hard - 1, slope) + noise
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    facts = _facts(kind, random)
    chance = _chance(kind, hard, facts)
    success = random.random(chance.shape) < chance
    stretch = np.exp(_SPREAD * random.standard_normal((2, *chance.shape)))
    costs = np.stack([_SECONDS, _TOKENS])[:, None, :] * stretch
    seconds, tokens = costs.astype(np.float32)
    source = f"the built-in bank of generated requests (seed {seed})"
    embeddings, outcome = embeddings.astype(np.float32), success.astype(np.float32)
    return Bank(
        EXPERTS, FACTS, embeddings, facts, outcome, seconds, tokens, source=source, chance=chance
    )  # fmt: skip


def _facts(kind: np.ndarray, random: np.random.Generator) -> Array:
    images = np.array([_KINDS[k].images for k in kind])
    env = np.array([_KINDS[k].env for k in kind])
    tools = np.clip(random.normal(np.where(kind == 1, 0.8, 0.3), 0.2), 0, 1)
    remembered = random.beta(0.5, 0.9, len(kind))
    affordance = env * random.random(len(kind))
    return np.column_stack([images, env, tools, remembered, affordance]).astype(np.float32)


def _chance(kind: np.ndarray, hard: np.ndarray, facts: Array) -> Array:
    logits = np.array([_KINDS[k].logits for k in kind])
    logits -= hard[:, None] * np.array([_KINDS[k].hard for k in kind])[:, None]
    told = np.zeros_like(logits)
    told[:, 0], told[:, 3] = facts[:, 3], facts[:, 4]
    logits += told * _LIFT
    chance: Array = (1 / (1 + np.exp(-logits))).astype(np.float32)
    return chance
