"""A policy as a LangChain tool, for `ToolNode`, for `Agent(tools=…)` and for any agent."""

from __future__ import annotations

import contextvars
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal.agents.acting.goal import EpisodeRef, PolicyGoal
from shoal.errors import UsageError
from shoal.modalities.policy import Policy

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool
    from langgraph.graph.state import CompiledStateGraph

    from shoal.agents.acting.node import NodeSettings


def policy_tool(
    policy: Policy | str | Path, settings: NodeSettings | None = None, *, env: str = ""
) -> BaseTool:
    """Makes a tool that plays one episode of a policy; it does what `policy_node` does.

    Its result is a sentence for the model; its artifact is the episode's `EpisodeRef` as a
    mapping. It acts in a simulation, so its declared side effects are "reversible".

    To LangGraph a tool call is one piece of work, done anew after a kill. The episode isn't:
    called inside of a graph with a checkpointer (`ToolNode`, `create_agent`, `Agent`), it
    goes on from its last chunk. Where LangGraph hands a call the episode of another one (a
    node that made several at once), or there is no checkpointer, it is played anew: from
    its seed, the same one.

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
        try:
            goal = PolicyGoal(mission, where, seed, horizon)
        except UsageError as error:  # the arguments may be a model's
            episode = EpisodeRef("", "", "refused", str(error), 0, 0.0, 0.0)
        else:
            episode = _played(graph, goal)
        return _sentence(mission, where, episode), asdict(episode)

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


def _played(graph: CompiledStateGraph[Any, Any, Any, Any], goal: PolicyGoal) -> EpisodeRef:
    told = asdict(goal)  # plain values: a checkpointer need not know Shoal's types
    ended = graph.invoke({"goal": told})
    if ended["goal"] != told:  # that was another call's, so this one shares nothing with it
        ended = contextvars.Context().run(graph.invoke, {"goal": told})
    return EpisodeRef.of(ended["episode"])


def _sentence(mission: str, env: str, episode: EpisodeRef) -> str:
    done = "Done" if episode.success else "Not done"
    steps = f"{episode.steps} step{'s' if episode.steps != 1 else ''}"
    why = "" if episode.success else f": {episode.reason}"
    return f"{done}: {mission or 'an episode'} in {env}, {steps}{why}"
