"""`shoal import` and `shoal export-policy`: policies from and for other programs."""

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


def export_policy(
    name: Annotated[str, typer.Argument(help="Name or folder of a policy.")],
    format: Annotated[str, typer.Option(help="openvino.")] = "openvino",
    out: Annotated[Path | None, typer.Option(help="Folder; by default NAME-openvino.")] = None,
) -> None:
    """Write a policy as an OpenVINO graph, and say how it compares with the policy."""
    from shoal.modalities.policy import Policy
    from shoal.modalities.policy.export import export

    policy = Policy.load(name)
    folder = out or Path(f"{policy.spec.name}-{format}")
    parity = export(policy, folder, format)
    console.print(
        f"Same action on {100 * parity.same_actions:.1f} % of {parity.observations} random valid "
        f"observations, outputs within {parity.largest_difference:.1e}",
        highlight=False,
    )
    print_saved(folder)
