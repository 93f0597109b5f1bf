"""Names the contextual envs to gymnasium, as strings: one is imported when it is made."""

from __future__ import annotations

import gymnasium

_ROUTING = "shoal.envs.routing.env:Routing"
_TOOL_USE = "shoal.envs.tool_use.env:ToolUse"

CONTEXTUAL = {
    "shoal/Routing-v0": (_ROUTING, "train"),
    "shoal/RoutingTest-v0": (_ROUTING, "test"),
    "shoal/ToolUse-v0": (_TOOL_USE, "train"),
    "shoal/ToolUseTest-v0": (_TOOL_USE, "test"),
}
"""Id -> "module:Class" and the split that it draws from unless told."""


def register_contextual() -> None:
    """Registers the ids that are not yet known; a second call changes nothing."""
    for name, (entry_point, split) in CONTEXTUAL.items():
        if name not in gymnasium.registry:
            gymnasium.register(name, entry_point, kwargs={"split": split})
