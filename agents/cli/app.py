"""All commands in one place."""

from __future__ import annotations

import typer

from shoal.agents.cli import (
    distill,
    doctor,
    envs,
    exchange,
    explain,
    graph,
    learn,
    memory,
    models,
    pictures,
    policies,
    records,
    replay,
    report,
    route,
    tasks,
    tune,
)

app = typer.Typer(
    name="shoal",
    help="Local agents made of small models: text, vision and policy behind one router.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.command()(tasks.run)
app.command()(tasks.chat)
app.command()(tasks.demo)
app.command()(explain.explain)
app.command()(policies.train)
app.command()(tune.tune)
app.command()(distill.distill)
app.command()(pictures.label)
app.command()(pictures.find)
app.command("eval")(policies.evaluate)
app.command()(envs.envs)
app.command("import")(exchange.import_policy)
app.command("export-policy")(exchange.export_policy)
app.command()(learn.learn)
app.add_typer(learn.app, name="reflexes")
app.add_typer(models.app, name="models")
app.add_typer(memory.app, name="memory")
app.add_typer(records.app, name="records")
app.command()(records.feedback)
app.command()(records.export)
app.command()(replay.replay)
app.command()(report.report)
app.add_typer(route.app, name="route")
app.command()(graph.draw)
app.command()(doctor.doctor)


@app.callback(invoke_without_command=True)
def _root(version: bool = typer.Option(False, "--version", help="Print the version.")) -> None:
    if version:
        from shoal.version import __version__

        typer.echo(f"shoal {__version__}")
        raise typer.Exit
