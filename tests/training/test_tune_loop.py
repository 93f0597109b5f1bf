"""The training loop: what is kept when it is broken off, diverges or the disk is full."""

from __future__ import annotations

import math
import resource
import threading
from pathlib import Path
from typing import Any

import pytest
import torch

from shoal.errors import CorruptWeightsError, RunError, StorageError, UsageError
from shoal.modalities.training.checkpoint import Checkpoint
from shoal.modalities.training.loop import Loop, LoopSettings


class Line:
    """Fits a line; `breaks_at` makes a step's loss no number, `stops_at` sets the event."""

    def __init__(self, breaks_at: int = -1, stops_at: int = -1, width: int = 2) -> None:
        self.weight = torch.zeros(width, requires_grad=True)
        self.seen: list[float] = []
        self.breaks_at, self.stops_at, self.stop = breaks_at, stops_at, threading.Event()

    def groups(self) -> list[dict[str, Any]]:
        return [{"params": [self.weight], "lr": 0.1}]

    def weights(self) -> dict[str, torch.Tensor]:
        return {"weight": self.weight}

    def batches(self, epoch: int) -> list[float]:
        return [epoch + i / 10 for i in range(6)]

    def loss(self, batch: float) -> torch.Tensor:
        self.seen.append(batch)
        if len(self.seen) == self.stops_at:
            self.stop.set()
        noise = torch.rand(())  # as dropout does, it draws from torch's generator
        loss = (self.weight[0] * batch + self.weight[1] - 2 * batch - noise).square()
        return loss * math.nan if len(self.seen) == self.breaks_at else loss

    def validate(self) -> dict[str, float]:
        return {"score": -abs(float(self.weight.detach()[0]) - 2)}


def _settings(folder: Path, **more: Any) -> LoopSettings:
    given: dict[str, Any] = {"epochs": 3, "checkpoint_every": 4, "quiet": True, **more}
    return LoopSettings("line", folder, **given)


def test_a_resumed_training_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    whole = Line()
    history = Loop(whole, _settings(tmp_path / "whole")).run(whole.stop)
    broken = Line(stops_at=9)
    with pytest.raises(RunError, match=r"interrupted at step 8 of 18.*--resume"):
        Loop(broken, _settings(tmp_path / "broken")).run(broken.stop)
    again = Line()
    resumed = Loop(again, _settings(tmp_path / "broken", resume=True)).run(again.stop)
    assert [*broken.seen[:8], *again.seen] == whole.seen  # the ninth step was not taken
    assert torch.equal(again.weight, whole.weight)
    assert resumed == history


def test_a_resumed_training_averages_where_the_weights_are(tmp_path: Path) -> None:
    job = Line(stops_at=9)
    with pytest.raises(RunError):
        Loop(job, _settings(tmp_path)).run(job.stop)
    again = Line()
    again.weight = torch.zeros(2, requires_grad=True, device="meta")  # as on a GPU: not here
    loop = Loop(again, _settings(tmp_path, resume=True))
    assert loop.average["weight"].device == again.weight.device
    assert loop.optimizer.state[again.weight]["exp_avg"].device == again.weight.device


def test_it_stops_early_and_keeps_the_best(tmp_path: Path) -> None:
    job = Line()
    scores = iter([0.1, 0.9, 0.2, 0.3, 0.4])
    kept: list[torch.Tensor] = []

    def validate() -> dict[str, float]:
        kept.append(job.weight.detach().clone())
        return {"score": next(scores)}

    job.validate = validate  # type: ignore[method-assign]
    history = Loop(job, _settings(tmp_path, epochs=5, patience=2)).run(job.stop)
    assert [entry["score"] for entry in history] == [0.1, 0.9, 0.2, 0.3]
    assert torch.equal(job.weight, kept[1])


def test_told_so_it_keeps_the_last_and_stops_never(tmp_path: Path) -> None:
    job = Line()
    scores = iter([0.9, 0.1, 0.2, 0.3, 0.05])
    kept: list[torch.Tensor] = []

    def validate() -> dict[str, float]:
        kept.append(job.weight.detach().clone())
        return {"score": next(scores)}

    job.validate = validate  # type: ignore[method-assign]
    history = Loop(job, _settings(tmp_path, epochs=5, patience=1, last=True)).run(job.stop)
    assert len(history) == 5
    assert torch.equal(job.weight, kept[4])


def test_a_loss_that_is_no_number_stops_it_and_the_last_checkpoint_stays(tmp_path: Path) -> None:
    job = Line(breaks_at=11)
    with pytest.raises(RunError, match="diverged at step 11: the loss is nan; the checkpoint of"):
        Loop(job, _settings(tmp_path)).run(job.stop)
    kept = Checkpoint.load(tmp_path / "state.safetensors")
    assert kept.facts["step"] == 8
    assert all(bool(value.isfinite().all()) for value in kept.tensors.values())


RATES = {"again": "shoal tune a.csv --learning-rate 1e+30 --seed 0 --out b --resume"}
RATES |= {"anew": "shoal tune a.csv --learning-rate 1e+30 --seed 0 --out b"}


def test_a_checkpoint_is_from_before_the_update_that_blew_up(tmp_path: Path) -> None:
    """The update of step 8 makes the weights useless, but leaves them numbers."""
    job = Line()
    learn = job.loss

    def loss(batch: float) -> torch.Tensor:
        loss = learn(batch)
        return loss * (math.nan if len(job.seen) > 8 else 1)

    job.loss = loss  # type: ignore[method-assign]
    how = _settings(tmp_path, slower=0.01, **RATES)
    said = r"step 6, from before, is kept .*: shoal tune a.csv --seed 0 --out b --resume "
    with pytest.raises(RunError, match=rf"diverged at step 9: .*{said}--learning-rate 0\.01$"):
        Loop(job, how).run(job.stop)
    assert Checkpoint.load(tmp_path / "state.safetensors").facts["step"] == 6


@pytest.mark.parametrize("every", [1, 100])
def test_without_a_good_checkpoint_it_starts_anew(tmp_path: Path, every: int) -> None:
    job = Line(breaks_at=2)
    how = _settings(tmp_path, slower=0.01, checkpoint_every=every, **RATES)
    said = r"no checkpoint from before .*: shoal tune a.csv --seed 0 --out b --learning-rate 0\.01$"
    with pytest.raises(RunError, match=rf"diverged at step 2: the loss is nan; .*{said}"):
        Loop(job, how).run(job.stop)
    assert not list(tmp_path.glob("*.safetensors"))


def test_weights_that_are_no_numbers_are_not_validated_and_not_kept(tmp_path: Path) -> None:
    job = Line()
    learn = job.loss

    def loss(batch: float) -> torch.Tensor:
        loss = learn(batch)
        if len(job.seen) == 12:  # the last of the second epoch: no loss follows before validation
            with torch.no_grad():
                job.weight.fill_(math.inf)
        return loss

    job.loss = loss  # type: ignore[method-assign]
    with pytest.raises(
        RunError, match=r"diverged at step 12: weights are no.* step 8, from before"
    ):
        Loop(job, _settings(tmp_path, epochs=2)).run(job.stop)
    for name in ("state", "best"):
        kept = Checkpoint.load(tmp_path / f"{name}.safetensors").tensors.values()
        assert all(bool(value.isfinite().all()) for value in kept)


def test_a_validation_that_is_no_number_is_a_divergence(tmp_path: Path) -> None:
    job = Line()
    job.validate = lambda: {"score": math.nan}  # type: ignore[method-assign]
    with pytest.raises(RunError, match="diverged at step 6: the validation score is nan"):
        Loop(job, _settings(tmp_path)).run(job.stop)


def test_only_what_diverged_goes_on_at_another_rate(tmp_path: Path) -> None:
    first, second = ({"learning_rate": rate, "seed": 0} for rate in (0.1, 0.01))
    stopped = Line(stops_at=6)
    with pytest.raises(RunError, match="interrupted"):
        Loop(stopped, _settings(tmp_path, identity=first)).run(stopped.stop)
    with pytest.raises(UsageError, match="learning_rate differ"):
        Loop(Line(), _settings(tmp_path, resume=True, identity=second))
    wild = Line(breaks_at=5)
    with pytest.raises(RunError, match="diverged at step 10"):
        Loop(wild, _settings(tmp_path, resume=True, identity=first)).run(wild.stop)
    with pytest.raises(UsageError, match="seed differ"):
        Loop(Line(), _settings(tmp_path, resume=True, identity={**second, "seed": 1}))
    calm = Line()
    calm.groups = lambda: [{"params": [calm.weight], "lr": 0.01}]  # type: ignore[method-assign]
    loop = Loop(calm, _settings(tmp_path, resume=True, identity=second))
    history = loop.run(calm.stop)
    assert calm.seen[0] == pytest.approx(1.2)  # step 9 is the third of the second epoch
    assert [entry.get("rate_changed_at_step") for entry in history] == [None, 8, 8]
    assert loop.optimizer.param_groups[0]["lr"] < 0.01


def test_what_learns_all_rows_starts_anew(tmp_path: Path) -> None:
    job = Line(breaks_at=11)
    with pytest.raises(
        RunError, match=r"Start anew .*: the same command with --learning-rate 0.01"
    ):
        Loop(job, _settings(tmp_path, last=True)).run(job.stop)


def test_a_full_disk_leaves_the_last_checkpoint_whole(tmp_path: Path) -> None:
    job = Line(stops_at=5, width=3000)
    with pytest.raises(RunError, match="interrupted"):
        Loop(job, _settings(tmp_path)).run(job.stop)
    before = (tmp_path / "state.safetensors").read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        again = Line(width=3000)
        with pytest.raises(StorageError, match=r"could not save .*safetensors"):
            Loop(again, _settings(tmp_path, resume=True)).run(again.stop)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / "state.safetensors").read_bytes() == before


def test_what_can_not_be_resumed_says_why(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no checkpoint"):
        Loop(Line(), _settings(tmp_path, resume=True))
    job = Line(stops_at=5)
    with pytest.raises(RunError):
        Loop(job, _settings(tmp_path, identity={"seed": 0, "rows": "a"})).run(job.stop)
    with pytest.raises(UsageError, match="another training: rows differ"):
        Loop(Line(), _settings(tmp_path, resume=True, identity={"seed": 0, "rows": "b"}))
    path = tmp_path / "state.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(CorruptWeightsError, match="cannot read the checkpoint"):
        Loop(Line(), _settings(tmp_path, resume=True))
