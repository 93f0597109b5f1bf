"""`shoal draw`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def draw(
    to: Annotated[
        Path | None, typer.Option(help="Write a .png or .mmd file; otherwise print mermaid.")
    ] = None,
) -> None:
    """Draw the graph that every task runs through."""
    from shoal.agents.agent import Agent

    with Agent() as agent:
        mermaid = agent.draw(to)
    typer.echo(mermaid if to is None else f"Written: {to}")
