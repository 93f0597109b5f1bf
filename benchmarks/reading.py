"""Reading measured: characters of drawn pages, fields of drawn forms, questions about them.

    python benchmarks/reading.py [--forms 60] [--seed 7] [--split apart] [--details] [--json]

Pages and forms are drawn by `pages.py` and `forms.py`; nothing is fetched.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator
from typing import Any

import forms_apart
import forms_develop
from common import print_report
from forms import Form
from pages import FONTS, Image, error_rate, page, sentences, turned, worn

from shoal.modalities.vision import text_reader
from shoal.modalities.vision.read.asking import ask
from shoal.modalities.vision.read.extraction import extract

A4 = (2480, 3508)  # at 300 dots an inch


def drawn(seed: int) -> Iterator[tuple[str, list[str], Image.Image]]:
    """Yields kind, text and picture of the pages whose characters are counted."""
    for n, name in enumerate(FONTS):
        lines = sentences(14, 5, seed + n)
        level = page(lines, name, 24, (900, 700), (50, 40))
        yield "level", lines, level
        yield "worn", lines, worn(level, seed + n)
        for degrees in (90, 180, 270):
            yield "turned 90/180/270", lines, turned(level, degrees)
        for degrees in (-6, 2.5):
            yield "skewed", lines, turned(level, degrees)
    for n, name in enumerate(FONTS[:3]):
        for size in (8, 9, 10):
            lines = sentences(24, 8, seed + n + size)
            yield "8-10 px on A4", lines, spread(lines, name, size)


def spread(lines: list[str], name: str, size: int) -> Image.Image:
    """Half of the lines in one corner of a large page, half in the other."""
    half = len(lines) // 2
    sheet = page(lines[:half], name, size, A4, (150, 150))
    lower = page(lines[half:], name, size, (900, 600), (0, 0))
    sheet.paste(lower, (A4[0] - 950, A4[1] - 700))
    return sheet


def characters(seed: int) -> dict[str, float]:
    """Mean character error rate of each kind of page."""
    rates: dict[str, list[float]] = {}
    for kind, lines, picture in drawn(seed):
        read = [line.text for line in text_reader().read(picture)]
        rates.setdefault(kind, []).append(error_rate(lines, read))
    return {kind: round(sum(found) / len(found), 4) for kind, found in rates.items()}


def forms(split: str, count: int, seed: int) -> list[Form]:
    """Draws forms of a split; every fourth is worn, every fifth a little askew."""
    layouts = (forms_apart if split == "apart" else forms_develop).LAYOUTS
    draw = random.Random(f"{split} {seed}")
    made = []
    for n in range(count):
        form = layouts[n % len(layouts)](draw, draw.choice(FONTS))
        if n % 4 == 3:
            form.image = worn(form.image, n)
        if n % 5 == 4:
            form.image = turned(form.image, draw.uniform(-3, 3))
        made.append(form)
    return made


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yields the plain values of nested data with their paths."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from leaves(part, f"{path}.{key}")
    elif isinstance(value, list):
        for n, part in enumerate(value):
            yield from leaves(part, f"{path}[{n}]")
    else:
        yield path, value


def same(a: Any, b: Any) -> bool:
    """Equal values; blanks in texts don't count, the recogniser moves them."""
    if isinstance(a, str) and isinstance(b, str):
        return "".join(a.split()) == "".join(b.split())
    return (type(a) is type(b) and a == b) or _equal_numbers(a, b)


def _equal_numbers(a: Any, b: Any) -> bool:
    plain = isinstance(a, int | float) and isinstance(b, int | float)
    return plain and not isinstance(a, bool) and not isinstance(b, bool) and abs(a - b) < 0.005


def fields(made: list[Form], details: bool) -> dict[str, Any]:
    """Counts fields right, wrong and lacking, and absent ones that were filled."""
    right = wrong = lacking = absent = filled = 0
    kinds: dict[str, list[int]] = {}
    for form in made:
        found = extract(text_reader().read_page(form.image), form.schema, form.image)
        got, told = dict(leaves(dict(found.values))), dict(leaves(form.truth))
        for path, value in told.items():
            ok = path in got and same(value, got[path])
            right, wrong, lacking = (
                right + ok, wrong + (path in got and not ok), lacking + (path not in got),
            )  # fmt: skip
            kinds.setdefault(form.layout, []).append(ok)
            if details and not ok:
                print(f"  {form.layout}{path}: {value!r}, got {got.get(path)!r}")
        for name in set(form.schema["properties"]) - set(form.truth):
            absent += 1
            filled += name in found.values
            if details and name in found.values:
                print(f"  {form.layout}.{name}: absent, got {found.values[name]!r}")
    return {
        "fields": right + wrong + lacking, "right": right, "wrong": wrong, "lacking": lacking,
        "absent": absent, "absent filled": filled,
        "right by layout": {k: f"{sum(v)}/{len(v)}" for k, v in kinds.items()},
    }  # fmt: skip


def questions(made: list[Form], details: bool) -> dict[str, int]:
    """Counts questions answered right, wrong or not at all, and vain ones that were answered."""
    counts = dict.fromkeys(("asked", "right", "wrong", "unanswered", "vain", "vain answered"), 0)
    for form in made:
        read = text_reader().read_page(form.image)
        for question, wanted in form.questions.items():
            answer = ask(read, question, form.image)
            told = "".join(answer.text.split()) if answer else ""
            if wanted is None:
                counts["vain"] += 1
                counts["vain answered"] += answer is not None
            else:
                ok = "".join(wanted.split()) in told and len(told) < 2 * len(wanted) + 12
                counts["asked"] += 1
                counts["right" if ok else "wrong" if answer else "unanswered"] += 1
            if details and (answer is not None if wanted is None else not ok):
                print(f"  {form.layout}: {question} {wanted!r}, got {answer and answer.text!r}")
    return counts


def main() -> None:
    """Draws, reads, counts and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--forms", type=int, default=60)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--split", choices=("develop", "apart"), default="apart")
    parser.add_argument("--no-pages", action="store_true", help="leave the pages out")
    parser.add_argument("--details", action="store_true", help="print what went wrong")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    started = time.perf_counter()
    figures: dict[str, Any] = {}
    if not chosen.no_pages:
        figures["character error rate"] = characters(chosen.seed)
    made = forms(chosen.split, chosen.forms, chosen.seed)
    figures["fields"] = fields(made, chosen.details)
    figures["questions"] = questions(made, chosen.details)
    for kind, found in figures.items():
        print(kind, found)
    print_report(
        "reading", figures, n=chosen.forms, seed=chosen.seed,
        seconds=time.perf_counter() - started, as_json=chosen.json,
    )  # fmt: skip


if __name__ == "__main__":
    main()
