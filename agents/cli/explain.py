"""`shoal explain`: which part of a picture speaks for a label."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shoal.agents.cli.show import console, plain, print_json
from shoal.agents.cli.tasks import Json

Picture = Annotated[Path, typer.Argument(help="A picture.")]
Wanted = Annotated[str | None, typer.Option(help="A label; otherwise the likeliest.")]
Out = Annotated[Path | None, typer.Option(help="A .png; otherwise NAME-explained.png, here.")]
Encoder = Annotated[str, typer.Option("--model", "-m", help="A vision model: a name or a folder.")]
Method = Annotated[str, typer.Option(help="auto, cam or grad-cam.")]


def explain(
    image: Picture,
    label: Wanted = None,
    out: Out = None,
    model: Encoder = "efficientnet-lite0",
    method: Method = "auto",
    json: Json = False,
) -> None:
    """Save a picture with heat over what speaks for a label."""
    from shoal.modalities import vision

    found = vision.explain(image, label, model=model, method=method)
    path = found.save(out or Path(f"{image.stem}-explained.png"))
    if json:
        print_json({"label": found.label, "box": found.box(), "method": found.method, "path": path})
        return
    box = found.box()
    where = f"hottest within {box} (left, top, right, bottom)" if box else "nothing speaks for it"
    text = f"{found.label.name} ({found.label.probability:.2f}): {where}\nSaved: {path}"
    console.print(plain(text), highlight=False, soft_wrap=True)
