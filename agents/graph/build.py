"""Puts the nodes together: recall -> route -> one expert -> check -> remember."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shoal.agents.house import House

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph


def build(house: House, checkpointer: Any = None) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Compiles the graph of a house.

    Args:
        house: The agent's parts; each expert becomes a node of its name.
        checkpointer: A LangGraph checkpointer; None when another graph brings its own.
    """
    from langgraph.graph import END, START, StateGraph

    from shoal.agents.graph.nodes import Nodes, after_vision
    from shoal.agents.graph.state import State

    nodes, experts = Nodes(house), list(house.experts)
    graph = StateGraph(State)
    graph.add_node("recall", nodes.recall)
    graph.add_node("route", nodes.route)
    for name in experts:
        graph.add_node(name, nodes.attempt(name))
    graph.add_node("ask", nodes.ask, destinations=("recall", *experts, "remember"))
    graph.add_node("check", nodes.check, destinations=(*experts, "ask", "remember"))
    graph.add_node("remember", nodes.remember)
    graph.add_edge(START, "recall")
    graph.add_edge("recall", "route")
    graph.add_conditional_edges("route", nodes.after_route, [*experts, "ask"])
    for name in experts:
        if name == "vision" and "text" in experts:
            graph.add_conditional_edges(name, after_vision, ["text", "check"])
        else:
            graph.add_edge(name, "check")
    graph.add_edge("remember", END)
    return graph.compile(checkpointer=checkpointer, store=house.memory, name="shoal")
