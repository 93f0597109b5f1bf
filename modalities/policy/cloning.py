"""Behaviour cloning: a policy fitted to episodes that somebody else played well.

The cross entropy of the actions taken is lowered on the observations where they were taken
(Pomerleau 1989, "ALVINN"; Bain and Sammut 1995). Whole episodes are held out, and the weights of
the epoch that foresees their actions best are kept. Nothing was shown of states that the player
never came to: so what was learnt is played on seeds of its own, and scored, before it is used.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from shoal.errors import UsageError
from shoal.modalities.cores import one_thread
from shoal.modalities.policy.artifact import save
from shoal.modalities.policy.building import build
from shoal.modalities.policy.card import machine, versions
from shoal.modalities.policy.evaluation import TEST_SEED, VALIDATION_SEED, evaluate
from shoal.modalities.policy.guard import Guarded
from shoal.modalities.policy.lessons import Fit, Lessons
from shoal.modalities.policy.policy import Policy
from shoal.modalities.policy.presets import policy_class
from shoal.modalities.policy.settings import TrainSettings

LEAST_EPISODES = 20
"""Fewer show too little of an env."""

MOST_STEPS = 50_000
"""Steps that are learnt from, the latest episodes first: memory and time stay bounded."""

_HELD_OUT, _BATCH, _RATE = 0.1, 64, 1e-3
_UPDATES, _LEAST_EPOCHS, _PATIENCE = 4_000, 10, 8
"""Few steps take many epochs: at most about so many updates, and at least so many epochs."""

_TRIED = 50
"""Episodes by which it is chosen whether to sample the actions."""


@dataclass(frozen=True, slots=True)
class Demonstration:
    """One episode that went well.

    Attributes:
        observations: (T,), each as the policy is to see it.
        actions: (T,), what was done there.
        rewards: (T,).
    """

    observations: Sequence[Any]
    actions: Sequence[Any]
    rewards: Sequence[float]


def clone(
    env_id: str,
    shown: Sequence[Demonstration],
    *,
    make_env: Callable[..., Any],
    settings: TrainSettings,
) -> Path:
    """Fits a policy to demonstrations, scores it and saves it with its card.

    Args:
        env_id: Where they were played.
        shown: The episodes, the latest last.
        make_env: Builds the env from the id and `observation=`, such as `shoal.envs.make`.
        settings: Its observation, name, out (the folder to save to), seed and episodes (of the
            evaluation) count.

    Returns:
        The folder.

    Raises:
        UsageError: Too few episodes, or the env's observations or actions suit no policy.
        RunError: The env raised, or returned what it must not.
        StorageError: It can't be saved.
    """
    if len(shown) < LEAST_EPISODES:
        raise UsageError(
            f"{len(shown)} episodes are too few to clone", f"{LEAST_EPISODES} are needed"
        )
    began = time.perf_counter()
    with one_thread():
        model = _model(env_id, make_env, settings)
        lot, held = _parted(_latest(shown), model.gamma, settings.seed)
        epochs, loss = _fitted(model.policy, lot, held, settings.seed)
        told = {
            "cloned_from": f"{len(shown)} episodes", "steps": len(lot.actions), "epochs": epochs,
            "held_out_cross_entropy": round(loss, 4), "seed": settings.seed,
            "seconds": round(time.perf_counter() - began, 1), "machine": machine(),
        }  # fmt: skip
        return _scored(model, env_id, make_env, settings, told)


def _model(env_id: str, make_env: Callable[..., Any], settings: TrainSettings) -> Any:
    from stable_baselines3.common.vec_env import DummyVecEnv

    env = Guarded(make_env(env_id, observation=settings.observation))
    policy_class(env.observation_space)  # says so where no policy can read it
    with closing(DummyVecEnv([lambda: env])) as envs:
        chosen = replace(settings, algo="PPO", n_envs=1, shaping=0.0)
        return build(chosen.settled(envs.action_space, env_id), envs)


def _latest(shown: Sequence[Demonstration]) -> list[Demonstration]:
    """The latest episodes whose steps are no more than may be learnt from."""
    taken: list[Demonstration] = []
    steps = 0
    for one in reversed(shown):
        steps += len(one.actions)
        if steps > MOST_STEPS and taken:
            break
        taken.append(one)
    return taken


def _parted(shown: Sequence[Demonstration], gamma: float, seed: int) -> tuple[Lessons, Lessons]:
    order = np.random.default_rng(seed).permutation(len(shown))
    cut = max(1, round(_HELD_OUT * len(shown)))
    parts = Lessons(), Lessons()
    for place, index in enumerate(order):
        _add(parts[place < cut], shown[index], gamma)
    return parts


def _add(lessons: Lessons, shown: Demonstration, gamma: float) -> None:
    for observation, action in zip(shown.observations, shown.actions, strict=True):
        lessons.add(observation, np.asarray(action))
    lessons.ended(list(shown.rewards), gamma)


def _fitted(policy: Any, lot: Lessons, held: Lessons, seed: int) -> tuple[int, float]:
    """Fits until the held-out episodes are foreseen no better; keeps the best weights."""
    random, fit = np.random.default_rng((seed, 1)), Fit(1, _BATCH)
    best, kept, at = math.inf, dict[str, Any](), 0
    for group in policy.optimizer.param_groups:
        group["lr"] = _RATE
    epochs = max(_LEAST_EPOCHS, _UPDATES * _BATCH // len(lot.actions))
    for epoch in range(1, epochs + 1):
        fit(policy, lot, random)
        loss = _cross_entropy(policy, held)
        if loss < best:
            best, at = loss, epoch
            kept = {name: value.clone() for name, value in policy.state_dict().items()}
        elif epoch - at >= _PATIENCE:
            break
    if not kept:
        raise UsageError("nothing could be cloned", "the loss is no number", "Check the rewards")
    policy.load_state_dict(kept)
    return at, best


def _cross_entropy(policy: Any, held: Lessons) -> float:
    import torch

    from shoal.modalities.policy.lessons import stacked

    seen, _ = policy.obs_to_tensor(stacked(held.observations))
    with torch.inference_mode():
        _, chances, _ = policy.evaluate_actions(seen, torch.as_tensor(np.stack(held.actions)))
    return float(-chances.mean())


def _scored(
    model: Any,
    env_id: str,
    make_env: Callable[..., Any],
    settings: TrainSettings,
    told: dict[str, Any],
) -> Path:
    about: dict[str, Any] = {
        "name": settings.called(env_id), "env": env_id, "observation": settings.observation,
        "training": told, "versions": versions(),
    }  # fmt: skip
    folder = settings.out or Path(about["name"])
    tried = []
    for sample in (False, True):  # where much is hidden, who never varies walks in circles
        policy = Policy.load(save(model, folder, **about, sample=sample))
        scores = evaluate(policy, env_id, make_env, _TRIED, VALIDATION_SEED)
        tried.append((scores.successes or 0, scores.mean_return))
    about["sample"] = tried[1] > tried[0]
    policy = Policy.load(save(model, folder, **about))
    scores = evaluate(policy, env_id, make_env, settings.episodes, TEST_SEED)
    return save(model, folder, **about, scores=scores.model_dump())
