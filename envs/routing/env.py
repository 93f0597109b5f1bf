"""The env in which a router is trained: a request, and which expert shall have it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from shoal.envs.priced import DIAL, Prices, check_options, check_split, expected_price
from shoal.envs.routing.bank import ASK, LARGEST, Array, Bank
from shoal.errors import UsageError

_MOST_ATTEMPTS = 3


class Routing(gymnasium.Env[Array, np.int64]):
    """One request an episode: choose the expert that is right and cheap, or ask.

    A contextual bandit; with `attempts` above 1 what was tried and did not solve it may be
    followed by the next-best expert, at its price.

    Observation: Box float32 (d + f + k + 2,): the request's embedding times the root of its
    size d (so that entries are about 1); f facts (images? env? tools that fit? …); k flags of
    experts already tried; what a typical attempt costs at these prices in seconds and in
    tokens, ln(1 + price * the bank's mean): the dial.

    Actions: Discrete(k + 1): an expert, in the bank's order, or last "ask" (abstain).
    `action_masks()` and `info["action_mask"]` leave out experts already tried; trying one again
    is paid for and solves nothing.

    Reward: success - lam * seconds - mu * tokens of the attempt; `ask` for abstaining, the
    reward of the option to reject (Chow 1970): try where success less price is above it.

    Success (`terminated`, `info["is_success"]`): an expert solved it, or it was asked where none
    could. Terminates too when attempts are used up, unsolved. Not told for logged choices,
    whose outcomes are estimates.

    Info: "row" of the bank; "prices", (lam, mu); after a step "expert", "seconds", "tokens",
    and "estimated".

    Reset options, for this episode alone: "lam", "mu" (numbers), "row" (of the bank).

    Args:
        bank: A log (`shoal.envs.routing.files`), a `Bank`, or None for the built-in one of
            4,000 generated requests and four experts.
        split: "train" or "test": rows are the log's own, or parted by a hash of the context.
        lam: Price of a second; a pair draws from it anew for each episode, evenly over its
            logarithm above the lower end, so that one policy learns the whole dial.
        mu: Price of a token; likewise.
        ask: Worth of abstaining.
        attempts: Experts that may be tried in an episode, 1 to 3.
        estimator: Of logged choices: "dr" or "ips" (`shoal.envs.routing.estimates`).

    Raises:
        UnknownNameError: No such split, estimator or reset option.
        UsageError: The log is damaged, or an option out of range.

    Seeding: a seed draws, in this order, the row, the prices if they are pairs, and at each
    attempt whether an outcome between 0 and 1 is a success.
    """

    metadata = {"render_modes": [], "judged_by": "return"}  # noqa: RUF012  # gymnasium's own form

    def __init__(
        self,
        bank: Bank | Path | str | None = None,
        split: str = "train",
        lam: Any = 0.05,
        mu: Any = 0.0002,
        ask: float = 0.3,
        attempts: int = 1,
        estimator: str = "dr",
    ) -> None:
        self.split, self.prices = check_split(split), Prices(lam, mu, ask)
        self.bank = _bank(bank, estimator)
        self.attempts = _check_attempts(attempts, self.bank)
        self._rows = self.bank.rows(self.split)
        count = len(self.bank.experts)
        width = self.bank.embeddings.shape[1] + self.bank.facts.shape[1] + count + 2
        self._scale = np.sqrt(self.bank.embeddings.shape[1])
        high = np.full(width, LARGEST * max(1.0, float(self._scale)), np.float32)
        self.observation_space = gymnasium.spaces.Box(-high, high)
        self.action_space = gymnasium.spaces.Discrete(count + 1)
        self._means = (self.bank.seconds.mean(), self.bank.tokens.mean())
        self._row, self._price = 0, (0.0, 0.0)
        self._tried = np.zeros(count, bool)

    @property
    def action_names(self) -> tuple[str, ...]:
        """What each action means."""
        return (*self.bank.experts, ASK)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Draws a request and its prices."""
        super().reset(seed=seed)
        options = check_options(options, (*DIAL, "row"))
        drawn = int(self._rows[self.np_random.integers(len(self._rows))])
        self._row = self._check_row(options.get("row", drawn))
        self._price = self.prices.draw(self.np_random, options)
        self._tried[:] = False
        return self._observed(), self._info()

    def step(self, action: Any) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Tries an expert, or asks."""
        place = int(action)
        if place == len(self._tried):
            reward, solved, paid = self.prices.ask, self._hopeless(), (0.0, 0.0)
            ended = True
        else:
            again = bool(self._tried[place])
            self._tried[place] = True
            success, *paid_ = self._outcome(place)
            solved, paid = success > 0 and not again, (paid_[0], paid_[1])
            reward = (0.0 if again else success) - self.prices.cost(self._price, *paid)
            ended = bool(solved or self._tried.sum() >= self.attempts or again)
        told = {"expert": self.action_names[place], "seconds": paid[0], "tokens": paid[1]}
        if ended and not self.bank.estimated:
            told["is_success"] = bool(solved)
        return self._observed(), float(reward), ended, False, {**self._info(), **told}

    def action_masks(self) -> NDArray[np.bool_]:
        """Which actions make sense now, (k + 1,), as sb3-contrib's MaskablePPO asks."""
        return np.append(~self._tried, True)

    def _outcome(self, place: int) -> tuple[float, float, float]:
        bank, at = self.bank, (self._row, place)
        success = float(bank.success[at])
        if not bank.estimated:  # an estimate is right on average: drawn or not makes no difference
            success = float(self.np_random.random() < success)
        return success, float(bank.seconds[at]), float(bank.tokens[at])

    def _hopeless(self) -> bool:
        return not bool(self.bank.success[self._row].any())

    def _observed(self) -> Array:
        bank, row = self.bank, self._row
        dial = expected_price(self._price, self._means)
        parts = (bank.embeddings[row] * self._scale, bank.facts[row], self._tried, dial)
        return np.concatenate(parts).astype(np.float32)

    def _info(self) -> dict[str, Any]:
        told = {"row": self._row, "prices": self._price, "estimated": self.bank.estimated}
        return {**told, "action_mask": self.action_masks()}

    def _check_row(self, row: Any) -> int:
        whole = isinstance(row, int | np.integer) and not isinstance(row, bool)
        if not whole or not 0 <= row < len(self.bank):
            why = f"the bank has rows 0 to {len(self.bank) - 1}"
            raise UsageError(f"row={row!r} can't be drawn", why, "Leave it out for any")
        return int(row)


def _bank(given: Bank | Path | str | None, estimator: str) -> Bank:
    from shoal.envs.routing.files import check_estimator, read_bank
    from shoal.envs.routing.generated import generate

    check_estimator(estimator)
    if isinstance(given, Bank):
        return given
    if given is None:
        return generate()
    if not isinstance(given, str | Path):
        raise UsageError(
            f"bank={given!r} is no bank", "it is a file, a Bank, or None for the built-in one"
        )
    return read_bank(given, estimator)


def _check_attempts(attempts: int, bank: Bank) -> int:
    whole = isinstance(attempts, int) and not isinstance(attempts, bool)
    if not whole or not 1 <= attempts <= _MOST_ATTEMPTS:
        raise UsageError(
            f"attempts={attempts!r} can't be made", f"an episode has 1 to {_MOST_ATTEMPTS}"
        )
    if attempts > 1 and bank.estimated:
        raise UsageError(
            f"attempts={attempts} can't be played on logged choices",
            "whether an expert that was not chosen would have failed is not known",
            "Leave attempts out, or give a log of what every expert made of it",
        )
    return attempts
