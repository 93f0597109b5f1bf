"""Measures learning from a teacher beside learning from reward, after the same env steps.

    python benchmarks/teacher.py [--env BabyAI-GoToLocal-v0] [--observation goal_mask]
        [--teacher goto] [--steps 1000 2000 4000] [--seeds 3] [--episodes 200] [--json]

Both train the same network by `shoal.modalities.policy.train`, with ten validations of 50
episodes that choose the weights; then each policy plays episodes that neither saw. A step in
the env is one question to the teacher ("dagger"), or one transition for PPO ("reward"). Several
seeds are pooled for the interval, so it tells of episodes, and the range of seeds stands beside.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from common import print_report, wilson
from running import guarded

from shoal.agents.acting import teaching
from shoal.envs import make, make_vec
from shoal.envs.vector import has_batch
from shoal.modalities.policy import Policy, TrainSettings, train


def main() -> None:
    """Measures and prints."""
    told, began = _arguments(), time.time()
    figures: dict[str, Any] = {}
    print(f"{'steps':>7} {'how':8} success (95 %), each seed, seconds of training")
    for steps in told.steps:
        for how in ("dagger", "reward"):
            found = _figure([_one(how, steps, seed, told) for seed in range(told.seeds)])
            figures[f"{how} {steps}"] = found
            low, high = (f"{100 * bound:.1f}" for bound in found["interval"])
            seeds = ", ".join(f"{100 * rate:.0f}" for rate in found["seeds"])
            line = f"{100 * found['success']:5.1f} % ({low} to {high})  [{seeds}]"
            print(f"{steps:7} {how:8} {line}  {found['seconds']} s", flush=True)
    n = told.seeds * told.episodes
    seconds = time.time() - began
    print_report("teacher", figures, n=n, seed=0, seconds=seconds, as_json=told.json)


def _one(how: str, steps: int, seed: int, told: Any) -> dict[str, Any]:
    by = teaching(told.teacher, told.env) if how == "dagger" else None
    batch = make_vec if has_batch(told.env, told.observation) else None
    with tempfile.TemporaryDirectory() as folder:
        settings = TrainSettings(
            observation=told.observation, out=Path(folder) / "policy", steps=steps, seed=seed,
            episodes=told.episodes, validation=50, pictures=False, quiet=True,
        )  # fmt: skip
        path = train(told.env, make_env=make, make_vec=batch, settings=settings, teaching=by)
        spec = Policy.load(path).spec
    assert spec.scores is not None
    return {
        "successes": spec.scores.successes or 0, "episodes": told.episodes,
        "seconds": spec.training["seconds"],
    }  # fmt: skip


def _figure(seeds: list[dict[str, Any]]) -> dict[str, Any]:
    won, played = (sum(each[key] for each in seeds) for key in ("successes", "episodes"))
    return {
        "success": won / played,
        "interval": wilson(won, played),
        "seeds": [each["successes"] / each["episodes"] for each in seeds],
        "seconds": round(sum(each["seconds"] for each in seeds) / len(seeds)),
        "n": played,
    }


def _arguments() -> Any:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--env", default="BabyAI-GoToLocal-v0")
    parser.add_argument("--observation", default="goal_mask")
    parser.add_argument("--teacher", default="goto")
    parser.add_argument("--steps", type=int, nargs="+", default=[1000, 2000, 4000])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--episodes", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    guarded(main)
