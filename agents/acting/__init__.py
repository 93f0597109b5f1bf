"""The bridge between agents and envs: an agent is a policy, and a policy is a part of a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoal.lazy import exports

if TYPE_CHECKING:
    from shoal.agents.acting.agent_policy import AgentPolicy, as_policy
    from shoal.agents.acting.observed import MissionBytes
    from shoal.agents.acting.scoring import Played, play_episodes
    from shoal.agents.acting.text_policy import TextPolicy

_LAZY = {
    "AgentPolicy": "shoal.agents.acting.agent_policy",
    "MissionBytes": "shoal.agents.acting.observed",
    "Played": "shoal.agents.acting.scoring",
    "TextPolicy": "shoal.agents.acting.text_policy",
    "as_policy": "shoal.agents.acting.agent_policy",
    "play_episodes": "shoal.agents.acting.scoring",
}

__all__ = ["AgentPolicy", "MissionBytes", "Played", "TextPolicy", "as_policy", "play_episodes"]

__getattr__ = exports(__name__, _LAZY)
