"""A policy as a LangChain tool, for `ToolNode`, for `Agent(tools=…)` and for any agent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal.agents.acting.goal import EpisodeRef, PolicyGoal
from shoal.modalities.policy import Policy

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    from shoal.agents.acting.node import NodeSettings


def policy_tool(
    policy: Policy | str | Path, settings: NodeSettings | None = None, *, env: str = ""
) -> BaseTool:
    """Makes a tool that plays one episode of a policy; it does what `policy_node` does.

    Its result is a sentence for the model; its artifact is the episode's `EpisodeRef` as a
    mapping. It acts in a simulation, so its declared side effects are "reversible".

    Args:
        policy: A policy, its name or its folder.
        settings: See `NodeSettings`.
        env: Where; by default the env that it was trained in.

    Raises:
        UnknownNameError: No such policy.
    """
    from langchain_core.tools import StructuredTool

    from shoal.agents.acting.node import policy_node

    loaded = policy if isinstance(policy, Policy) else Policy.load(policy)
    where = env or loaded.spec.env
    graph = policy_node(loaded, settings)

    def act(mission: str, seed: int = 0, horizon: int = 0) -> tuple[str, dict[str, Any]]:
        ended = graph.invoke({"goal": PolicyGoal(mission, where, seed, horizon)})
        episode: EpisodeRef = ended["episode"]
        return _sentence(mission, where, episode), _plain(episode)

    return StructuredTool.from_function(
        act,
        name=f"act_{loaded.spec.name}".replace(".", "_").replace("-", "_"),
        description=(
            f"Acts in {where} until the mission is done.\n\nArgs:\n"
            "    mission: What to do there, in words.\n"
            "    seed: Number of the room.\n"
            "    horizon: Steps at most; 0 leaves it to the env."
        ),
        response_format="content_and_artifact",
        metadata={
            "side_effects": "reversible",
            "policy": str(loaded.folder),
            "env": where,
        },
    )


def _sentence(mission: str, env: str, episode: EpisodeRef) -> str:
    done = "Done" if episode.success else "Not done"
    steps = f"{episode.steps} step{'s' if episode.steps != 1 else ''}"
    why = "" if episode.success else f": {episode.reason}"
    return f"{done}: {mission or 'an episode'} in {env}, {steps}{why}"


def _plain(episode: EpisodeRef) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(episode)
