"""Routing as a contextual bandit: a bank of requests with what each expert made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoal.lazy import exports

if TYPE_CHECKING:
    from shoal.envs.routing.bank import ASK, Bank
    from shoal.envs.routing.env import Routing
    from shoal.envs.routing.files import read_bank
    from shoal.envs.routing.generated import generate

_LAZY = {
    "ASK": "shoal.envs.routing.bank",
    "Bank": "shoal.envs.routing.bank",
    "Routing": "shoal.envs.routing.env",
    "generate": "shoal.envs.routing.generated",
    "read_bank": "shoal.envs.routing.files",
}
"""Name -> module that holds it, imported on first use."""

__all__ = ["ASK", "Bank", "Routing", "generate", "read_bank"]

__getattr__ = exports(__name__, _LAZY)
