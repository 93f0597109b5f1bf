"""What one agent saw, another one remembers: the memory is a file."""

from pathlib import Path

from shoal import Agent

PICTURES = Path(__file__).parents[1] / "agents" / "demo" / "assets"

with Agent() as first:
    first.run("what is in this picture?", images=[PICTURES / "cat.jpg"])
    first.run("remember that my bike is blue")

with Agent() as second:
    print(second.run("what did you see earlier?").text)
    print(second.run("what colour is my bike?").text)
