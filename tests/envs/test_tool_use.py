"""The tool-use env: what calls do, its words, and what is learnt in it."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from shoal.envs import make
from shoal.envs.tool_use import TOOLS, ToolTask, ToolUse, expected_best
from shoal.envs.tool_use.planning import best_order, play
from shoal.envs.tool_use.state import ACTIONS, State
from shoal.errors import UnknownNameError, UsageError
from shoal.modalities.policy import Policy, TrainSettings, train
from shoal.modalities.policy.evaluation import episode


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
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*different from the unwrapped version")
        check_env(env)  # remakes it from its spec, wrappers and all


def test_bad_options_get_a_sentence() -> None:
    with pytest.raises(UsageError, match="no price"):
        make("shoal/ToolUse-v0", lam="dear")
    with pytest.raises(UnknownNameError, match="did you mean 'train'"):
        make("shoal/ToolUse-v0", split="trian")
    with pytest.raises(UnknownNameError, match="reset option"):
        ToolUse().reset(options={"row": 1})


LAM = 0.2
"""Price of a second: dear enough that the choice of the tool matters more than luck."""


@pytest.fixture(scope="module")
def order() -> list[str]:
    """The baseline, chosen on the seeds 0 to 199."""
    return best_order(ToolUse(lam=LAM), range(200))


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    """What `shoal train shoal/ToolUse-v0` makes of a sixth of its default steps."""
    settings = TrainSettings(
        steps=24_576, workers="one", checks=1, validation=50, episodes=1, quiet=True,
        pictures=False, out=tmp_path_factory.mktemp("tools") / "p", env_options={"lam": LAM},
    )  # fmt: skip
    return Policy.load(train("shoal/ToolUse-v0", make_env=make, settings=settings))


def _returns(policy: Policy, env: Any, seeds: range) -> Any:
    return np.array([episode(policy, env, seed)[0] for seed in seeds])


def test_the_default_training_beats_the_best_fixed_order(learnt: Policy, order: list[str]) -> None:
    env, seeds = make("shoal/ToolUse-v0", lam=LAM), range(10**6, 10**6 + 1000)
    got, fixed = _returns(learnt, env, seeds), np.array(play(env, order, seeds))
    gain = got - fixed
    margin = 1.96 * gain.std() / np.sqrt(len(gain))
    print(
        f"\nn={len(gain)}: learnt {got.mean():.3f}, best fixed order {fixed.mean():.3f}, "
        f"gain {gain.mean():.3f} ± {margin:.3f}"
    )
    assert gain.mean() - margin > 0


def test_the_best_plan_is_above_the_best_order(order: list[str]) -> None:
    assert sorted(order) == sorted(tool.name for tool in TOOLS)
    env, best = ToolUse(lam=LAM), []
    for seed in range(400, 600):
        _, info = env.reset(seed=seed)
        best.append(expected_best(env.state.task, info["prices"], 0.3, env.max_steps))
    climbed, first = (np.mean(play(env, names, range(400, 600))) for names in (order, order[::-1]))
    assert np.mean(best) > climbed > first


def test_a_masked_policy_chooses_only_what_makes_sense(learnt: Policy) -> None:
    env = ToolUse()
    assert learnt.spec.algo == "MaskablePPO"
    for seed in range(30):
        observation, _ = env.reset(seed=seed)
        masks = env.action_masks()
        for sure in (True, False):
            action, _ = learnt.predict(observation, deterministic=sure, action_masks=masks)
            assert masks[int(action)]
        theirs, _ = learnt.sb3.predict(observation, deterministic=True, action_masks=masks)
        assert theirs == learnt.predict(observation, action_masks=masks)[0]
    batch = np.stack([observation] * 3)
    assert learnt.predict(batch, action_masks=np.stack([masks] * 3))[0].shape == (3,)
    with pytest.raises(UsageError, match="14 actions"):
        learnt.predict(observation, action_masks=masks[:3])
