"""Makes the picture of report.md by runs, feedback and learning of a real agent.

python docs/report.py [FILE]     (or: make pictures)
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from shoal import Agent, Status
from shoal.agents.memory import MemoryStore
from shoal.agents.reflexes import LearnSettings
from shoal.agents.report import report

HERE = Path(__file__).parent
ASSETS = HERE.parent / "agents" / "demo" / "assets"
PLACES = [f"place {letter}" for letter in "abcdefgh"]
BEFORE, AFTER, DRIFTED = 260, 120, 40
SHOWN = ("latency", "drift")
PALETTE = 48


def main() -> None:
    """Works, learns, drifts, and writes the figures one above the other."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "pictures" / "report.png"
    with tempfile.TemporaryDirectory() as home:
        memory = MemoryStore(Path(home) / "memory.sqlite")
        _work(memory)
        folder = report(memory, Path(home) / "report").parent
        memory.close()
        figures = [Image.open(folder / f"{name}.png").convert("RGB") for name in SHOWN]
    picture = Image.new("RGB", (figures[0].width, sum(f.height for f in figures)), "white")
    for place, figure in enumerate(figures):
        picture.paste(figure, (0, sum(f.height for f in figures[:place])))
    picture.quantize(PALETTE).save(target, optimize=True)
    print(f"{target}: {target.stat().st_size / 1000:.0f} KB")


def _work(memory: MemoryStore) -> None:
    """Names crops, slowly and then fast; in the end every place is to have the next one's name."""
    random = np.random.default_rng(0)
    with Agent(memory=memory) as agent:
        for place in range(len(PLACES)):
            agent.teach(PLACES[place], images=[_crop(random, place) for _ in range(3)])
        _run(agent, random, BEFORE)
        for learnt in agent.learn(LearnSettings(margin=0.1)):
            print(f"{learnt.name}: {learnt.reason}")
        _run(agent, random, AFTER)
        _run(agent, random, DRIFTED, shift=1)


def _run(agent: Agent, random: np.random.Generator, count: int, shift: int = 0) -> None:
    for place in random.integers(len(PLACES), size=count):
        picture = _crop(random, int(place))
        run = agent.run("what is in this picture?", images=[picture], interactive=False)
        wanted = PLACES[(int(place) + shift) % len(PLACES)]
        if run.status is Status.SOLVED and wanted in run.text:
            agent.feedback(run, True)
        else:
            agent.feedback(run, False, correction=wanted)


def _crop(random: np.random.Generator, place: int) -> Image.Image:
    """A crop round one of four places in one of two photos, at another spot each time."""
    photo = Image.open(ASSETS / f"{('cat', 'coffee')[place // 4]}.jpg").convert("RGB")
    whole, half = np.array(photo.size), random.uniform(0.16, 0.22) * min(photo.size)
    at = whole * (0.28 + 0.44 * np.array([place % 2, place // 2 % 2]))
    at = at + random.uniform(-0.06, 0.06, 2) * min(photo.size)
    box = (*np.round(at - half).astype(int).tolist(), *np.round(at + half).astype(int).tolist())
    return photo.crop(box).resize((256, 256))


if __name__ == "__main__":
    main()
