"""The benchmarks as they are typed: one JSON object on the last line, errors in a line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
KEYS = {"benchmark", "figures", "n", "seconds", "seed", "versions", "machine"}


def typed(name: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(BENCHMARKS / name), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def report(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout.splitlines()[-1])
    assert set(made) == KEYS
    assert {"python", "shoal"} <= set(made["versions"])
    return made


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    """One case, the first of the authored ones."""
    file = tmp_path / "one.jsonl"
    lines = (BENCHMARKS / "cases" / "authored.jsonl").read_text(encoding="utf-8").splitlines()
    file.write_text(lines[0] + "\n", encoding="utf-8")
    return file


def test_tools_reports_one_case_in_full(cases: Path) -> None:
    made = report(typed("tools.py", "--cases", str(cases), "--seed", "3", "--json"))
    assert (made["benchmark"], made["n"], made["seed"]) == ("tools", 1, 3)
    assert made["figures"]["model"] == "smollm2-135m"
    assert made["versions"]["xllamacpp"]
    system = made["figures"]["sets"]["one.jsonl"]["shoal"]
    assert system["all"]["n"] == 1
    assert system["seconds"]["p50"] == system["seconds"]["p95"] > 0


@pytest.mark.parametrize(
    ("content", "more", "why"),
    [
        (None, (), "cannot read"),
        ("", (), "no cases in"),
        ("{}\n", (), "line 1"),
        ("as it is", ("--model", "smollm"), "did you mean 'smollm2-135m'"),
    ],
)
def test_tools_says_in_a_line_what_is_wrong(
    content: str | None, more: tuple[str, ...], why: str, cases: Path
) -> None:
    if content is None:
        cases.unlink()
    elif content != "as it is":
        cases.write_text(content, encoding="utf-8")
    done = typed("tools.py", "--cases", str(cases), *more)
    assert done.returncode == 2
    assert done.stdout == ""
    assert why in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_decide_reports_all_cases() -> None:
    done = typed("decide.py", "--cases", "4", "--models", "minilm-l6", "--json")
    if done.stderr.startswith("Left out"):
        pytest.skip(done.stderr.splitlines()[0])
    made = report(done)
    per_set = {row["set"]: row["n"] for row in made["figures"]["rows"]}
    assert made["n"] == sum(per_set.values()) == per_set["requests"] + 3 * 4


QUICK = """
import sys
sys.path.insert(0, {folder!r})
import floor
floor.SHOAL, floor._WARM = [sys.executable, "-c", "pass"], "print(0.25)"
floor.main()
"""


def test_floor_reports_in_one_line() -> None:
    """Processes that do nothing stand in for `shoal run`: what is tested is the report."""
    code = QUICK.format(folder=str(BENCHMARKS))
    command = [sys.executable, "-c", code, "--runs", "2", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    made = report(done)
    assert (made["benchmark"], made["n"], made["seed"]) == ("floor", 2, 0)
    further = made["figures"]["a further task in the same process, s"]
    assert further == {"median": 0.25, "min": 0.25, "max": 0.25}
    assert "0.25 (0.25 to 0.25)" in done.stdout


SMALL = """
import sys
sys.path.insert(0, {folder!r})
import vision, vision_use
vision_use.CLASSES = vision_use.FEW = 2
vision_use.MANY, vision_use.INDEXED, vision_use.QUERIES = 4, 500, 20
vision.main()
"""


def test_vision_teaches_and_finds() -> None:
    """The same commands on few pictures, the same search over few embeddings."""
    code = SMALL.format(folder=str(BENCHMARKS))
    command = [sys.executable, "-c", code, "--only", "teach,find", "--json"]
    figures = report(subprocess.run(command, capture_output=True, text=True, check=False))[
        "figures"
    ]
    assert (figures["teach"]["images"], figures["probe"]["images"]) == (4, 8)
    assert min(figures[name]["peak_mib"] for name in ("teach", "probe")) > 50
    assert figures["find"]["recall_at_10"] > 0.7  # few neighbours are alike among so few


def test_taught_classifiers_beside_float32(tmp_path: Path) -> None:
    assets = BENCHMARKS.parent / "agents" / "demo" / "assets"
    for name in ("cat.jpg", "coffee.jpg"):
        folder = tmp_path / "places" / name
        folder.mkdir(parents=True)
        with Image.open(assets / name) as photo:
            for number in range(22):
                photo.crop((4 * number, 0, 4 * number + 240, 240)).save(folder / f"{number}.png")
    made = report(typed("vision_taught.py", "--images", str(tmp_path / "places"), "--json"))
    assert (made["benchmark"], made["n"]) == ("vision_taught", 4)
    for method in ("prototype", "linear"):
        looked = made["figures"][f"{method} second look"]
        assert looked["label"] == looked["likeliest"] == 1
        assert made["figures"][f"{method} first sight"]["looked_again"] == 0
    few = typed("vision_taught.py", "--images", str(tmp_path / "places"), "--limit", "0")
    assert few.returncode == 2
    assert "too small" in few.stderr


def test_vision_scores_a_folder_by_a_table(tmp_path: Path) -> None:
    assets = BENCHMARKS.parent / "agents" / "demo" / "assets"
    for name in ("cat.jpg", "coffee.jpg"):
        (tmp_path / name).write_bytes((assets / name).read_bytes())
    (tmp_path / "labels.csv").write_text("file,label\ncat.jpg,espresso\ncoffee.jpg,Espresso\n")
    where = ["--images", str(tmp_path), "--labels", str(tmp_path / "labels.csv")]
    made = report(typed("vision.py", *where, "--only", "batch,agreement,folder", "--json"))
    assert (made["benchmark"], made["n"]) == ("vision", 2)
    assert made["figures"]["agreement"]["top1"] == 1
    assert made["figures"]["accuracy"]["top1"] == 0.5
    assert made["figures"]["batch 32"]["times"] > 0
    empty = typed("vision.py", "--images", str(tmp_path / "none"))
    assert (empty.returncode, empty.stdout) == (2, "")
    assert "there is no folder" in empty.stderr


def test_balrog_plays_levels_and_recorded_episodes(tmp_path: Path) -> None:
    made = report(typed("balrog.py", "--only", "levels,acting", "--seeds", "2", "--json"))
    assert (made["benchmark"], made["n"]) == ("balrog", 2)
    row = made["figures"]["symbolic test num_dists=8"]
    assert row["all"]["n"] == 10
    assert row["all"]["success"] > 0.5
    assert row["kind"] == "trained in these levels"
    assert made["figures"]["acting"]["symbolic_policy_ms"] > 0
    recorded = BENCHMARKS.parent / "tests" / "envs" / "data" / "balrog_episodes.jsonl"
    pairs = report(
        typed("balrog.py", "--episodes", str(recorded), "--observation", "pixels", "--json")
    )
    figures = pairs["figures"]["all"]
    assert figures["ours"]["n"] == figures["recorded"]["n"] == 5
    assert figures["wins"] + figures["losses"] <= 5
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"task": "goto"}\n')
    refused = typed("balrog.py", "--episodes", str(broken))
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "line 1" in refused.stderr


def test_recall_measures_speed_and_any_dialogues(tmp_path: Path) -> None:
    done = typed("generated_dialogues.py", str(tmp_path), "--dialogues", "2")
    assert done.returncode == 0
    made = report(typed("recall.py", "--dialogues", str(tmp_path), "--split", "dev", "--json"))
    figures = made["figures"]["dialogues"]
    assert (made["benchmark"], made["n"], figures["dialogues"]) == ("recall", 40, 1)
    assert figures["recall_at_10"]["hybrid"]["mean"] > figures["recall_at_10"]["bm25"]["mean"]
    speed = report(typed("recall.py", "--items", "300", "--queries", "5", "--json"))
    assert speed["figures"]["speed"]["recall"]["p50_ms"] > 0
    (tmp_path / "broken.json").write_text('{"conversation": []}')
    refused = typed("recall.py", "--dialogues", str(tmp_path))
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "broken.json" in refused.stderr


def test_records_measures_commands_beside_what_it_filled(tmp_path: Path) -> None:
    home = str(tmp_path / "home")
    words = ("--count", "60", "--fast", "0.5", "--only", "stats,calibration", "--home", home)
    made = report(typed("records.py", *words, "--json"))
    assert made["figures"]["calibration"]["exit"] == made["figures"]["stats"]["exit"] == 0
    assert made["figures"]["stats"]["peak_mb"] > 0
