"""The routing env: its contract, its logs, and what is learnt in it."""

from __future__ import annotations

import json
import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as check_for_sb3

from shoal.envs import make, names
from shoal.envs.routing import Bank, Routing, generate, read_bank
from shoal.errors import ShoalError
from shoal.modalities.policy import Policy, TrainSettings, train

CONTEXTUAL = ("Routing", "RoutingTest", "ToolUse", "ToolUseTest")


@pytest.mark.parametrize("name", CONTEXTUAL)
def test_the_checkers_have_nothing_to_say(name: str) -> None:
    env = gymnasium.make(f"shoal/{name}-v0").unwrapped
    assert f"shoal/{name}-v0" in names()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env)
        check_for_sb3(env)


@pytest.mark.parametrize("name", CONTEXTUAL)
def test_the_same_seed_gives_the_same_episodes(name: str) -> None:
    def told() -> list[Any]:
        env: Any = make(f"shoal/{name}-v0", seed=5, lam=[0.01, 1])
        env.action_space.seed(0)
        seen = []
        for _ in range(20):
            seen.append(env.reset()[0].tolist())
            ended = False
            while not ended:
                observation, reward, terminated, truncated, _ = env.step(env.action_space.sample())
                seen.append((observation.tolist(), reward))
                ended = terminated or truncated
        return seen

    assert told() == told()


def test_no_context_is_in_both_splits() -> None:
    bank = generate()
    rows = {
        split: {bank.embeddings[r].tobytes() for r in bank.rows(split)}
        for split in ("train", "test")
    }
    assert not rows["train"] & rows["test"]
    assert 0.2 < len(rows["test"]) / len(bank) < 0.3
    env: Any = gymnasium.make("shoal/RoutingTest-v0")
    assert all(bank.held_out[env.reset(seed=seed)[1]["row"]] for seed in range(50))


def test_a_failed_attempt_is_paid_for_and_the_next_best_may_follow() -> None:
    bank = generate()
    env = Routing(attempts=2)
    row = int(np.flatnonzero(~bank.success[:, 0].astype(bool) & bank.success[:, 1].astype(bool))[0])
    env.reset(seed=0, options={"row": row, "lam": 0.1, "mu": 0.0})
    _, reward, ended, _, info = env.step(0)
    assert not ended
    assert reward == pytest.approx(-0.1 * bank.seconds[row, 0])
    assert info["action_mask"].tolist() == [False, True, True, True, True]
    _, reward, ended, _, info = env.step(1)
    assert (ended, info["is_success"]) == (True, True)
    assert reward == pytest.approx(1 - 0.1 * bank.seconds[row, 1])


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"lam": -1}, "no price"), ({"lam": float("nan")}, "no price"),
        ({"mu": [2, 1]}, "no range"),
        ({"mu": [1, 2, 3]}, "pair"), ({"ask": "much"}, "reward"),
        ({"split": "tset"}, "did you mean 'test'"),
        ({"attempts": 0}, "1 to 3"), ({"bank": 3}, "no bank"), ({"estimator": "dm"}, "estimator"),
        ({"bank": "/nowhere.jsonl"}, "No such file"), ({"bank": "log.csv"}, ".jsonl or .npz"),
    ],
)  # fmt: skip
def test_a_bad_option_gets_a_sentence(options: dict[str, Any], why: str) -> None:
    with pytest.raises(ShoalError, match=why):
        make("shoal/Routing-v0", **options)


@pytest.mark.parametrize("options", [{"row": -1}, {"row": "1"}, {"lam": None}, {"lamb": 1}])
def test_a_bad_reset_option_gets_a_sentence(options: dict[str, Any]) -> None:
    with pytest.raises(ShoalError):
        Routing().reset(options=options)


FULL = {
    "embedding": [0.6, 0.8], "facts": {"images": 1},
    "experts": {n: {"success": 1, "seconds": 0.1, "tokens": 3} for n in ("text", "vision")},
}  # fmt: skip
LOGGED = {
    "embedding": [0.6, 0.8], "facts": {"images": 1}, "action": "text", "propensity": 0.5,
    "success": True, "seconds": 1, "tokens": 9,
}  # fmt: skip


def _log(folder: Path, *rows: Any) -> Path:
    path = folder / "log.jsonl"
    path.write_text("\n".join(r if isinstance(r, str) else json.dumps(r) for r in rows))
    return path


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([], "empty"), (["{"], "line 1 is no JSON"), (["[]"], "no object"),
        ([FULL, {"facts": {}}], "line 2 has no 'embedding'"),
        ([FULL, {**FULL, "embedding": [1]}], "of 1 numbers, the first 2"),
        ([{**FULL, "embedding": [1, "a"]}], "other than numbers"),
        ([{**FULL, "embedding": [1, float("nan")]}], "row 1 has a value in its embeddings"),
        ([{**FULL, "facts": {"images": 1e9}}], "from -1000 to 1000"),
        ([FULL, {**FULL, "facts": {"env": 1}}], "other facts than the first: env, images"),
        ([FULL, {**FULL, "experts": {}}], "other experts"), ([FULL, LOGGED], "'experts'"),
        ([{**FULL, "experts": {"ask": FULL["experts"]["text"]}}], "abstaining"),  # type: ignore[index]
        ([{**FULL, "split": "dev"}], "'train' or 'test'"),
        ([{**FULL, "split": "train"}, FULL], "some have none"),
        ([{**FULL, "split": "test"}], "no rows to train with"),
        ([{**LOGGED, "propensity": 0}], "above 0 and at most 1"),
        ([{**LOGGED, "propensity": 1.2}], "at most 1"),
        ([{k: v for k, v in LOGGED.items() if k != "propensity"}], "no 'propensity'"),
        ([{**LOGGED, "success": 2}], "from 0 to 1"), ([{**LOGGED, "seconds": -1}], "go from 0"),
        ([{**LOGGED, "action": "ask"}], "no expert was ever chosen"),
        ([{**LOGGED, "tokens": None}], "NoneType"),
    ],
)  # fmt: skip
def test_a_bad_log_gets_a_sentence(tmp_path: Path, rows: list[Any], why: str) -> None:
    with pytest.raises(ShoalError, match=why):
        make("shoal/Routing-v0", bank=str(_log(tmp_path, *rows)))


def test_a_bad_npz_gets_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "log.npz"
    path.write_bytes(b"no zip")
    with pytest.raises(ShoalError, match="can't be read"):
        read_bank(path)
    np.savez(path, embeddings=np.array([object()]), allow_pickle=True)
    with pytest.raises(ShoalError, match="can't be read"):
        read_bank(path)


def test_a_log_with_all_outcomes_plays_them(tmp_path: Path) -> None:
    env: Any = make(
        "shoal/Routing-v0", bank=str(_log(tmp_path, {**FULL, "split": "train"})), lam=1, mu=0.1
    )
    observation, _ = env.reset(seed=0)
    assert observation.shape == (2 + 1 + 2 + 2,)
    assert env.step(1)[1] == pytest.approx(1 - 0.1 - 0.3)


def _logged(folder: Path, bank: Bank, seed: int) -> Path:
    """A log of choices that favour one expert, of a bank whose every outcome is known."""
    random, share = np.random.default_rng(seed), np.array([0.1, 0.5, 0.2, 0.2])
    rows = []
    for row in range(len(bank)):
        at = int(random.choice(4, p=share))
        rows.append({
            "embedding": bank.embeddings[row].tolist(),
            "facts": dict(zip(bank.fact_names, bank.facts[row].tolist(), strict=True)),
            "action": bank.experts[at], "propensity": share[at],
            **{n: float(getattr(bank, n)[row, at]) for n in ("success", "seconds", "tokens")},
        })  # fmt: skip
    return _log(folder, *rows)


def test_logged_choices_tell_every_expert_s_worth_on_average(tmp_path: Path) -> None:
    bank = generate()
    path = _logged(tmp_path, bank, seed=1)
    truth = bank.success.mean(0)
    spread = {}
    for estimator in ("ips", "dr"):
        seen = read_bank(path, estimator)
        order = [seen.experts.index(name) for name in bank.experts]
        rows = seen.success[:, order]
        error = rows.std(0) / np.sqrt(len(bank))
        assert (np.abs(rows.mean(0) - truth) < 4 * error).all()
        spread[estimator] = rows.std(0)
    assert (spread["dr"] < spread["ips"]).all()
    env: Any = make("shoal/Routing-v0", bank=str(path))
    env.reset(seed=0)
    assert "is_success" not in env.step(0)[-1]  # an estimate is no success
    with pytest.raises(ShoalError, match="not known"):
        make("shoal/Routing-v0", bank=str(path), attempts=2)


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    """One policy for the whole dial: prices drawn anew for each episode."""
    settings = TrainSettings(
        steps=32_768, workers="one", checks=1, validation=20, episodes=1, quiet=True,
        pictures=False, out=tmp_path_factory.mktemp("router") / "p", env_options={"lam": [0, 2]},
    )  # fmt: skip
    return Policy.load(train("shoal/Routing-v0", make_env=make, settings=settings))


def _chosen(policy: Policy, lam: float) -> Any:
    env, bank = Routing(split="test"), generate()
    seen = (env.reset(options={"row": int(r), "lam": lam})[0] for r in bank.rows("test"))
    return np.array([int(policy.act(each)) for each in seen])


def test_a_learnt_router_beats_the_best_fixed_expert(router: Policy) -> None:
    bank, lam = generate(), 0.05
    rows, rewards = bank.rows("test"), bank.rewards(lam, 0.0002, 0.3)
    assert bank.chance is not None
    told = bank.chance - lam * bank.seconds.mean(0) - 0.0002 * bank.tokens.mean(0)
    ceiling = np.column_stack([told, np.full(len(bank), 0.3)]).argmax(1)[rows]
    fixed = rewards[bank.rows("train")].mean(0).argmax()
    got = rewards[rows, _chosen(router, lam)]
    gain = got - rewards[rows, fixed]
    margin = 1.96 * gain.std() / np.sqrt(len(rows))
    best = rewards[rows, ceiling].mean()
    print(
        f"\nheld out, n={len(rows)}: learnt {got.mean():.3f}, best fixed "
        f"{rewards[rows, fixed].mean():.3f}, gain {gain.mean():.3f} ± {margin:.3f}, "
        f"ceiling that the context allows {best:.3f}"
    )
    assert gain.mean() - margin > 0.1
    assert got.mean() > 0.85 * best


def test_dearer_seconds_make_it_choose_cheaper_experts(router: Policy) -> None:
    bank = generate()
    rows = bank.rows("test")
    seconds = np.column_stack([bank.seconds, np.zeros(len(bank))])
    spent = [seconds[rows, _chosen(router, lam)] for lam in (0.01, 0.3, 1.5)]
    print(f"\nseconds a request at lam 0.01, 0.3, 1.5: {[round(each.mean(), 3) for each in spent]}")
    for cheap, dear in pairwise(spent):  # the same requests: paired, 95 %
        saved = cheap - dear
        assert saved.mean() > 1.96 * saved.std() / np.sqrt(len(rows))
