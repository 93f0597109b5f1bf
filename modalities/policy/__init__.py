"""The policy expert: small RL policies that are trained, saved and run without pickle.

`train` makes a policy, `Policy.load` opens one, `PolicyExpert` plays a task with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoal.lazy import exports

if TYPE_CHECKING:
    from shoal.modalities.policy.adoption import AdoptSettings, adopt
    from shoal.modalities.policy.artifact import save
    from shoal.modalities.policy.evaluation import evaluate
    from shoal.modalities.policy.expert import PolicyExpert
    from shoal.modalities.policy.library import find, folder, names
    from shoal.modalities.policy.policy import Policy
    from shoal.modalities.policy.settings import TrainSettings
    from shoal.modalities.policy.spec import PolicySpec, Scores
    from shoal.modalities.policy.training import train

_LAZY = {
    "AdoptSettings": "shoal.modalities.policy.adoption",
    "Policy": "shoal.modalities.policy.policy",
    "PolicyExpert": "shoal.modalities.policy.expert",
    "PolicySpec": "shoal.modalities.policy.spec",
    "Scores": "shoal.modalities.policy.spec",
    "TrainSettings": "shoal.modalities.policy.settings",
    "adopt": "shoal.modalities.policy.adoption",
    "evaluate": "shoal.modalities.policy.evaluation",
    "find": "shoal.modalities.policy.library",
    "folder": "shoal.modalities.policy.library",
    "names": "shoal.modalities.policy.library",
    "save": "shoal.modalities.policy.artifact",
    "train": "shoal.modalities.policy.training",
}
"""Name -> module that holds it, imported on first use."""

__all__ = [
    "AdoptSettings",
    "Policy",
    "PolicyExpert",
    "PolicySpec",
    "Scores",
    "TrainSettings",
    "adopt",
    "evaluate",
    "find",
    "folder",
    "names",
    "save",
    "train",
]

__getattr__ = exports(__name__, _LAZY)
