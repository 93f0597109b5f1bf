"""The pictures in the documentation are what their command makes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from shoal.modalities.vision import load_image, vision_encoder

DOCS = Path(__file__).parents[1] / "docs"
LARGEST = 150_000  # bytes


def test_the_command_makes_each_picture(tmp_path: Path) -> None:
    pytest.importorskip("rapidocr", reason="the extra 'ocr' is not installed")
    command = [sys.executable, str(DOCS / "pictures.py"), str(tmp_path / "made")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    shown = set(re.findall(r"\]\((pictures/\S+)\)", (DOCS / "vision.md").read_text("utf-8")))
    assert shown == {f"pictures/{path.name}" for path in (tmp_path / "made").iterdir()}
    for path in (tmp_path / "made").iterdir():
        made, kept = load_image(path), load_image(DOCS / "pictures" / path.name)
        assert (made.width, made.height) == (kept.width, kept.height)
        assert len(made.encoded) < LARGEST
        assert vision_encoder().similarity(made, kept) > 0.95


@pytest.mark.parametrize("page", ["vision.md", "report.md"])
def test_what_the_page_links_to_is_there(page: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", (DOCS / page).read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (DOCS / link).exists()] == []
    pictures = [DOCS / link for link in links if link.startswith("pictures/")]
    assert all(picture.stat().st_size < LARGEST for picture in pictures)
