"""Keeps the picture of the house true: rooms, imports, packages, and a light front door."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = {"agents": "shoal.agents", "modalities": "shoal.modalities", "envs": "shoal.envs"}
BASE = {
    "shoal",
    "shoal.types",
    "shoal.errors",
    "shoal.files",
    "shoal.extras",
    "shoal.lazy",
    "shoal.lingering",
    "shoal.statistics",
    "shoal.version",
}
HEAVY = {
    "torch", "transformers", "timm", "stable_baselines3", "langgraph", "xllamacpp", "openvino",
    "rapidocr", "onnxruntime", "minigrid", "cv2", "torchvision", "langchain_core", "gymnasium",
}  # fmt: skip
MAY_IMPORT = {
    "agents": {"shoal.agents", "shoal.modalities", "shoal.envs"},
    "modalities": {"shoal.modalities"},
    "envs": {"shoal.envs"},
    "src/shoal": set[str](),
}


def _files(room: str) -> list[Path]:
    pattern = "*.py" if room == "src/shoal" else "**/*.py"
    return sorted((ROOT / room).glob(pattern))


def _imports(node: ast.AST) -> list[str]:
    found = []
    for item in ast.walk(node):
        if isinstance(item, ast.Import):
            found += [alias.name for alias in item.names]
        elif isinstance(item, ast.ImportFrom) and item.module and item.level == 0:
            found.append(item.module)
    return found


def _at_import(tree: ast.Module) -> list[str]:
    """The modules a file imports when it is imported itself."""
    found: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            found += _imports(node)
    return found


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_imports_point_one_way(room: str) -> None:
    files = _files(room)
    assert files
    wrong = []
    for path in files:
        lazily_shown = path.parent == ROOT / "src/shoal" and path.name == "__init__.py"
        for name in _imports(ast.parse(path.read_text())):
            own = name == "shoal" or name.startswith("shoal.")
            allowed = name in BASE or any(
                name == room_name or name.startswith(f"{room_name}.")
                for room_name in MAY_IMPORT[room]
            )
            if own and not allowed and not lazily_shown:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not wrong


def test_no_relative_imports() -> None:
    relative = [
        str(path)
        for room in MAY_IMPORT
        for path in _files(room)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert not relative


def test_importing_the_rooms_loads_no_heavy_library() -> None:
    code = (
        "import sys, json, shoal, shoal.types, shoal.errors, shoal.modalities, shoal.agents,"
        " shoal.modalities.text, shoal.modalities.vision, shoal.modalities.policy,"
        " shoal.modalities.sources;"
        "print(json.dumps(sorted(m.partition('.')[0] for m in sys.modules)))"
    )
    loaded = set(json.loads(_python(code)))
    assert not loaded & HEAVY


def test_import_shoal_is_light() -> None:
    code = (
        "import time, sys, json; start = time.perf_counter(); import shoal;"
        "print(json.dumps([time.perf_counter() - start, sorted(sys.modules)]))"
    )
    runs = [json.loads(_python(code)) for _ in range(3)]
    # The budget is 0.3 s; the fastest of three forgives a busy machine, not a heavy import.
    assert min(seconds for seconds, _ in runs) < 0.3
    assert not {name.partition(".")[0] for name in runs[0][1]} & HEAVY
    assert "pydantic" not in runs[0][1]


def test_every_package_is_listed() -> None:
    setup = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    expected = {"shoal"}
    for room, name in ROOMS.items():
        for init in (ROOT / room).rglob("__init__.py"):
            parts = init.parent.relative_to(ROOT / room).parts
            expected.add(".".join((name, *parts)))
    assert set(setup["packages"]) == expected
    assert set(setup["package-dir"]) == expected


def test_links_lead_to_the_rooms() -> None:
    for room in ROOMS:
        assert (ROOT / "src/shoal" / room).resolve() == ROOT / room


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    ignored = shutil.ignore_patterns(
        ".git", ".venv", ".shoal", "build", "dist", "*.egg-info", "__pycache__", ".*_cache"
    )
    # A copy, so that no older build folder can lend the wheel a file.
    shutil.copytree(ROOT, folder / "shoal", symlinks=True, ignore=ignored)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", str(folder)]
    done = subprocess.run(
        [*command, str(folder / "shoal")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_the_wheel_holds_only_shoal(wheel: zipfile.ZipFile) -> None:
    top = {name.partition("/")[0] for name in wheel.namelist()}
    assert {name for name in top if not name.endswith(".dist-info")} == {"shoal"}


def test_the_wheel_holds_every_module_and_data_file(wheel: zipfile.ZipFile) -> None:
    wanted = {
        f"shoal/{path.relative_to(ROOT)}"
        for room in ROOMS
        for path in (ROOT / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert len(wanted) > 50
    assert wanted <= set(wheel.namelist()), wanted - set(wheel.namelist())


def test_openvino_is_imported_in_one_place() -> None:
    # A plain import starts its telemetry; openvino_import.py does not.
    bare = [
        str(path.relative_to(ROOT))
        for room in MAY_IMPORT
        for path in _files(room)
        if path.name != "openvino_import.py"
        for name in _imports(ast.parse(path.read_text()))
        if name.partition(".")[0] == "openvino"
    ]
    assert not bare


def test_files_are_small() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for room in MAY_IMPORT
        for path in _files(room)
        if (lines := len(path.read_text().splitlines())) > 300
    }
    assert not long


def _python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout
