"""Where a training's work is done: in processes or one for the envs, one thread for the network."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from shoal.modalities.cores import cores
from shoal.modalities.policy.settings import TrainSettings

WORTH_MEASURING = 20_000
"""Steps from which it pays to try which is faster."""

_TRIED, _ROUNDS = 100, 3
"""Steps of all envs in a round of the measurement; the best round counts."""

_MEASURED: dict[tuple[str, str, int], tuple[bool, str]] = {}
"""What was found for an env and a number of them, in this process."""


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Envs that are stepped together.

    Attributes:
        vector: stable-baselines3's vectorised env.
        choice: Where they run and why, for the record.
    """

    vector: Any
    choice: str


@contextmanager
def side_by_side(
    env: Callable[[], Any],
    settings: TrainSettings,
    env_id: str,
    batch: Callable[[], Any] | None = None,
) -> Iterator[SideBySide]:
    """Yields the envs side by side: in worker processes or in this one, whichever is faster.

    The weights that come out are the same. A batch draws other episodes, and other weights
    come out of it.

    Args:
        env: Makes one.
        settings: Settled ones; `workers` says where they run, or leaves it to a measurement.
        env_id: By which a measurement is remembered.
        batch: Makes a vector env of them all, where there is one for this env; it comes
            before the others unless `workers` asks for them.
    """
    if batch is not None and settings.workers == "auto":
        from shoal.modalities.policy.batched import BatchedVecEnv

        with closed(BatchedVecEnv(batch())) as vector:
            yield SideBySide(vector, "one batch, which this env has")
        return
    processes, why = _choose(env, settings, env_id)
    with closed(_vector(env, settings.n_envs or 1, processes)) as vector:
        yield SideBySide(vector, f"{'worker processes' if processes else 'one process'}, {why}")


def _choose(env: Callable[[], Any], settings: TrainSettings, env_id: str) -> tuple[bool, str]:
    if settings.workers != "auto":
        return settings.workers == "processes", "as was asked for"
    n_envs = settings.n_envs or 1
    can_fork = "fork" in multiprocessing.get_all_start_methods()
    if (settings.steps or 1) < WORTH_MEASURING or n_envs == 1 or not can_fork or cores() == 1:
        return False, "not measured"
    key = (env_id, settings.observation, n_envs)
    if key not in _MEASURED:
        _MEASURED[key] = _measured(env, n_envs)
    return _MEASURED[key]


def _measured(env: Callable[[], Any], n_envs: int) -> tuple[bool, str]:
    """Steps both with random actions, in turns, since the machine may be busy with others."""
    with closed(_vector(env, n_envs, False)) as one, closed(_vector(env, n_envs, True)) as many:
        rounds = [(_speed(one), _speed(many)) for _ in range(_ROUNDS)]
    alone, apart = (max(speeds) for speeds in zip(*rounds, strict=True))
    return apart > alone, f"measured: {alone:,.0f} steps/s in one process, {apart:,.0f} in workers"


def _speed(vector: Any) -> float:
    import numpy as np

    vector.reset()
    actions = [[vector.action_space.sample() for _ in range(vector.num_envs)] for _ in range(8)]
    began = time.perf_counter()
    for index in range(_TRIED):
        vector.step(np.array(actions[index % len(actions)]))
    return float(_TRIED * vector.num_envs / (time.perf_counter() - began))


def _vector(env: Callable[[], Any], n_envs: int, processes: bool) -> Any:
    from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv

    if processes:
        can_fork = "fork" in multiprocessing.get_all_start_methods()
        makers: list[Callable[[], Any]] = [partial(_tied, env)] * n_envs
        return SubprocVecEnv(makers, start_method="fork" if can_fork else None)
    return DummyVecEnv([env] * n_envs)


def _tied(env: Callable[[], Any]) -> Any:
    """Makes an env in a worker process that does not outlive the training.

    The pipe alone does not tell: a forked worker holds the other ends of its siblings' pipes,
    so that after a kill -9 all would wait for each other, and hold the training's lock.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        ended = parent.sentinel
        threading.Thread(target=_end_with, args=(ended,), daemon=True, name="parent").start()
    return env()


def _end_with(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)


@contextmanager
def closed(vector: Any) -> Iterator[Any]:
    """Closes the envs in the end, and leaves no process behind.

    After a second Ctrl-C workers are not asked to close: one of them may be stuck.

    Args:
        vector: stable-baselines3's vectorised env.
    """
    stuck = False
    try:
        yield vector
    except KeyboardInterrupt:
        stuck = True
        raise
    finally:
        workers = getattr(vector, "processes", [])
        if not (stuck and workers):
            with suppress(EOFError, OSError):  # a worker is gone
                vector.close()
                workers = []
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.join()
