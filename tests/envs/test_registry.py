import subprocess
import sys
from typing import Any

import pytest

from shoal.envs import describe, make, names
from shoal.errors import MissingExtraError, UnknownNameError, UsageError


def test_importing_the_room_registers_and_loads_no_env() -> None:
    """Gymnasium has to know the ids; nothing that makes or draws an env is imported."""
    code = (
        "import sys, shoal.envs, gymnasium\n"
        "heavy = ('minigrid', 'pygame', 'torch', 'PIL', 'cv2', 'stable_baselines3')\n"
        "print([m for m in heavy if m in sys.modules], 'shoal/MixedTrainLocal-v0' in"
        " gymnasium.registry)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] True"


def test_a_level_made_by_gymnasium_keeps_standard_output_clean() -> None:
    """Two of a kind are drawn now and then where a mission needs two: that is rejected."""
    code = (
        "import gymnasium, shoal.envs\n"
        "env = gymnasium.make('shoal/MixedTrainLocal-v0', task='putnext')\n"
        "for seed in range(30): env.reset(seed=seed)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ""


def test_making_an_env_keeps_standard_output_clean() -> None:
    """Minigrid prints whenever it draws a room again; seed 1 of this level does."""
    code = (
        "from shoal.envs import make\n"
        "env = make('BabyAI-GoToLocalS5N2-v0')\n"
        "for seed in range(60): env.reset(seed=seed)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ""


def test_names_are_searched_in_any_case() -> None:
    assert "CartPole-v1" in names()
    found = names("babyai-goto")
    assert "BabyAI-GoToLocal-v0" in found
    assert all(name.startswith("BabyAI-GoTo") for name in found)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("BabyAI-GoToLocl-v0", "BabyAI-GoToLocal-v0"), ("CartPole-v9", "CartPole-v1")],
)
def test_an_unknown_env_suggests_the_nearest(wrong: str, right: str) -> None:
    with pytest.raises(UnknownNameError, match=f"did you mean.*{right}"):
        make(wrong)


def test_an_id_imports_no_module() -> None:
    with pytest.raises(UsageError, match="never loads code"):
        make("antigravity:CartPole-v1")
    assert "antigravity" not in sys.modules


def test_an_unknown_observation_names_the_known() -> None:
    with pytest.raises(UnknownNameError, match="goal_mask"):
        make("BabyAI-GoToLocal-v0", observation="goal_musk")


@pytest.mark.parametrize("observation", ["text", "goal_mask", "pixels"])
def test_minigrids_observations_need_minigrid(observation: str) -> None:
    with pytest.raises(UsageError, match=f"CartPole-v1 cannot be observed as '{observation}'"):
        make("CartPole-v1", observation=observation)


def test_a_wrong_option_is_named() -> None:
    with pytest.raises(UsageError, match="sized"):
        make("BabyAI-GoToLocal-v0", sized=3)


def test_an_env_whose_package_is_missing_says_which() -> None:
    with pytest.raises(MissingExtraError, match=r"Box2D|box2d"):
        make("LunarLander-v3")


def test_describe_is_plain_data() -> None:
    about = describe("BabyAI-GoToLocal-v0")
    assert about["id"] == "BabyAI-GoToLocal-v0"
    assert "inside a single room" in about["about"]
    assert about["max_steps"] == 64
    assert about["action_space"] == "Discrete(7)"
    assert about == describe("BabyAI-GoToLocal-v0")
    assert describe("CartPole-v1")["max_steps"] == 500


def test_success_by_threshold_is_the_whole_return() -> None:
    env = make("CartPole-v1")
    env.reset(seed=0)
    ended, info = False, dict[str, Any]()
    while not ended:
        *_, terminated, truncated, info = env.step(0)
        ended = terminated or truncated
    assert info["is_success"] is False  # it fell, although the last reward was 1


def test_no_threshold_no_verdict() -> None:
    env = make("Pendulum-v1")
    env.reset(seed=0)
    truncated, info = False, dict[str, Any]()
    while not truncated:
        *_, truncated, info = env.step(env.action_space.sample())
    assert "is_success" not in info


def test_levels_print_nothing_even_where_minigrid_was_there_before() -> None:
    code = (
        "import minigrid; from shoal.envs import make; env = make('BabyAI-GoToLocal-v0')\n"
        "for seed in range(300): env.reset(seed=seed)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "ejected" not in done.stdout + done.stderr
