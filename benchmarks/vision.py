"""Measures seeing: the encoder beside timm's eager torch, and what users do with pictures.

    python benchmarks/vision.py [--images DIR [--labels CSV]] [--limit 1000] [--seed 0] [--json]
    python benchmarks/vision.py --only batch,photo,agreement,folder,teach,find

Without --images it looks at crops of the demo's two photos, drawn by the seed and saved as
JPEGs of one megapixel. With --labels (columns file,label; any of ImageNet's names for the
class) accuracy is printed, too. Both sides run in one process, by turns, with as many
threads as there are cores; n is the number of images that are compared.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from common import print_report, wilson
from photos import labelled, photos_of
from running import guarded
from vision_use import finding, folder, teaching

from shoal.modalities.cores import cores
from shoal.modalities.vision import VisionEncoder
from shoal.modalities.vision.encoders.timm_models import build, resolve
from shoal.modalities.vision.labels import close_calls
from shoal.modalities.vision.opening.images import open_pixels

PARTS = ("batch", "photo", "agreement", "folder", "teach", "find")
LARGE = 32
TURNS = {1: 60, LARGE: 6}
"""How often each side runs, by the size of the batch."""

ROUNDS = 3
"""Turns are taken by so many blocks: right after a run of torch, its idle threads still spin
for some milliseconds and hold the cores that the other side wants. Neither side's first run
of a block counts."""


def main() -> None:
    """Prints a line a figure, and with --json one JSON object at the end."""
    options, began = _options(), time.perf_counter()
    photos = photos_of(options.images, options.limit, options.seed)
    figures: dict[str, Any] = {}
    for measure in _measures(options, photos):
        for name, figure in measure.items():
            figures[name] = figure
            told = ", ".join(f"{key} {value}" for key, value in figure.items())
            print(f"{name:12} {told}", flush=True)
    print_report(
        "vision", {"model": options.model, **figures}, n=len(photos), seed=options.seed,
        seconds=time.perf_counter() - began, as_json=options.json,
    )  # fmt: skip


def _measures(
    options: argparse.Namespace, photos: Sequence[bytes]
) -> Iterator[dict[str, dict[str, float]]]:
    """Yields figures by name, as they are measured."""
    if {"batch", "photo", "agreement"} & options.only:
        yield from _encoding(options, photos)
    if "folder" in options.only:
        yield {"folder": folder(photos)}
    if "teach" in options.only:
        yield teaching(options.seed)
    if "find" in options.only:
        yield {"find": finding(options.seed)}


def _encoding(
    options: argparse.Namespace, photos: Sequence[bytes]
) -> Iterator[dict[str, dict[str, float]]]:
    encoder, peer = VisionEncoder(options.model), Peer(options.model)
    if "batch" in options.only:
        yield {f"batch {size}": _beside(encoder, peer, photos, size) for size in (1, LARGE)}
    if "photo" in options.only:
        yield {"photo": _photo_to_labels(encoder, peer, photos)}
    if "agreement" in options.only:
        share, found = _agreement(encoder, peer, photos)
        yield {"agreement": share}
        if options.labels:
            names = labelled(options.labels, options.images, options.limit)
            yield {"accuracy": _accuracy(found, names)}


def _options() -> argparse.Namespace:
    made = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    made.add_argument("--images", type=Path, help="a folder of pictures")
    made.add_argument("--labels", type=Path, help="a CSV with the columns file,label")
    made.add_argument("--model", default="efficientnet-lite0")
    made.add_argument("--limit", type=int, default=1000)
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--only", default=",".join(PARTS), help="some of the parts, by commas")
    made.add_argument("--json", action="store_true")
    options = made.parse_args()
    options.only = set(options.only.split(","))
    if strange := options.only - set(PARTS):
        made.error(f"no part {', '.join(sorted(strange))}; known: {', '.join(PARTS)}")
    if options.labels and not options.images:
        made.error("--labels needs --images, the folder its files are in")
    if options.limit < 1:
        made.error("--limit is 1 or more")
    return options


class Peer:
    """The same model as timm runs it: eager torch in float32, with timm's own transform."""

    def __init__(self, model: str) -> None:
        self.module, _ = build(resolve(model))
        import timm.data  # after `build`, which mends what it imports
        import torch

        torch.set_num_threads(cores())
        data: Any = timm.data
        config = data.resolve_model_data_config(self.module.model)
        self.transform = data.create_transform(**config, is_training=False)

    def batch(self, photos: Sequence[bytes]) -> Any:
        """float32 (n, 3, h, w) of whole photos."""
        import torch

        return torch.stack([self.transform(open_pixels(photo)) for photo in photos])

    def logits(self, batch: Any) -> Any:
        """float32 (n, classes)."""
        import torch

        with torch.inference_mode():
            return self.module.model(batch).numpy()


def _beside(
    encoder: VisionEncoder, peer: Peer, photos: Sequence[bytes], size: int
) -> dict[str, float]:
    """The network alone, close calls included, in milliseconds a batch and as a ratio."""
    engine, transform = encoder.network, encoder.network.card.transform
    turns = TURNS[size]
    some = photos[: size * turns]
    seen, tensor = transform.crop([open_pixels(photo) for photo in some]), peer.batch(some)
    rows = [[i % len(some) for i in range(turn * size, (turn + 1) * size)] for turn in range(turns)]
    pixels, tensors = [seen[row] for row in rows], [tensor[row] for row in rows]

    def ours(turn: int) -> None:
        logits = engine.quick(pixels[turn])[1]
        close = close_calls(logits, [False] * size)
        if close:
            engine.exact(pixels[turn][close])

    engine.exact(pixels[0])  # compiled on its first run
    mine, theirs = _by_turns(ours, lambda turn: peer.logits(tensors[turn]), turns)
    return _ratio(mine, theirs)


def _photo_to_labels(
    encoder: VisionEncoder, peer: Peer, photos: Sequence[bytes]
) -> dict[str, float]:
    """From a file's bytes to five labels, decoding included, one photo at a time."""
    some = [photos[i % len(photos)] for i in range(TURNS[1])]
    mine, theirs = _by_turns(
        lambda turn: encoder.label([some[turn]]),
        lambda turn: peer.logits(peer.batch([some[turn]])),
        len(some),
    )
    return _ratio(mine, theirs)


def _by_turns(
    ours: Callable[[int], object], theirs: Callable[[int], object], turns: int
) -> tuple[list[float], list[float]]:
    made: tuple[list[float], list[float]] = ([], [])
    for round_ in range(ROUNDS):
        for kept, call in zip(made, (ours, theirs), strict=True):
            call(round_)
            for turn in range(round_, turns, ROUNDS):
                began = time.perf_counter()
                call(turn)
                kept.append(time.perf_counter() - began)
    return made


def _ratio(mine: list[float], theirs: list[float]) -> dict[str, float]:
    p50, other = statistics.median(mine), statistics.median(theirs)
    mean = statistics.mean(theirs) / statistics.mean(mine)
    return {
        "p50_ms": round(1e3 * p50, 2), "timm_p50_ms": round(1e3 * other, 2),
        "times": round(other / p50, 1), "times_by_mean": round(mean, 1),
    }  # fmt: skip


def _agreement(
    encoder: VisionEncoder, peer: Peer, photos: Sequence[bytes]
) -> tuple[dict[str, float], list[Any]]:
    """How often the best label is that of timm in float32, from the whole photo."""
    same, found = 0, []
    for start in range(0, len(photos), LARGE):
        group = photos[start : start + LARGE]
        labels = encoder.label(group)
        found += labels
        best = peer.logits(peer.batch(group)).argmax(1)
        same += sum(own[0].index == int(other) for own, other in zip(labels, best, strict=True))
    low, high = wilson(same, len(photos))
    share = {"top1": same / len(photos), "low": low, "high": high}
    return {key: round(value, 4) for key, value in share.items()} | {"n": len(photos)}, found


def _accuracy(found: Sequence[Any], names: Sequence[str]) -> dict[str, float]:
    """Share of images whose best label, or one of five, is the right one."""
    asked = [(own, name.casefold()) for own, name in zip(found, names, strict=True) if name]
    first = sum(name in _names(own[:1]) for own, name in asked)
    five = sum(name in _names(own) for own, name in asked)
    low, high = wilson(first, len(asked))
    shares = {"top1": first, "top5": five}
    made = {key: round(value / max(1, len(asked)), 4) for key, value in shares.items()}
    return made | {"low": round(low, 4), "high": round(high, 4), "n": len(asked)}


def _names(labels: Sequence[Any]) -> set[str]:
    return {name.casefold() for label in labels for name in label.synonyms}


if __name__ == "__main__":
    guarded(main)
