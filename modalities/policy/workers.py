"""Where a training's work is done: processes for the envs, one thread for the network."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from shoal.modalities.policy.settings import TrainSettings

WORTH_WORKERS = 50_000
"""Steps from which starting worker processes pays; below, one process is faster."""


def side_by_side(env: Callable[[], Any], settings: TrainSettings) -> Any:
    """Puts the envs side by side: in worker processes for a long training, else in this one."""
    from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv

    makers = [env] * settings.n_envs
    can_fork = "fork" in multiprocessing.get_all_start_methods()
    if settings.steps >= WORTH_WORKERS and settings.n_envs > 1 and can_fork and _cores() > 1:
        return SubprocVecEnv(makers, start_method="fork")
    return DummyVecEnv(makers)


def _cores() -> int:
    """The cores this process may use, which in a container are fewer than the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def one_thread() -> Iterator[None]:
    """Small networks learn faster on one thread, and bit for bit the same."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
