"""Measures acting in BALROG's BabyAI levels: success by task, speed, and how fast it is learnt.

    python benchmarks/balrog.py [--policy local] [--seeds 200] [--only levels,pixels,...] [--json]
    python benchmarks/balrog.py --episodes FILE.jsonl [--observation text|symbolic|pixels]

Episodes come from seeds that no training draws. `symbolic` is the env's own view, `pixels` the
picture of 112 x 112 and the mission's text, `text` a language model alone, its output held to
the legal actions. With --episodes (fields task, seed, num_dists and, of the agent that was
recorded, progression) both play the same levels, and wins and losses are counted in pairs.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from balrog_speed import acting, learning, throughput
from common import print_report, wilson
from running import guarded

from shoal.envs import make
from shoal.envs.levels import TASKS
from shoal.errors import UsageError
from shoal.modalities.policy import Policy
from shoal.modalities.policy.evaluation import action_for

LEVELS = {"train": "shoal/MixedTrainLocal-v0", "test": "shoal/MixedTestLocal-v0"}
FIRST_SEED = 3_000_000_000
WRAPPERS = {"symbolic": "goal_map", "pixels": "pixel_map"}
PARTS = ("levels", "pixels", "acting", "throughput", "learning", "text")
TRAINED = "trained in these levels"
ROWS = (("train", 0), ("train", 8), ("test", 0), ("test", 8))
Play = Callable[[str, str, int, int], float]
"""Plays (split, task, distractors, seed); 1.0 for success, else 0.0."""


def main() -> None:
    """Prints a line a figure, and with --json one JSON object at the end."""
    options, began = _options(), time.perf_counter()
    figures: dict[str, Any] = {}
    measures = _recorded(options) if options.episodes else _measures(options)
    for name, figure in measures:
        figures[name] = figure
        told = ", ".join(f"{key} {_short(value)}" for key, value in figure.items())
        print(f"{name:32} {told}", flush=True)
    print_report(
        "balrog", {"policy": options.policy, **figures}, n=options.seeds, seed=FIRST_SEED,
        seconds=time.perf_counter() - began, as_json=options.json,
    )  # fmt: skip


def _measures(options: argparse.Namespace) -> Iterator[tuple[str, dict[str, Any]]]:
    if "levels" in options.only:
        play = _player(options, "symbolic")
        for split, distractors in ROWS:
            yield _row(play, "symbolic", split, distractors, options.seeds)
    if "pixels" in options.only:
        play = _player(options, "pixels")
        for split in ("train", "test"):
            yield _row(play, "pixels", split, 0, options.seeds)
    if "acting" in options.only:
        yield "acting", acting(Policy.load(options.policy))
    if "throughput" in options.only:
        yield "throughput", throughput()
    if "learning" in options.only:
        yield "learning", learning()
    if "text" in options.only:
        yield _row(_player(options, "text"), "text", "train", 0, min(options.seeds, 10))


def _row(
    play: Play, observation: str, split: str, distractors: int, seeds: int
) -> tuple[str, dict[str, Any]]:
    """Success in each task and over all, with 95 % intervals."""
    played = {
        task: [play(split, task, distractors, FIRST_SEED + seed) for seed in range(seeds)]
        for task in TASKS
    }
    figure: dict[str, Any] = {task: _share(ends) for task, ends in played.items()}
    figure["all"] = _share([end for ends in played.values() for end in ends])
    figure["kind"] = "zero-shot" if observation == "text" else TRAINED
    return f"{observation} {split} num_dists={distractors}", figure


def _share(ends: list[float]) -> dict[str, Any]:
    low, high = wilson(int(sum(ends)), len(ends))
    return {
        "success": round(float(np.mean(ends)), 4),
        "interval": [round(low, 4), round(high, 4)],
        "n": len(ends),
    }


def _player(options: argparse.Namespace, observation: str) -> Play:
    if observation == "text":
        from shoal.agents.acting import TextPolicy

        policy: Any = TextPolicy(LEVELS["train"])
        return lambda split, task, distractors, seed: _text(policy, split, task, distractors, seed)
    loaded = Policy.load(options.policy)

    def play(split: str, task: str, distractors: int, seed: int) -> float:
        wrapped = WRAPPERS[observation]
        with closing(
            make(LEVELS[split], observation=wrapped, task=task, num_dists=distractors)
        ) as env:
            seen, _ = env.reset(seed=seed)
            loaded.seed(seed)
            return _played(env, seen, lambda seen: action_for(loaded, seen, env))

    return play


def _text(policy: Any, split: str, task: str, distractors: int, seed: int) -> float:
    with closing(make(LEVELS[split], task=task, num_dists=distractors)) as env:
        seen, _ = env.reset(seed=seed)
        first = [True]
        return _played(
            env,
            seen,
            lambda seen: int(policy.predict(seen, None, [first.pop() if first else False])[0]),
        )


def _played(env: Any, seen: Any, act: Callable[[Any], int]) -> float:
    while True:
        seen, reward, terminated, truncated, _ = env.step(act(seen))
        if terminated or truncated:
            return float(float(reward) > 0)


def _recorded(options: argparse.Namespace) -> Iterator[tuple[str, dict[str, Any]]]:
    """Recorded episodes against ours, from the same seeds."""
    play, pairs = _player(options, options.observation), []
    for episode in _episodes(options.episodes):
        task, seed = episode["task"].rpartition("/")[2], int(episode["seed"])
        ours = play("train", task, int(episode.get("num_dists", 0)), seed)
        pairs.append((task, ours, episode.get("progression")))
    for task in (*TASKS, None):
        of_task = [pair for pair in pairs if task in (None, pair[0])]
        if of_task:
            yield task or "all", _compared(of_task)


def _compared(pairs: list[tuple[str, float, Any]]) -> dict[str, Any]:
    figure = {"ours": _share([ours for _, ours, _ in pairs])}
    known = [(ours, float(theirs)) for _, ours, theirs in pairs if theirs is not None]
    if known:
        figure["recorded"] = _share([theirs for _, theirs in known])
        figure["wins"] = sum(ours > theirs for ours, theirs in known)
        figure["losses"] = sum(ours < theirs for ours, theirs in known)
    return figure


def _episodes(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UsageError(f"{path} can't be read", str(error), "Name a JSONL file") from error
    for number, line in enumerate(lines, start=1):
        try:
            episode = json.loads(line)
            _ = episode["seed"] + 0, episode["task"].rpartition("/")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            why = f"line {number}: {type(error).__name__} {error}"
            fix = "A line is a JSON object with task, seed and num_dists"
            raise UsageError(f"{path} holds no episodes", why, fix) from error
        yield episode


def _short(value: Any) -> str:
    if isinstance(value, dict) and "success" in value:
        low, high = value["interval"]
        return f"{value['success']:.1%} ({low:.1%} to {high:.1%})"
    return str(value)


def _options() -> argparse.Namespace:
    made = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    made.add_argument("--policy", default="local", help="a policy's name or folder")
    made.add_argument("--seeds", type=int, default=200, help="episodes a task")
    made.add_argument("--episodes", type=Path, help="recorded episodes, JSONL")
    made.add_argument("--observation", default="symbolic", choices=("symbolic", "pixels", "text"))
    made.add_argument("--only", default=",".join(PARTS), help="some of the parts, by commas")
    made.add_argument("--json", action="store_true")
    options = made.parse_args()
    options.only = set(options.only.split(","))
    if strange := options.only - set(PARTS):
        made.error(f"no part {', '.join(sorted(strange))}; known: {', '.join(PARTS)}")
    if options.seeds < 1:
        made.error("--seeds is 1 or more")
    return options


if __name__ == "__main__":
    guarded(main)
