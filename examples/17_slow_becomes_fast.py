"""Slow becomes fast: run, say what was wrong, learn, and the next requests are reflexes."""

import random
import tempfile
import time
from pathlib import Path
from statistics import median

from shoal import Agent
from shoal.agents.memory import MemoryStore
from shoal.agents.reflexes import LearnSettings
from shoal.agents.tools import as_tool

ASKS = {
    "track_parcel": ("where is parcel {}?", "has parcel {} been sent yet?", "track parcel {}"),
    "open_gate": ("please open gate {}", "let me in at gate {}", "gate {} should be opened"),
}
ENDS = ("", " please", " thanks", " now", " today")


def track_parcel(number: int) -> str:
    """Says where a parcel is.

    Args:
        number: The parcel's number.
    """
    return f"parcel {number} is on its way"


def open_gate(number: int) -> str:
    """Opens a gate.

    Args:
        number: The gate's number.
    """
    return f"gate {number} is open"


def requests(count: int, seed: int) -> list[tuple[str, str, int]]:
    """What people ask, the right tool, and its argument."""
    drawn, made = random.Random(seed), []
    for _ in range(count):
        tool, number = drawn.choice(sorted(ASKS)), drawn.randint(1000, 9999)
        made.append((drawn.choice(ASKS[tool]).format(number) + drawn.choice(ENDS), tool, number))
    return made


with tempfile.TemporaryDirectory() as folder:
    memory = MemoryStore(Path(folder) / "memory.sqlite")
    tools = [as_tool(tool, side_effects="none") for tool in (track_parcel, open_gate)]
    with Agent(memory=memory, tools=tools) as agent:
        slow = []
        for text, tool, number in requests(80, seed=1):
            run = agent.run(text, thread="porter", interactive=False)
            slow.append(run.cost.seconds)
            calls = [(s.name, dict(s.arguments)) for s in run.steps if s.kind == "tool"]
            if calls != [(tool, {"number": number})]:
                agent.feedback(run, correction={"name": tool, "arguments": {"number": number}})
        for one in agent.learn(LearnSettings(min_examples=60, margin=0.2)):
            print(f"{one.name}: {one.n} records, promoted: {one.promoted}; {one.reason}")
        fast = []
        for text, _, number in requests(40, seed=2):
            began = time.perf_counter()
            run = agent.run(text, thread="porter", interactive=False)
            if run.expert == "reflex" and str(number) in run.text:
                fast.append(time.perf_counter() - began)
        share = f"{len(fast)} of 40 served fast and right"
        print(f"{share}: {1000 * median(fast):.1f} ms, before {1000 * median(slow):.0f} ms")
        print("unknown work goes the slow way:", agent.run("what is 6 * 7?").expert)
        for name in agent.reflexes.shelf.names():
            current = agent.reflexes.shelf.current(name)
            print(f"{name} version {current.version} is {current.status}: {current.reason}")
    memory.close()
