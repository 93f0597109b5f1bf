"""Envs of strangers, in training and in evaluation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from shoal.errors import MissingExtraError, RunError
from shoal.modalities.policy import Policy, TrainSettings, evaluate, guard, train
from shoal.modalities.policy.guard import Guarded


class Odd(gymnasium.Env[Any, Any]):
    """Four numbers, two actions, ten steps; `twist` changes what the fifth step returns."""

    observation_space = spaces.Box(-1, 1, (4,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self, twist: Callable[[Any], Any], length: int = 10) -> None:
        self._twist, self._length, self._steps = twist, length, 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self._steps = 0
        return np.zeros(4, np.float32), {}

    def step(self, action: Any) -> Any:
        self._steps += 1
        result: Any = (np.zeros(4, np.float32), 1.0, self._steps >= self._length, False, {})
        return self._twist(result) if self._steps == 5 else result


def _raise(result: Any) -> Any:
    raise ValueError("the motor is hot")


FAULTS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "raises": (_raise, r"raised ValueError \(the motor is hot\)"),
    "nan": (lambda r: (np.full(4, np.nan, np.float32), *r[1:]), "values that are no numbers"),
    "shape": (lambda r: (np.zeros(3, np.float32), *r[1:]), r"shape \(3,\), not \(4,\)"),
    "dtype": (lambda r: (np.array(["a"] * 4), *r[1:]), "an observation of <U1"),
    "complex": (lambda r: (np.zeros(4, complex), *r[1:]), "an observation of complex128"),
    "none": (lambda r: (None, *r[1:]), "an observation of object"),
    "reward": (lambda r: (r[0], float("inf"), *r[2:]), "the reward inf"),
    "no reward": (lambda r: (r[0], None, *r[2:]), "raised TypeError"),
    "old api": (lambda r: r[:4], "raised ValueError"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_is_named(fault: str) -> None:
    twist, message = FAULTS[fault]
    env = Guarded(Odd(twist))
    env.reset(seed=7)
    for _ in range(4):
        env.step(1)
    with pytest.raises(RunError, match=f"Odd.*{message}") as told:
        env.step(1)
    assert told.value.why == "in step 5 of episode 1 since seed 7, after the action 1"
    assert "check_env" in told.value.fix


def test_a_reset_that_fails() -> None:
    env = Guarded(Odd(lambda result: result))
    env.env.reset = _raise  # type: ignore[assignment, method-assign]
    with pytest.raises(RunError, match="in the reset of episode 1 since seed 3"):
        env.reset(seed=3)


def test_a_dtype_that_loses_only_precision_is_mended() -> None:
    env = Guarded(Odd(lambda r: (np.ones(4, np.float64), *r[1:])))
    env.reset(seed=0)
    seen = [env.step(0)[0] for _ in range(5)][-1]
    assert seen.dtype == np.float32
    assert seen.tolist() == [1, 1, 1, 1]


def test_parts_of_an_observation_are_held_to_their_spaces() -> None:
    class Parts(Odd):
        observation_space: Any = spaces.Dict({"a": spaces.Discrete(3), "b": spaces.Box(0, 1, (2,))})

        def __init__(self, seen: Any) -> None:
            super().__init__(lambda result: result)
            self._seen = seen

        def reset(self, **more: Any) -> tuple[Any, dict[str, Any]]:
            return self._seen, {}

    good = {"a": np.int64(2), "b": np.zeros(2, np.float32)}
    assert Guarded(Parts(good)).reset(seed=0)[0]["a"] == 2
    for seen, message in (
        ({"a": 2}, "without the keys"),
        ({**good, "a": 3}, "which is not in Discrete"),
        ({**good, "b": np.zeros(3, np.float32)}, "of shape"),
        (np.zeros(2), "without the keys"),
    ):
        with pytest.raises(RunError, match=message):
            Guarded(Parts(seen)).reset(seed=0)


def _settings(out: Path, **more: Any) -> TrainSettings:
    told: dict[str, Any] = {"steps": 128, "n_envs": 2, "episodes": 1, "validation": 1}
    told |= {"checks": 0, "pictures": False, "quiet": True, "tune": {"n_steps": 16}}
    return TrainSettings(**{**told, "out": out, **more})


@pytest.mark.parametrize("workers", ["one", "processes"])
@pytest.mark.parametrize("fault", ["raises", "nan", "shape"])
def test_a_training_stops_and_keeps_what_it_has(fault: str, workers: str, tmp_path: Path) -> None:
    twist, message = FAULTS[fault]
    with pytest.raises(RunError, match=message) as told:
        train(
            "Odd-v0",
            make_env=lambda env_id, **options: Odd(twist),
            settings=_settings(tmp_path / "p", workers=workers),
        )
    assert f"what was learnt until then is saved in {tmp_path / 'p'}" in told.value.why
    assert Policy.load(tmp_path / "p").spec.training["interrupted"] is True


def test_an_episode_without_end_is_cut(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "LIMIT", 50)
    path = train(
        "Odd-v0",
        make_env=lambda env_id, **options: Odd(lambda result: result, length=10**9),
        settings=_settings(tmp_path / "p"),
    )
    assert "were cut after 50 steps" in capfd.readouterr().err
    scores = Policy.load(path).spec.scores
    assert scores is not None
    assert scores.mean_steps == 50


def test_an_evaluation_names_the_fault_too(tmp_path: Path) -> None:
    path = train(
        "Odd-v0",
        make_env=lambda env_id, **options: Odd(lambda result: result),
        settings=_settings(tmp_path / "p"),
    )
    with pytest.raises(RunError, match="the motor is hot"):
        evaluate(Policy.load(path), "Odd-v0", lambda env_id, **options: Odd(_raise), episodes=1)


def test_a_missing_package_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util
    from typing import cast

    from shoal import extras
    from shoal.modalities.policy.algorithms import ALGORITHMS

    found = cast(Callable[[str], object], importlib.util.find_spec)
    monkeypatch.setattr(
        extras, "installed", lambda name: name != "sb3_contrib" and found(name) is not None
    )
    with pytest.raises(MissingExtraError, match=r"--algo recurrent needs.*shoal\[train\]"):
        ALGORITHMS["RecurrentPPO"].load()
