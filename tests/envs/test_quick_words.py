"""Instructions that find and see quickly come to what minigrid's own come to."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from minigrid.envs.babyai.core.verifier import GoToInstr, ObjDesc

from shoal.envs import make
from shoal.envs.quick_words import quicken


@pytest.mark.parametrize("env_id", ["BabyAI-GoToLocal-v0", "BabyAI-BossLevel-v0"])
def test_the_same_things_are_found_and_reached(env_id: str) -> None:
    env: Any = make(env_id, disable_env_checker=True)
    random, reached = np.random.default_rng(0), 0
    for seed in range(6):
        env.reset(seed=seed)
        wanted = [("ball", None), ("box", "red"), (None, "grey"), ("door", None), ("key", "blue")]
        for kind, color in wanted:
            place = [None, None, "left", "behind"][random.integers(4)]
            own = GoToInstr(ObjDesc(kind, color, place))
            ours = quicken(GoToInstr(ObjDesc(kind, color, place)))
            for instruction in (own, ours):
                instruction.reset_verifier(env.unwrapped)
            for _ in range(20):
                env.step(int(random.choice([0, 1, 2, 2, 2, 3, 4])))
                for instruction in (own, ours):
                    instruction.update_objs_poss()
                assert [id(thing) for thing in ours.desc.obj_set] == [
                    id(thing) for thing in own.desc.obj_set
                ]
                assert ours.desc.obj_poss == own.desc.obj_poss
                assert ours.verify(0) == own.verify(0)
                reached += own.verify(0) == "success"
    assert reached > 10


def test_a_copy_looks_from_its_own_place() -> None:
    env: Any = make("BabyAI-GoToLocal-v0", goal="go to a box")
    env.reset(seed=3)
    level = env.unwrapped
    twin: Any = pickle.loads(pickle.dumps(level))  # noqa: S301  # own
    x, y = twin.instrs.desc.obj_poss[0]
    twin.agent_pos, twin.agent_dir = (x - 1, y), 0
    assert twin.instrs.verify(2) == "success"
    assert level.instrs.verify(2) == "continue"
