"""A run in a process of its own whose expert works for ten minutes: to be killed or broken off."""

from __future__ import annotations

import subprocess
import sys

_CODE = """
import time
from shoal import Agent
class Slow:
    name = "text"
    def affordance(self, task, context): return 1.0
    def attempt(self, task, context):
        print("working", flush=True)
        time.sleep(600)
with Agent(experts=[Slow()]) as agent:
    task = agent.task("what is 6 * 7?")
    print(task.id, flush=True)
    agent.run(task)
"""


def slow_run() -> tuple[subprocess.Popen[str], str]:
    """Starts it; returns the process, whose expert is at work, and the run's name."""
    worker = subprocess.Popen([sys.executable, "-c", _CODE], stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    name = worker.stdout.readline().strip()
    assert worker.stdout.readline().strip() == "working"
    return worker, name
