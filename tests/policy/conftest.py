"""One small policy, trained for real and once, for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from shoal.envs import make
from shoal.modalities.policy import TrainSettings, train

SMALL = "BabyAI-GoToObjS6-v1"


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy for a 4x4 room with one thing in it; about 10 s."""
    settings = TrainSettings(
        observation="goal_mask",
        name="small",
        out=tmp_path_factory.mktemp("policies") / "small",
        steps=8192,
        checks=1,
        episodes=100,
        quiet=True,
    )
    return train(SMALL, make_env=make, settings=settings)
