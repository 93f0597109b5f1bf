"""Names Shoal's levels to gymnasium, as strings: the level is imported when it is made."""

from __future__ import annotations

import gymnasium

LEVELS = {
    "shoal/MixedTrainLocal-v0": "shoal.envs.levels.mixed:MixedTrainLocal",
    "shoal/MixedTestLocal-v0": "shoal.envs.levels.mixed:MixedTestLocal",
}
"""Id -> "module:Class"."""

BATCHES = {
    "shoal/MixedTrainLocal-v0": "shoal.envs.batch.vector:train_levels",
    "shoal/MixedTestLocal-v0": "shoal.envs.batch.vector:test_levels",
}
"""Id -> "module:function" that steps many of these levels at once."""


def register_levels() -> None:
    """Registers the ids that are not yet known; a second call changes nothing."""
    for name, entry_point in LEVELS.items():
        if name not in gymnasium.registry:
            gymnasium.register(name, entry_point, vector_entry_point=BATCHES[name])
