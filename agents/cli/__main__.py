"""`python -m shoal.agents.cli` is the `shoal` command."""

from shoal.agents.cli import main

main()
