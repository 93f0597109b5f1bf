"""The LangGraph graph that every task runs through."""
