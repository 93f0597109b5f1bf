"""The tour: four tasks through one graph, with real models, offline."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal.agents.cli.show import console, print_json, print_run, watched
from shoal.agents.records.keeping import as_dict
from shoal.errors import RunError

if TYPE_CHECKING:
    from shoal.agents.agent import Agent

ASSETS = Path(__file__).with_name("assets")


@dataclass(frozen=True, slots=True)
class Stop:
    """One stop of the tour: a title, a request, and what the request comes with."""

    title: str
    text: str
    image: str = ""
    env: str = ""
    seed: int = 0

    def command(self) -> list[str]:
        """Returns the shell command that does the same."""
        parts = ["shoal", "run", self.text]
        parts += ["--image", str(ASSETS / self.image)] if self.image else []
        return parts + (["--env", self.env, "--seed", str(self.seed)] if self.env else [])


STOPS = (
    Stop("Text: a tool call by a 135M language model", "what is 17.5 % of 240?"),
    Stop("Text: the calendar", "how many days until 24 December?"),
    Stop("Vision: a photo", "what is in this picture?", image="cat.jpg"),
    Stop("Vision: printed words, and a question about them", "when does the library open?",
         image="sign.png"),
    Stop("Policy: a gymnasium env", "go to the red ball", env="BabyAI-GoToLocal-v0", seed=3),
)  # fmt: skip
LAST = Stop("Memory: a new process", "what did you see earlier?")


def tour(*, as_json: bool = False) -> int:
    """Runs all stops and prints them.

    Args:
        as_json: Print one JSON list of runs instead.

    Returns:
        0 when every stop was solved, else 1.
    """
    from shoal.agents.agent import Agent

    with Agent() as agent:
        runs = [as_dict(run) for run in _runs(agent, quiet=as_json)]
    solved = all(run["status"] == "solved" for run in runs)
    last = _new_process(LAST, as_json)
    if as_json:
        print_json([*runs, json.loads(last.stdout)])
    return 0 if solved and last.returncode == 0 else 1


def _runs(agent: Agent, *, quiet: bool) -> Iterator[Any]:
    for stop in STOPS:
        images = [ASSETS / stop.image] if stop.image else []
        if not quiet:
            _headline(stop)
        task = agent.task(stop.text, images=images, env=stop.env or None, seed=stop.seed)
        run = watched(agent, task, quiet=quiet)
        if not quiet:
            print_run(run)
        yield run


def _new_process(stop: Stop, as_json: bool) -> subprocess.CompletedProcess[str]:
    if not as_json:
        _headline(stop)
    command = [sys.executable, "-m", "shoal.agents.cli", *stop.command()[1:]]
    command += ["--json"] if as_json else []
    sys.stdout.flush()
    done = subprocess.run(
        command, text=True, check=False, stdout=subprocess.PIPE if as_json else None
    )
    if done.returncode not in (0, 1) or (as_json and not done.stdout.strip()):
        raise RunError(f"{shlex.join(command)} ended with {done.returncode}")
    return done


def _headline(stop: Stop) -> None:
    console.print()
    console.rule(f"[bold]{stop.title}", align="left")
    console.print(f"[cyan]$ {shlex.join(stop.command())}[/cyan]", highlight=False, soft_wrap=True)
