"""`shoal route`: what the router makes of a task, learning from trials, and going back."""

from __future__ import annotations

import re
import shlex
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from shoal.agents.cli.show import console, plain, print_json
from shoal.agents.cli.tasks import Env, Images, Json
from shoal.errors import unknown

_COMMAND = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
"""What a command's name looks like: one plain word. Anything else is a task."""


class _ShowsByDefault(TyperGroup):
    """What can be no command is a task: `shoal route "go to a ball"`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Options that stand first are those of `show`."""
        first = args[0] if args else ""
        shown = first.startswith("-") and first not in ctx.help_option_names
        return super().parse_args(ctx, ["show", *args] if shown else args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Hands a task to `show`; a single word that is no command is a mistake, not a task."""
        if args[0] in self.commands:
            return super().resolve_command(ctx, args)
        if _COMMAND.fullmatch(args[0]):
            elsewhere = args[0] in ctx.find_root().command.commands
            task = shlex.join(["shoal", "route", "show", " ".join(args)])
            fix = f"Type: shoal {args[0]}" if elsewhere else f"If it is a task, type: {task}"
            unknown("command of shoal route", args[0], self.commands, fix)
        return super().resolve_command(ctx, ["show", *args])


app = typer.Typer(
    cls=_ShowsByDefault, no_args_is_help=True, help="See and train the router: shoal route TEXT."
)
MaxRisk = Annotated[
    float | None, typer.Option(help="Abstain so that at most this share of experts is wrong.")
]


@app.command()
def show(
    text: Annotated[str, typer.Argument(help="The task.")],
    image: Images = None,
    env: Env = None,
    max_risk: MaxRisk = None,
    json: Json = False,
) -> None:
    """Show the distribution over the experts for one task, without running it."""
    from shoal.agents.agent import Agent
    from shoal.agents.router import Router

    with Agent(router=Router(max_risk=max_risk)) as agent:
        task = agent.task(text, images=image or (), env=env)
        told = agent.house.affordances(task)
        route = agent.house.router(task, agent.house.abilities, affordances=told)
        least = agent.house.router.threshold
    if json:
        shown = {name: getattr(route, name) for name in ("expert", "skill", "confidence", "reason")}
        print_json({**shown, "probabilities": dict(route.probabilities), "threshold": least})
        return
    for name, share in sorted(route.probabilities.items(), key=lambda pair: -pair[1]):
        console.print(f"{name:10} {share:6.1%} {'█' * round(30 * share)}", highlight=False)
    console.print(plain(f"{route.expert}: {route.reason}"), highlight=False, soft_wrap=True)


@app.command()
def train(
    source: Annotated[
        str, typer.Argument(help="`records`, a bandit log, or JSONL: text, images, env, expert.")
    ] = "records",
    seconds: Annotated[float, typer.Option(help="What a second costs, a success being 1.")] = 0.0,
    tokens: Annotated[float, typer.Option(help="What a token costs.")] = 0.0,
    seed: Annotated[int, typer.Option(min=0, help="Of the held-out split.")] = 0,
    json: Json = False,
) -> None:
    """Let the router learn from runs; the outcome serves only if it is not worse."""
    from dataclasses import asdict

    from shoal.agents.router.dial import Dial
    from shoal.agents.router.learning import learn
    from shoal.agents.router.logs import read_trials

    learnt = learn(read_trials(source), dial=Dial(seconds, tokens), seed=seed)
    if json:
        print_json({**asdict(learnt), "path": str(learnt.path)})
        return
    for name, figure in learnt.figures.items():
        console.print(f"{name.replace('_', ' '):24} {figure}", highlight=False)
    console.print(f"{'Promoted' if learnt.promoted else 'Not promoted'}: {learnt.why}.")


@app.command()
def undo() -> None:
    """Let the head that served before serve again."""
    from shoal.agents.router.library import undo as go_back

    console.print(f"Serving now: {go_back()}", highlight=False, soft_wrap=True)
