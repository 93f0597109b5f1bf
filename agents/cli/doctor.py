"""`shoal doctor`: what is here, what is missing, and how to get it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

import typer

from shoal.agents.cli.show import console, plain, print_json, print_table
from shoal.agents.cli.tasks import Json
from shoal.agents.memory.sqlite import driver
from shoal.errors import ShoalError
from shoal.extras import EXTRA_OF, installed
from shoal.files import cache_dir, data_dir
from shoal.modalities import sources
from shoal.modalities.text.backends.url_http import KEY

_PACKAGES = (
    "torch", "transformers", "timm", "stable-baselines3", "gymnasium", "minigrid", "langgraph",
    "langchain-core", "langgraph-checkpoint-sqlite", "sqlite-vec", "openvino", "xllamacpp",
)  # fmt: skip
_FEATURES = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "f16c", "neon", "asimd")


def doctor(json: Json = False) -> None:
    """Check versions, models, CPU features and folders. Exit code 1 if something is missing."""
    report = examine()
    if json:
        print_json(report)
    else:
        _print(report)
    raise typer.Exit(1 if report["missing"] else 0)


def examine() -> dict[str, Any]:
    """Returns the whole report; `missing` lists what to do, as sentences."""
    packages = {name: _version(name) for name in _PACKAGES}
    extras = {name: installed(name) for name in EXTRA_OF}
    models, missing = _models()
    missing += [f"{n}: pip install {n}" for n, version in packages.items() if version is None]
    optional = [
        f"{name}: pip install 'shoal[{extra}]'"
        for name, extra in EXTRA_OF.items()
        if not extras[name]
    ]
    try:
        driver()
    except ShoalError as error:
        missing.append(str(error))
    return {
        "shoal": _version("shoal"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu(),
        "packages": packages,
        "models": models,
        "data": str(data_dir()),
        "cache": str(cache_dir()),
        "server_key": bool(os.environ.get(KEY)),
        "optional": optional,
        "missing": missing,
    }


def _models() -> tuple[dict[str, str], list[str]]:
    states, missing = {}, []
    for name, source in sources.catalog().items():
        if source.optional and sources.find(source) is None:
            continue
        try:
            states[name] = str(sources.locate(name))
        except ShoalError as error:
            states[name] = "missing"
            missing.append(str(error))
    return states, missing


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cpu() -> dict[str, Any]:
    info = Path("/proc/cpuinfo")
    flags = set(info.read_text().split()) if info.exists() else set()
    return {"cores": os.cpu_count(), "features": [f for f in _FEATURES if f in flags]}


def _print(report: dict[str, Any]) -> None:
    console.print(
        f"shoal {report['shoal']} · Python {report['python']} · {report['system']} · "
        f"{report['cpu']['cores']} cores · {' '.join(report['cpu']['features'])}",
        highlight=False,
    )
    extras = {name: _version(name) for name in EXTRA_OF if installed(name)}
    places = {"data": report["data"], "cache": report["cache"]}
    rows = {**report["packages"], **extras, **report["models"], **places}.items()
    print_table("", ("what", "version or place"), [(name, at or "missing") for name, at in rows])
    console.print(
        "Nothing leaves this machine, unless you name a model by the address of a server "
        f"elsewhere (--model https://…; its key, {KEY}, is {'' if report['server_key'] else 'not '}"
        "set).",
        highlight=False,
        soft_wrap=True,
    )
    for line in report["optional"]:
        console.print(f"[yellow]optional[/yellow] {plain(line)}", highlight=False, soft_wrap=True)
    for line in report["missing"]:
        console.print(f"[red]missing[/red] {plain(line)}", highlight=False, soft_wrap=True)
    if not report["missing"]:
        console.print("[green]Everything needed is here.[/green]")
