"""`shoal run`, `shoal chat` and `shoal demo`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shoal.agents.cli.show import (
    console,
    errors,
    exit_code,
    fail,
    plain,
    print_json,
    print_run,
    watched,
)
from shoal.errors import ShoalError, UsageError
from shoal.types import Provenance, Run, Status

if TYPE_CHECKING:
    from shoal.agents.agent import Agent

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Images = Annotated[list[Path] | None, typer.Option("--image", "-i", help="An image file; repeat.")]
Env = Annotated[str | None, typer.Option("--env", "-e", help="A gymnasium env id to act in.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the env.")]
Model = Annotated[
    str | None,
    typer.Option("--model", "-m", help="A text model: a name, file, folder, hf: id or URL."),
]
Untrusted = Annotated[
    bool,
    typer.Option("--untrusted", help="Somebody else's words, as a mail's: not learnt from."),
]
Approve = Annotated[bool, typer.Option(help="Let irreversible tools run without asking.")]


def run(
    text: Annotated[str, typer.Argument(help="The task; - reads it from standard input.")],
    image: Images = None,
    env: Env = None,
    seed: Seed = 0,
    approve: Approve = False,
    model: Model = None,
    untrusted: Untrusted = False,
    json: Json = False,
) -> None:
    """Run one task. Exit code 0 solved, 1 failed or unsure, 2 wrong use."""
    text = _stdin() if text == "-" else text
    with _agent(model) as agent:
        said_by: Provenance = "tool" if untrusted else "user"
        task = agent.task(text, images=image or (), env=env, seed=seed, provenance=said_by)
        done = watched(agent, task, approve=approve, quiet=json, interactive=False)
        print_json(done) if json else print_run(done)
    raise typer.Exit(exit_code(done))


def chat(
    image: Images = None,
    env: Env = None,
    thread: Annotated[str, typer.Option(help="Name of the conversation.")] = "chat",
    model: Model = None,
) -> None:
    """Talk with the agent; an empty line or Ctrl-D ends. It may ask you back."""
    console.print("[dim]Type a task; an empty line ends.[/dim]")
    with _agent(model) as agent:
        while text := _line("> "):
            try:
                task = agent.task(text, images=image or (), env=env, thread=thread)
                print_run(_answered(agent, watched(agent, task)))
            except ShoalError as error:
                fail(error)


def demo(json: Json = False) -> None:
    """Take the tour: a text, an image, a gymnasium and a memory task with real models."""
    from shoal.agents.demo.tour import tour

    raise typer.Exit(tour(as_json=json))


def _agent(model: str | None) -> Agent:
    from shoal.agents.agent import Agent

    if model is None:
        return Agent()
    from shoal.modalities.text import ChatShoal, TextExpert

    _check(model)
    return Agent(experts=[TextExpert(ChatShoal(model=model))])


def _check(model: str) -> None:
    """An unknown or missing model, or a server that is not there, fails before anything runs."""
    from shoal.modalities.sources import catalog, locate
    from shoal.modalities.text.backends.url_http import Address, is_url
    from shoal.modalities.text.models import load_backend

    if is_url(model):
        load_backend(model)
        address = Address.of(model)
        if not address.local:
            errors.print(f"[dim]What you type goes to {plain(address.host)}.[/dim]")
        return
    locate(model)
    known = catalog().get(model)
    if known is not None and known.role != "text":
        raise UsageError(f"{model} is no text model", f"its role is {known.role!r}")


def _answered(agent: Agent, run: Run) -> Run:
    """Asks the person for what the run waits for, until it has ended."""
    while run.status is Status.NEEDS_APPROVAL or (run.status is Status.UNSURE and run.waits):
        console.print(plain(run.reason), highlight=False, soft_wrap=True)
        if run.status is Status.NEEDS_APPROVAL:
            run = agent.resume(run, _line(r"Allow it? \[y/N] ").lower() in ("y", "yes"))
        elif clearer := _line("Say it another way, or nothing to leave it: "):
            run = agent.resume(run, clearer)
        else:
            return agent.cancel(run)
    return run


def _line(prompt: str) -> str:
    try:
        return console.input(prompt).strip()
    except EOFError:
        return ""


def _stdin() -> str:
    import sys

    if sys.stdin.isatty():
        raise UsageError("- reads the task from standard input", "nothing is piped into it")
    return sys.stdin.buffer.read().decode("utf-8", "replace")
