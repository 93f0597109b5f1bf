"""Where a training's work is done: processes for the envs, one thread for the network."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from shoal.modalities.cores import cores
from shoal.modalities.policy.settings import TrainSettings

WORTH_WORKERS = 50_000
"""Steps from which starting worker processes pays; below, one process is faster."""


def side_by_side(env: Callable[[], Any], settings: TrainSettings) -> Any:
    """Puts the envs side by side: in worker processes for a long training, else in this one."""
    from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv

    steps, n_envs = settings.steps or 1, settings.n_envs or 1
    makers = [env] * n_envs
    can_fork = "fork" in multiprocessing.get_all_start_methods()
    if steps >= WORTH_WORKERS and n_envs > 1 and can_fork and cores() > 1:
        return SubprocVecEnv(makers, start_method="fork")
    return DummyVecEnv(makers)


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
