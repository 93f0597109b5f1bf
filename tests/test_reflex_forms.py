"""The forms of benchmarks/reflex.py: the same for a seed, all kinds among them, and readable."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from shoal import Agent
from shoal.agents.memory import MemoryStore
from shoal.modalities.vision import load_image


@pytest.fixture(scope="module")
def forms() -> Any:
    sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
    try:
        return importlib.import_module("reflex_forms")
    finally:
        sys.path.pop(0)


def test_a_seed_makes_the_same_forms_and_no_form_comes_twice(forms: Any) -> None:
    made, again, other = (forms.Forms(seed).stream(24) for seed in (1, 1, 2))
    names = [[load_image(item.parts["images"][0]).sha256 for item in of] for of in (made, again)]
    assert names[0] == names[1]
    others = [load_image(item.parts["images"][0]).sha256 for item in other]
    assert len({*names[0], *others}) == 48
    assert {item.truth for item in made} <= set(forms.PAPERS)


def test_the_usual_agent_reads_a_title_and_a_user_puts_another_right(
    forms: Any, tmp_path: Path
) -> None:
    work = forms.Forms(1)
    item = next(item for item in work.stream(24) if item.truth == "Leave request")
    with Agent(memory=MemoryStore(tmp_path / "memory.sqlite"), **work.agent) as agent:
        run = agent.run(agent.task(**item.parts), interactive=False)
    assert any(step.kind == "ocr" for step in run.steps)
    assert work.right(run, item.truth)
    assert not work.right(run, work.drifted(item.truth))
    assert work.correction(item.truth) == item.truth
