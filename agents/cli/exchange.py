"""`shoal import`: policies that come from other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shoal.agents.cli.show import console, plain, print_saved


def import_policy(
    file: Annotated[Path, typer.Argument(help="A stable-baselines3 .zip, or a .pth of tensors.")],
    env: Annotated[str, typer.Option(help="The env it was trained in.")],
    observation: Annotated[str, typer.Option(help="Its observation wrapper.")] = "native",
    algo: Annotated[str, typer.Option(help="Where the file does not tell: ppo, dqn …")] = "",
    activation: Annotated[str, typer.Option(help="Likewise: tanh, relu …")] = "",
    episodes: Annotated[int, typer.Option(min=0, help="Played afterwards.")] = 20,
    name: Annotated[str, typer.Option(help="What to call the policy.")] = "",
    out: Annotated[Path | None, typer.Option(help="Folder to save to.")] = None,
) -> None:
    """Take in a stable-baselines3 policy: its tensors alone, nothing in the file is run."""
    from shoal.envs import make
    from shoal.modalities import policy
    from shoal.modalities.policy.artifact import read_spec
    from shoal.modalities.policy.card import scores_line

    settings = policy.AdoptSettings(
        observation=observation, name=name, out=out, algo=algo.upper(),
        activation=activation.lower(), episodes=episodes,
    )  # fmt: skip
    folder = policy.adopt(file, env, make_env=make, settings=settings)
    if episodes:
        console.print(plain(scores_line(read_spec(folder).scores)), highlight=False)
    print_saved(folder)
