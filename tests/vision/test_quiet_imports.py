"""Heavy libraries come in on first use, and none of them phones home."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def _python(code: str, home: Path) -> str:
    env = {"HOME": str(home), "SHOAL_HOME": str(home / "shoal")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=env, cwd=home)
    return done.stdout.strip()


def test_the_room_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys, shoal.modalities.vision as v;"
        "names = set(v.__all__) - {'TimmExtractor'};"  # a subclass of one of stable-baselines3's
        "[getattr(v, name) for name in names];"
        "heavy = {'torch', 'timm', 'openvino', 'rapidocr', 'cv2', 'PIL', 'torchvision'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert _python(code, tmp_path) == "[]"


def test_an_unknown_name_of_the_room() -> None:
    import shoal.modalities.vision as room

    with pytest.raises(AttributeError, match="no attribute 'Visionary'"):
        _ = room.Visionary


def test_timm_and_transformers_import_whatever_torchvision_was_built_for(tmp_path: Path) -> None:
    code = (
        "from shoal.modalities.torchvision_fix import ensure_torchvision_imports as fix;"
        "fix(); print(fix()); import timm, torchvision;"
        "from transformers import AutoModelForCausalLM; print('imported')"
    )
    assert _python(code, tmp_path).splitlines() == ["False", "imported"]


def test_openvino_comes_without_its_telemetry(tmp_path: Path) -> None:
    code = (
        "import socket, sys;"
        "asked = []; socket.getaddrinfo = lambda *a, **k: asked.append(a) or [];"
        "from shoal.modalities.openvino_import import import_openvino as get;"
        "ov = get(); assert get() is ov; ov.Core();"
        "import torch; layer = torch.nn.Linear(2, 2);"
        "m = ov.convert_model(layer, example_input=torch.zeros(1, 2));"
        "print(len(m.outputs), asked, 'openvino_telemetry' in sys.modules);"
        "import openvino_telemetry; print('still there for others')"
    )
    assert _python(code, tmp_path).splitlines() == ["1 [] False", "still there for others"]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
