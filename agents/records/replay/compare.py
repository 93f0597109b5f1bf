"""Replays records with one part swapped, and compares run by run."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from shoal.agents.records.record import Record
from shoal.agents.records.replay.paired import Difference, difference
from shoal.agents.records.replay.playing import Player
from shoal.agents.records.replay.swap import Swap
from shoal.errors import ImageError, RunError, UsageError
from shoal.statistics import mcnemar
from shoal.types import Run, Status

if TYPE_CHECKING:
    from shoal.agents.agent import Agent

_SORTS = 8
"""Sorts of runs that are warmed up for, at most."""


@dataclass(frozen=True, slots=True)
class Side:
    """How one run went, one way: whether well, by whom, and what it took."""

    success: bool
    expert: str
    answer: str
    confidence: float
    seconds: float
    tokens: int


@dataclass(frozen=True, slots=True)
class Pair:
    """One run both ways."""

    run: str
    before: Side
    after: Side


@dataclass(slots=True)
class Comparison:
    """What a swap changed.

    Attributes:
        swap: What was swapped, "PART=VALUE".
        against: "record", or "rerun" where the other side was played again as well.
        pairs: Run by run.
        skipped: Reason -> runs that could not be compared.
    """

    swap: str
    against: str
    pairs: list[Pair] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)

    @property
    def gained(self) -> int:
        """Runs that went well only with the swap."""
        return sum(pair.after.success and not pair.before.success for pair in self.pairs)

    @property
    def lost(self) -> int:
        """Runs that went well only without it."""
        return sum(pair.before.success and not pair.after.success for pair in self.pairs)

    @property
    def p(self) -> float:
        """Of McNemar's exact test on success."""
        return mcnemar(self.gained, self.lost)

    def of(self, name: str) -> Difference:
        """The paired difference in "confidence", "seconds" or "tokens"."""
        before = [float(getattr(pair.before, name)) for pair in self.pairs]
        after = [float(getattr(pair.after, name)) for pair in self.pairs]
        return difference(before, after)

    @property
    def sentence(self) -> str:
        """What came of it, in words."""
        n = len(self.pairs)
        if not n:
            return "No run could be compared."
        before = sum(pair.before.success for pair in self.pairs)
        after = sum(pair.after.success for pair in self.pairs)
        time = self.of("seconds")
        change = "more" if after > before else "fewer"
        shown = f"{change}, and not by chance alone" if self.p < 0.05 else "no difference is shown"
        return (
            f"With {self.swap}, {after} of {n} runs went well, {before} before: {shown} "
            f"(McNemar's exact p = {self.p:.3f}, {self.gained} gained, {self.lost} lost). "
            f"A run took {time.mean:+.2f} s (95 % interval {time.low:+.2f} to {time.high:+.2f}, "
            f"p = {time.p:.3f}).{self._caution}"
        )

    @property
    def _caution(self) -> str:
        if self.against == "rerun":
            return ""
        return " Times in records hold the loading of models; --rerun compares like with like."


def replay(
    agent: Agent,
    records: Sequence[Record],
    swap: Swap,
    *,
    rerun: bool = False,
    approve: bool = False,
    report: Callable[[int], None] = lambda done: None,
) -> Comparison:
    """Plays recorded runs again with one part swapped, and compares them with what was.

    Nothing is remembered of it, and no tool with side effects is called unless approved.

    Args:
        agent: Whose parts; one of them is swapped.
        records: The runs.
        swap: What is swapped.
        rerun: Play the other side again as well, on this machine and with today's memory,
            instead of taking it from the record: then only the swap differs.
        approve: Let tools with side effects run where the record has no answer.
        report: Told how many runs are done.

    Raises:
        UsageError: The swap can't be made, or a part can't work.
    """
    told = Comparison(str(swap), "rerun" if rerun else "record")
    with tempfile.TemporaryDirectory(prefix="shoal-replay-") as folder:
        place = Path(folder)
        swapped = Player(swap.into(agent.house), records, place, approve=approve)
        plain = Player(agent.house, records, place, approve=approve) if rerun else None
        _warm_up(records, [swapped, *([plain] if plain else [])])
        for done, record in enumerate(records, 1):
            _compare(record, agent, swapped, plain, told)
            report(done)
    return told


def _warm_up(records: Sequence[Record], players: Sequence[Player]) -> None:
    """Plays one run of each sort unmeasured: loading a model is no cost of the swap."""
    sorts = {(r.run.expert, *(step.name for step in r.run.steps)): r for r in records}
    for record in list(sorts.values())[:_SORTS]:
        for player in players:
            with suppress(RunError, ImageError):  # it is told when it is measured
                player.play(record)


def _compare(
    record: Record, agent: Agent, swapped: Player, plain: Player | None, told: Comparison
) -> None:
    reason = _unfit(record, agent)
    if reason:
        told.skipped[reason] += 1
        return
    try:
        before = plain.play(record) if plain else record.run
        after = swapped.play(record)
    except RunError as error:
        told.skipped[str(error)] += 1
        return
    told.pairs.append(Pair(record.id, _side(record, before), _side(record, after)))


def _unfit(record: Record, agent: Agent) -> str:
    if record.contradictory:
        return "people disagree about it"
    try:
        paths = [Path(agent.house.image_path(image)) for image in record.run.task.images]
    except (UsageError, RunError):
        return "its image is gone"
    return "" if all(path.is_file() for path in paths) else "its image is gone"


def _side(record: Record, run: Run) -> Side:
    cost = run.cost
    return Side(
        went_well(record, run), run.expert, run.text, run.confidence,
        cost.seconds, cost.tokens_in + cost.tokens_out,
    )  # fmt: skip


def went_well(record: Record, run: Run) -> bool:
    """Judges a run of a recorded task, both sides by the same measure.

    In an env its verifier says so. Elsewhere what people said of the record tells the right
    answer or call, or one wrong answer; where nobody said anything, the run's own check does.
    """
    if record.run.task.env is None and record.feedback:
        mended = record.correction
        if isinstance(mended, Mapping) and mended.get("name"):
            return _called(run) == (mended["name"], dict(mended.get("arguments") or {}))
        right = mended if isinstance(mended, str) else None
        if record.verdict is True:
            right = record.run.text
        if right is not None:
            return _same(run.text, right)
        if record.verdict is False and _same(run.text, record.run.text):
            return False
    return run.status is Status.SOLVED


def _called(run: Run) -> tuple[str, dict[str, object]]:
    calls = [step for step in run.steps if step.kind == "tool" and step.ok]
    return (calls[-1].name, dict(calls[-1].arguments)) if calls else ("", {})


def _same(said: str, right: str) -> bool:
    return " ".join(said.casefold().split()) == " ".join(right.casefold().split())
