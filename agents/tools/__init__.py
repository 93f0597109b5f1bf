"""One registry of tools for all experts: functions, LangChain tools, and the built-in ones."""

from shoal.agents.tools.toolbox import Toolbox, as_tool

__all__ = ["Toolbox", "as_tool"]
