"""For balrog.py: seconds a step, training throughput beside stable-baselines3's own, and
how many env steps a policy needs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from shoal.envs import make, make_vec
from shoal.envs.goal_map.shaping import Shaped
from shoal.modalities.policy import Policy

TRAIN = "shoal/MixedTrainLocal-v0"
DISTRACTORS, SHAPING, GAMMA = 8, 0.3, 0.97
ENVS, ROLLOUT = 128, 16
STEPS = 122_880
"""Env steps that throughput is timed over: enough to see that all three ways learn alike."""

BUDGET, ENOUGH, WINDOW = 250_000, 0.8, 500


def acting(policy: Policy) -> dict[str, float]:
    """Milliseconds from a view and the mission to an action, beside stable-baselines3's predict."""
    figures = {}
    for name, observation in (("symbolic", "goal_map"), ("pixels", "pixel_map")):
        env: Any = make(TRAIN, observation=observation, task="putnext", num_dists=DISTRACTORS)
        seen, _ = env.reset(seed=0)
        figures[f"{name}_policy_ms"] = _median(partial(policy.act, seen))
        figures[f"{name}_view_to_action_ms"] = _median(_seeing(env, policy))
    figures["sb3_predict_ms"] = _median(lambda: policy.sb3.predict(seen, deterministic=True))
    return figures


def _seeing(env: Any, policy: Policy) -> Callable[[], object]:
    """What is done at a step besides the env itself: the view is drawn in, an action chosen."""
    wrapper = env
    while not hasattr(wrapper, "_view"):
        wrapper = wrapper.env
    level, one = env.unwrapped, np.zeros(1, np.int64)
    native = level.gen_obs()
    picture = level.get_frame(tile_size=16, agent_pov=True)
    level.get_frame = lambda **_: picture  # the env draws it, not the policy

    def step() -> object:
        seen = wrapper._maps.see(one, wrapper._view(native), one)
        return policy.act(seen[0])

    return step


def _median(call: Callable[[], object], times: int = 500) -> float:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return round(1e3 * statistics.median(taken), 4)


def throughput() -> dict[str, float]:
    """Env steps a second of the same PPO on the same env, stepped in three ways, by turns."""
    makers: dict[str, Callable[[], Any]] = {
        "batched": batched, "DummyVecEnv": _dummy, "SubprocVecEnv": _processes
    }  # fmt: skip
    figures = {}
    for name, maker in makers.items():
        figures |= {f"{name}_{what}": value for what, value in _trained(maker).items()}
    ours = figures["batched_steps_per_second"]
    for name in ("DummyVecEnv", "SubprocVecEnv"):
        figures[f"times_{name}"] = round(ours / figures[f"{name}_steps_per_second"], 1)
    return figures | {"env_steps": STEPS, "gradient_steps": STEPS // 512 * 4}


def _trained(make: Callable[[], Any]) -> dict[str, float]:
    envs = make()
    model, watch = _model(envs), _watching()
    model.learn(ENVS * ROLLOUT)  # processes have started, caches are warm
    began = time.perf_counter()
    model.learn(STEPS, callback=watch)
    seconds = time.perf_counter() - began
    envs.close()
    return {"steps_per_second": round(STEPS / seconds), "success_at_the_end": watch.success()}


def learning() -> dict[str, float]:
    """Env steps until a policy that learns solves four of five missions with 8 distractors."""
    watch, began = _watching(ENOUGH), time.perf_counter()
    model = _model(batched())
    model.learn(BUDGET, callback=watch)
    return {
        "env_steps": model.num_timesteps, "success_while_learning": watch.success(),
        "episodes_counted": WINDOW, "seconds": round(time.perf_counter() - began, 1),
    }  # fmt: skip


def _watching(enough: float = 2.0) -> Any:
    """A callback that counts successes, and stops as soon as enough of the last ones are."""
    from stable_baselines3.common.callbacks import BaseCallback

    class Watching(BaseCallback):
        def __init__(self) -> None:
            super().__init__()
            self.ends: list[bool] = []

        def success(self) -> float:
            return round(float(np.mean(self.ends[-WINDOW:])), 3)

        def _on_step(self) -> bool:
            infos = self.locals["infos"]
            self.ends += [info["is_success"] for info in infos if "is_success" in info]
            return len(self.ends) < WINDOW or self.success() < enough

    return Watching()


def batched() -> Any:
    """Our vector env for stable-baselines3."""
    from shoal.modalities.policy.batched import BatchedVecEnv

    envs = make_vec(
        TRAIN, ENVS, observation="goal_map", shaping=SHAPING, gamma=GAMMA, num_dists=DISTRACTORS
    )
    made = BatchedVecEnv(envs)
    made.seed(0)
    return made


def _single() -> Any:
    from stable_baselines3.common.monitor import Monitor

    env = make(TRAIN, observation="goal_map", num_dists=DISTRACTORS)
    return Monitor(Shaped(env, SHAPING, GAMMA))


def _dummy() -> Any:
    from stable_baselines3.common.vec_env import DummyVecEnv

    return DummyVecEnv([_single] * ENVS)


def _processes() -> Any:
    from stable_baselines3.common.vec_env import SubprocVecEnv

    return SubprocVecEnv([_single] * ENVS, start_method="fork")


def _model(envs: Any) -> Any:
    from stable_baselines3 import PPO
    from torch import nn

    net = [96, 64]
    return PPO(
        "MlpPolicy", envs, seed=0, device="cpu", n_steps=ROLLOUT, batch_size=512, n_epochs=4,
        learning_rate=1e-3, ent_coef=0.01, gamma=GAMMA,
        policy_kwargs={"net_arch": {"pi": net, "vf": net}, "activation_fn": nn.ReLU},
    )  # fmt: skip
