"""The bridge between agents and envs: an agent is a policy, and a policy is a part of a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoal.lazy import exports

if TYPE_CHECKING:
    from shoal.agents.acting.agent_policy import AgentPolicy, as_policy
    from shoal.agents.acting.goal import PREDICATES, EpisodeRef, Moment, PolicyGoal
    from shoal.agents.acting.mask import affordances, offered
    from shoal.agents.acting.node import NodeSettings, policy_node
    from shoal.agents.acting.observed import MissionBytes
    from shoal.agents.acting.scoring import Played, play_episodes
    from shoal.agents.acting.teachers import teaching
    from shoal.agents.acting.text_policy import TextPolicy
    from shoal.agents.acting.tool import policy_tool

_LAZY = {
    "AgentPolicy": "shoal.agents.acting.agent_policy",
    "EpisodeRef": "shoal.agents.acting.goal",
    "MissionBytes": "shoal.agents.acting.observed",
    "Moment": "shoal.agents.acting.goal",
    "NodeSettings": "shoal.agents.acting.node",
    "PREDICATES": "shoal.agents.acting.goal",
    "Played": "shoal.agents.acting.scoring",
    "PolicyGoal": "shoal.agents.acting.goal",
    "TextPolicy": "shoal.agents.acting.text_policy",
    "affordances": "shoal.agents.acting.mask",
    "as_policy": "shoal.agents.acting.agent_policy",
    "offered": "shoal.agents.acting.mask",
    "play_episodes": "shoal.agents.acting.scoring",
    "policy_node": "shoal.agents.acting.node",
    "policy_tool": "shoal.agents.acting.tool",
    "teaching": "shoal.agents.acting.teachers",
}

__all__ = [
    "PREDICATES",
    "AgentPolicy",
    "EpisodeRef",
    "MissionBytes",
    "Moment",
    "NodeSettings",
    "Played",
    "PolicyGoal",
    "TextPolicy",
    "affordances",
    "as_policy",
    "offered",
    "play_episodes",
    "policy_node",
    "policy_tool",
    "teaching",
]

__getattr__ = exports(__name__, _LAZY)
