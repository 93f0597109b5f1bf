"""The runtime: agent, graph, router, tools, memory, cli."""
