"""`shoal explain`: which part of a picture speaks for a label."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shoal.agents.cli.known import everyone_taught
from shoal.agents.cli.show import console, plain, print_json
from shoal.agents.cli.tasks import Json

Picture = Annotated[Path, typer.Argument(help="A picture.")]
Wanted = Annotated[
    str | None, typer.Option(help="A label, also one that was taught; otherwise the likeliest.")
]
Out = Annotated[Path | None, typer.Option(help="A .png; otherwise NAME-explained.png, here.")]
Model = Annotated[
    str,
    typer.Option(
        "--model", "-m", help="An encoder, or a taught classifier: a name or a folder. By default "
        "who was taught the label, else efficientnet-lite0.",
    ),
]  # fmt: skip
Method = Annotated[str, typer.Option(help="auto, cam or grad-cam.")]


def explain(
    image: Picture,
    label: Wanted = None,
    out: Out = None,
    model: Model = "",
    method: Method = "auto",
    json: Json = False,
) -> None:
    """Save a picture with heat over what speaks for a label."""
    from shoal.modalities import vision

    found = vision.explain(image, label, model=model, method=method, taught=everyone_taught)
    path = found.save(out or Path(f"{image.stem}-explained.png"))
    if json:
        print_json({"label": found.label, "box": found.box(), "method": found.method, "path": path})
        return
    box = found.box()
    where = f"hottest within {box} (left, top, right, bottom)" if box else "nothing speaks for it"
    text = f"{found.label.name} ({found.label.probability:.2f}): {where}\nSaved: {path}"
    console.print(plain(text), highlight=False, soft_wrap=True)
