"""Using tools step by step: what each needs and makes, costs and fails at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoal.lazy import exports

if TYPE_CHECKING:
    from shoal.envs.tool_use.env import ToolUse
    from shoal.envs.tool_use.planning import FixedOrder, expected_best
    from shoal.envs.tool_use.tasks import ToolTask
    from shoal.envs.tool_use.tools import TOOLS, Tool

_LAZY = {
    "TOOLS": "shoal.envs.tool_use.tools",
    "FixedOrder": "shoal.envs.tool_use.planning",
    "Tool": "shoal.envs.tool_use.tools",
    "ToolTask": "shoal.envs.tool_use.tasks",
    "ToolUse": "shoal.envs.tool_use.env",
    "expected_best": "shoal.envs.tool_use.planning",
}
"""Name -> module that holds it, imported on first use."""

__all__ = ["TOOLS", "FixedOrder", "Tool", "ToolTask", "ToolUse", "expected_best"]

__getattr__ = exports(__name__, _LAZY)
