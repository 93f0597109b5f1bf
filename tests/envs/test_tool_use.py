"""The tool-use env: what calls do, its words, and what is learnt in it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sb3_contrib import MaskablePPO
from stable_baselines3.common.env_util import make_vec_env

from shoal.envs import make
from shoal.envs.tool_use import TOOLS, ToolTask, ToolUse, expected_best
from shoal.envs.tool_use.planning import play
from shoal.envs.tool_use.state import ACTIONS, State
from shoal.errors import UnknownNameError, UsageError

LAM = 0.2


def _at(env: ToolUse, given: tuple[str, ...], wanted: str, fact: float = 1.0) -> None:
    """Puts a task of our own into an env that was reset."""
    env.reset(seed=0)
    names = ("remembered", "indexed", "legible", "service")
    env.state = State(ToolTask(given, wanted, dict.fromkeys(names, fact)), set(given))


def _do(env: Any, name: str) -> Any:
    return env.step(ACTIONS.index(name))


def test_results_feed_later_calls() -> None:
    env = ToolUse(lam=1, mu=0)
    _at(env, ("question",), "total")
    _, reward, *_, info = _do(env, "call add_up")
    assert (reward, info["refused"]) == (-0.05, "add_up needs numbers")
    assert "there is no total" in _do(env, "answer")[-1]["refused"]
    for name in ("call recall", "call find_numbers", "call add_up"):
        while not (info := _do(env, name)[-1])["worked"]:
            pass
    _, reward, ended, _, info = _do(env, "answer")
    assert (ended, info["is_success"]) == (True, not env.state.wrong)
    assert reward == float(info["is_success"])


def test_a_silent_tool_may_give_a_wrong_item_that_stays_wrong() -> None:
    env = ToolUse()
    _at(env, ("question",), "summary", fact=0.0)
    assert _do(env, "call recall")[-1]["worked"]
    assert env.state.wrong == {"text"}  # right in 5 % of cases, and not with this seed
    _do(env, "call summarise")
    assert _do(env, "answer")[1:3] == (0.0, True)


def test_asking_is_right_where_no_calls_lead_there() -> None:
    env = ToolUse()
    _at(env, ("image",), "record")
    assert env.action_masks().tolist() == [False] * 13 + [True]
    assert _do(env, "ask")[-1]["is_success"] is True


def test_tasks_of_the_test_split_are_never_trained_on() -> None:
    def seen(split: str) -> set[Any]:
        env = ToolUse(split=split)
        tasks = [env.reset(seed=seed)[1]["task"] for seed in range(500)]
        return {(task["given"], task["wanted"]) for task in tasks}

    assert len(seen("train")) == 27
    assert len(seen("test")) == 8
    assert not seen("train") & seen("test")


def test_in_words() -> None:
    env: Any = make("shoal/ToolUse-v0", observation="text", actions="text", seed=1)
    text, info = env.reset(seed=1)
    assert text.startswith("Wanted: ")
    assert info["legal"][-1] == "ask"
    *_, terminated, _, info = env.step("rm -rf")
    assert (terminated, info["action"], info["failed_candidate"]) == (True, "ask", "rm -rf")


def test_bad_options_get_a_sentence() -> None:
    with pytest.raises(UsageError, match="no price"):
        make("shoal/ToolUse-v0", lam="dear")
    with pytest.raises(UnknownNameError, match="did you mean 'train'"):
        make("shoal/ToolUse-v0", split="trian")
    with pytest.raises(UnknownNameError, match="reset option"):
        ToolUse().reset(options={"row": 1})


def _best_order(env: ToolUse, tries: int = 60) -> list[str]:
    """Climbs from order to order on training tasks: one tool moved at a time."""
    random, seeds = np.random.default_rng(0), range(200)
    best = [tool.name for tool in TOOLS][::-1]
    worth = np.mean(play(env, best, seeds))
    for _ in range(tries):
        order = list(best)
        order.insert(int(random.integers(12)), order.pop(int(random.integers(12))))
        if (got := np.mean(play(env, order, seeds))) > worth:
            best, worth = order, got
    return best


def _played(model: Any, env: ToolUse, seed: int) -> tuple[float, float]:
    """Return of one episode, and what the best plan expects of it."""
    observation, info = env.reset(seed=seed)
    best = expected_best(env.state.task, info["prices"], env.prices.ask, env.max_steps)
    total, ended = 0.0, False
    while not ended:
        masks = env.action_masks()
        action, _ = model.predict(observation, deterministic=True, action_masks=masks)
        observation, reward, terminated, truncated, _ = env.step(action)
        total, ended = total + reward, terminated or truncated
    return total, best


def test_a_learnt_policy_beats_the_best_fixed_order() -> None:
    envs = make_vec_env("shoal/ToolUse-v0", 8, seed=0, env_kwargs={"lam": LAM})
    model = MaskablePPO(
        "MlpPolicy", envs, n_steps=256, batch_size=256, n_epochs=5, learning_rate=1e-3,
        ent_coef=0.01, seed=0,
    ).learn(24_576)  # fmt: skip
    train, seeds = ToolUse(lam=LAM), range(10**6, 10**6 + 1000)
    order = _best_order(train)
    for split in ("train", "test"):
        env = ToolUse(split=split, lam=LAM)
        learnt, best = np.array([_played(model, env, seed) for seed in seeds]).T
        fixed = np.array(play(env, order, seeds))
        gain = learnt - fixed
        margin = 1.96 * gain.std() / np.sqrt(len(gain))
        print(
            f"\n{split}, n=1000: learnt {learnt.mean():.3f}, best fixed order "
            f"{fixed.mean():.3f}, gain {gain.mean():.3f} ± {margin:.3f}, "
            f"best plan {best.mean():.3f}"
        )
        assert gain.mean() - margin > 0
