"""Every example runs as a program of its own, with the network blocked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("[0-9]*.py"))

_BLOCK = """
import socket
def refuse(self, address, _connect=socket.socket.connect):
    if isinstance(address, tuple):
        raise OSError(f"an example tried to reach {address}")
    return _connect(self, address)
socket.socket.connect = refuse
"""

EXPECTED = {
    "01_text_tool": "= 42",
    "02_vision": "9:30",
    "03_policy": "solved",
    "04_memory": "blue",
    "05_own_tool": "12 apples",
    "06_own_expert": "[solved by backwards]",
    "07_in_another_graph": "= 6",
    "08_train_policy": "shoal train CartPole-v1",
}


def test_each_example_has_an_expectation() -> None:
    assert {path.stem for path in EXAMPLES} == set(EXPECTED)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs_offline(path: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(_BLOCK)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, str(path)], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert EXPECTED[path.stem] in done.stdout, done.stdout
