"""Lines that tell what a run is doing: to a listener, else to LangGraph's custom stream."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

from langgraph.config import get_stream_writer

LISTENER: ContextVar[Callable[[str], None] | None] = ContextVar("shoal_listener", default=None)
"""Set by `Agent.run`, which needs no stream: its nodes then run in the caller's thread,
where Ctrl-C reaches them at once."""


def tell(line: str) -> None:
    """Passes one line on."""
    (LISTENER.get() or get_stream_writer())(line)
