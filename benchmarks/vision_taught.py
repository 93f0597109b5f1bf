"""Measures whether drafts and bfloat16 decide what a taught classifier says, and what that costs.

    python benchmarks/vision_taught.py [--images DIR] [--limit 480] [--seed 0] [--json]

Classifiers are taught by class means and by a linear head, on a few pictures a class. Others
are labelled at first sight alone, and as `ImageClassifier.predict` does, with a second look at
close calls; both beside float32 on whole pictures. "label" counts "none of these" as a label,
"likeliest" refuses nothing. --images takes a folder of class folders; without it, ten places in
the demo's two photos are looked at, as JPEGs of 0.2 to 3 megapixels, drawn by the seed.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import print_report, wilson
from photos import ASSETS
from running import guarded

from shoal.errors import UsageError
from shoal.modalities.vision.opening.images import open_pixels
from shoal.modalities.vision.teach import (
    ImageClassifier,
    Pictures,
    TeachSettings,
    read_pictures,
    teach_classifier,
)
from shoal.modalities.vision.teach.head import Floats, Rating

METHODS = {"prototype": 5, "linear": 20}
"""Each with the pictures a class that it is taught with."""

CLASSES, EACH = 10, 80
SIZES = ((500, 375), (1152, 864), (2048, 1536))
TURNS = 3


def main() -> None:
    """Prints a line a figure, and with --json one JSON object at the end."""
    options, began = _options(), time.perf_counter()
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as place:
        if options.images is None:
            _draw(Path(place, "pictures"), options.seed)
        pictures = read_pictures(options.images or Path(place, "pictures"))["train"]
        for method, few in METHODS.items():
            taught, others = _parted(pictures, few, options.limit, options.seed)
            how = TeachSettings(method, method, out=Path(place, method), quiet=True)
            classifier = ImageClassifier.load(teach_classifier(taught, how))
            for name, figure in _measured(classifier, others.files).items():
                figures[f"{method} {name}"] = figure
                told = ", ".join(f"{key} {value}" for key, value in figure.items())
                print(f"{method:9} {name:11} {told}", flush=True)
    print_report(
        "vision_taught", figures, n=len(others), seed=options.seed,
        seconds=time.perf_counter() - began, as_json=options.json,
    )  # fmt: skip


def _options() -> argparse.Namespace:
    made = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    made.add_argument("--images", type=Path, help="a folder of class folders")
    made.add_argument("--limit", type=int, default=480, help="pictures that are labelled")
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--json", action="store_true")
    return made.parse_args()


def _measured(classifier: ImageClassifier, files: Sequence[Path]) -> dict[str, dict[str, float]]:
    """Agreement with float32 on whole pictures, and milliseconds a picture, 32 at a time."""
    encoder = classifier.encoder
    ways: dict[str, Callable[[Sequence[Path]], Floats]] = {
        "first sight": encoder.embed,
        "second look": lambda part: encoder.embed(part, classifier.close_calls),
    }
    seen: dict[str, list[Floats]] = {name: [] for name in ways}
    spent = dict.fromkeys(ways, 0.0)
    batches = [files[start : start + 32] for start in range(0, len(files), 32)]
    encoder.network.exact(encoder.transform.crop([open_pixels(files[0])]))  # compiled on first use
    for turn in range(TURNS):
        for part in batches:
            for name, way in ways.items():
                start = time.perf_counter()
                vectors = way(part)
                spent[name] += time.perf_counter() - start
                if not turn:
                    seen[name].append(vectors)
    exact = classifier.rate(np.concatenate([_exact(classifier, part) for part in batches]))
    again = len(classifier.close_calls(np.concatenate(seen["first sight"])))
    looks = {"first sight": 0.0, "second look": round(again / len(files), 4)}
    return {
        name: _agreement(classifier.rate(np.concatenate(seen[name])), exact)
        | {"looked_again": looks[name], "ms": round(1e3 * spent[name] / TURNS / len(files), 2)}
        for name in ways
    }


def _exact(classifier: ImageClassifier, files: Sequence[Path]) -> Floats:
    """Unit embeddings of whole pictures in float32, float32 (n, d)."""
    encoder = classifier.encoder
    pixels = encoder.transform.crop([open_pixels(file) for file in files])
    features = encoder.network.exact(pixels)[0]
    vectors: Floats = features / np.linalg.norm(features, axis=1, keepdims=True)
    return vectors


def _agreement(said: Rating, exact: Rating) -> dict[str, float]:
    same = np.where(said.known, said.best, -1) == np.where(exact.known, exact.best, -1)
    low, high = wilson(int(same.sum()), len(same))
    shares = {"label": same.mean(), "low": low, "high": high}
    shares["likeliest"] = (said.best == exact.best).mean()
    return {key: round(float(value), 4) for key, value in shares.items()}


def _parted(pictures: Pictures, few: int, limit: int, seed: int) -> tuple[Pictures, Pictures]:
    """A few of each class to teach with, and others to label, drawn by the seed."""
    order = np.random.default_rng(seed).permutation(len(pictures)).tolist()
    taught: list[int] = []
    for label in pictures.classes:
        taught += [i for i in order if pictures.labels[i] == label][:few]
    others = [i for i in order if i not in set(taught)][:limit]
    if not others:
        why = f"{few} pictures a class are taught, and none is left to be labelled"
        raise UsageError(f"{pictures.name} is too small", why, "Name a folder with more")
    return pictures.take(taught), pictures.take(others)


def _draw(top: Path, seed: int) -> None:
    """Ten places in the demo's two photos, each seen with some shift and zoom, in three sizes."""
    random = np.random.default_rng(seed)
    photos = [open_pixels(ASSETS / name) for name in ("cat.jpg", "coffee.jpg")]
    for number in range(CLASSES):
        photo = photos[number % 2]
        high = min(photo.height, photo.width * 3 / 4) / 2
        wide = high * 4 / 3
        left, upper = random.uniform(0, photo.width - wide), random.uniform(0, photo.height - high)
        (top / f"place {number}").mkdir(parents=True)
        for shot in range(EACH):
            zoom = random.uniform(0.6, 1)
            x, y = (
                left + random.uniform(0, 1 - zoom) * wide,
                upper + random.uniform(0, 1 - zoom) * high,
            )
            box = (x, y, x + zoom * wide, y + zoom * high)
            stream = io.BytesIO()
            photo.resize(SIZES[shot % len(SIZES)], box=box).save(stream, "JPEG", quality=90)
            (top / f"place {number}" / f"{shot:03}.jpg").write_bytes(stream.getvalue())


if __name__ == "__main__":
    guarded(main)
