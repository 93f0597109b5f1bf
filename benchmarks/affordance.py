"""Measures what a policy expects of missions: reliability, and whether it knows what can't be done.

    python benchmarks/affordance.py [--policy local] [--seeds 150] [--json]

Reliability, for each of the five tasks of shoal/MixedTrainLocal-v0 and for 0 and 8
distractors: the expected calibration error (ten bins) of the probability that the mission is
done within 1/32, 1/16 … and all of the step limit, over episodes that nothing was fitted on.

What can't be done: each room is asked for its own mission, and for one that it has no way to
fulfil: "absent" names a thing that is not there (for "put … next to …" the place to put it),
"no key" a locked door whose key is missing. "affordance" is what the policy expert tells the
router: the env's word whether the mission can be had, then the calibrated critic. "critic
alone" is shown the altered mission without that word. AUROC is of can against can't; false
refusals are missions that can be done, rated under what the expert tries (0.05) or what a
tool is offered at (0.5).
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import Any

import gymnasium
import numpy as np
from common import print_report
from running import guarded

from shoal.agents.acting.mask import LEAST
from shoal.envs import make
from shoal.envs.goal_env import objects
from shoal.envs.levels.mixed import MixedTrainLocal
from shoal.envs.missions import parse
from shoal.envs.observations import observe
from shoal.modalities.policy import Policy, PolicyExpert
from shoal.modalities.policy.calibration import HORIZONS, probability, step_limit
from shoal.modalities.policy.evaluation import episode
from shoal.modalities.policy.guard import Guarded
from shoal.statistics import calibration_error
from shoal.types import Context, Task

ENV, KEYLESS, FIRST = "shoal/MixedTrainLocal-v0", "shoal/MixedKeyless-v0", 60_000_000
TASKS = ("goto", "pickup", "open", "putnext", "pick_up_seq_go_to")
COLORS = ("red", "green", "blue", "purple", "yellow", "grey")


class Keyless(MixedTrainLocal):
    """The same rooms, without their keys."""

    def gen_mission(self) -> None:
        """Furnishes the rooms, then takes the keys away."""
        super().gen_mission()
        for index, cell in enumerate(self.grid.grid):
            if cell is not None and cell.type == "key":
                self.grid.grid[index] = None


class Told(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Says another mission than the room's own, unchecked."""

    mission = ""

    def reset(self, **given: Any) -> Any:
        """Resets the room."""
        seen, info = self.env.reset(**given)
        return {**seen, "mission": self.mission or seen["mission"]}, info


def main() -> None:
    """Measures and prints."""
    told, began = _arguments(), time.time()
    gymnasium.register(KEYLESS, Keyless)
    policy = Policy.load(told.policy)
    figures: dict[str, Any] = {"reliability": {}, "can": {}}
    for count in (0, 8):
        for task in TASKS:
            name, options = f"{task}, {count} distractors", {"task": task, "num_dists": count}
            figures["reliability"][name] = found = _reliability(policy, options, told.seeds)
            print(f"{name:34} success {found['success']:.3f}  ECE {found['ece']:.3f}", flush=True)
    for task in TASKS:
        for kind, figure in _can(policy, task, told.seeds).items():
            figures["can"][f"{task}, {kind}"] = figure
            print(f"{task + ', ' + kind:34} {figure}", flush=True)
    print_report(
        "affordance", figures, n=told.seeds, seed=FIRST, seconds=time.time() - began,
        as_json=told.json,
    )  # fmt: skip


def _reliability(policy: Policy, options: dict[str, Any], seeds: int) -> dict[str, float]:
    expected, done, solved = [], [], []
    with closing(Guarded(make(ENV, observation=policy.spec.observation, **options))) as env:
        for seed in range(FIRST, FIRST + seeds):
            _, steps, success, value = episode(policy, env, seed)
            limit = step_limit(env) or 1
            solved.append(bool(success))
            for part in HORIZONS:
                left = max(1, round(part * limit))
                expected.append(_told(policy, value, left, limit))
                done.append(float(bool(success) and steps <= left))
    return {
        "success": float(np.mean(solved)),
        "ece": round(calibration_error(np.array(expected), np.array(done), 10), 4),
    }


def _told(policy: Policy, value: float, left: int, limit: int) -> float:
    assert policy.spec.scores is not None
    assert policy.spec.scores.calibration is not None, "this policy is not calibrated"
    return probability(policy.spec.scores.calibration, value, left, limit)


def _can(policy: Policy, task: str, seeds: int) -> dict[str, Any]:
    """Compares missions that can be done with those that can't, in the same rooms."""
    options = {"task": task, "num_dists": 8}
    rooms = list(_rooms(options, seeds))
    ask = partial(_affordance, PolicyExpert(policy), options)
    can = [ask(ENV, seed, own) for seed, own, _ in rooms]
    found = {"absent": [ask(ENV, seed, other) for seed, _, other in rooms]}
    if task == "open":
        found["no key"] = [ask(KEYLESS, seed, own) for seed, own, _ in rooms]
    alone = _alone(policy, options)
    views = ([alone(seed, "") for seed, *_ in rooms], [alone(seed, o) for seed, _, o in rooms])
    told = {kind: _figure(can, rated) for kind, rated in found.items()}
    told["absent"]["AUROC of the critic alone"] = auroc(*views)
    return told


def _figure(can: list[float], cannot: list[float]) -> dict[str, float]:
    return {
        "AUROC": auroc(can, cannot),
        "false refusals": float(np.mean(np.array(can) < PolicyExpert().least)),
        "not offered": float(np.mean(np.array(can) < LEAST)),
        "tried in vain": float(np.mean(np.array(cannot) > PolicyExpert().least)),
    }


def auroc(can: list[float], cannot: list[float]) -> float:
    """The chance that one that can be done is rated above one that can't; ties count half."""
    above, below = np.array(can)[:, None], np.array(cannot)[None]
    return round(float((above > below).mean() + 0.5 * (above == below).mean()), 4)


def _rooms(options: dict[str, Any], seeds: int) -> Iterator[tuple[int, str, str]]:
    """Yields seeds, the room's own mission, and one of its kind that can't be done there."""
    random_ = random.Random(0)
    with closing(make(ENV, **options)) as env:
        for seed in range(FIRST, FIRST + seeds):
            seen, _ = env.reset(seed=seed)
            yield seed, seen["mission"], _absent(seen["mission"], env.unwrapped, random_)


def _absent(mission: str, level: Any, random_: random.Random) -> str:
    clause = parse(mission).clauses[0]
    kinds = ("door",) if clause.action == "open" else ("ball", "box", "key")
    named = [f"{color} {kind}" for color in COLORS for kind in kinds]
    gone = random_.choice([thing for thing in named if thing not in objects(level)])
    if clause.near:
        return f"put {clause.what.text} next to the {gone}"
    verb = {"goto": "go to", "pickup": "pick up", "open": "open"}[clause.action]
    return f"{verb} the {gone}"


def _affordance(
    expert: PolicyExpert, options: dict[str, Any], env: str, seed: int, mission: str
) -> float:
    def no_tool(name: str, arguments: Any) -> Any:
        raise AssertionError("an affordance calls no tools")

    context = Context(
        tools={}, call_tool=no_tool, image_path=str, artifacts_dir="",
        make_env=partial(make, **options),
    )  # fmt: skip
    return expert.affordance(Task(mission, env=env, seed=seed), context)


def _alone(policy: Policy, options: dict[str, Any]) -> Callable[[int, str], float]:
    told = Told(gymnasium.make(ENV, **options))
    env = observe(told, policy.spec.observation)

    def value(seed: int, mission: str) -> float:
        told.mission = mission
        return policy.value(env.reset(seed=seed)[0])

    return value


def _arguments() -> Any:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--policy", default="local")
    parser.add_argument("--seeds", type=int, default=150)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    guarded(main)
