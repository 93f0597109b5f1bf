"""Shoal's graph is a LangGraph graph: use it as a node of your own."""

from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph

from shoal import Agent, Task


class State(TypedDict, total=False):
    question: str
    answer: str


with Agent() as agent:

    def solve(state: State) -> dict[str, Any]:
        run = agent.graph.invoke({"task": Task(state["question"])})["run"]
        return {"answer": run.text}

    outer = StateGraph(State)
    outer.add_node("shoal", solve)
    outer.add_edge(START, "shoal")
    outer.add_edge("shoal", END)
    print(outer.compile().invoke({"question": "what is 12 % of 50?"})["answer"])
