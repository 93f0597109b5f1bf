"""The tools every agent has: arithmetic, dates, memory, images, envs."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from shoal.agents.memory.names import key_of
from shoal.agents.tools import arithmetic, dates
from shoal.agents.tools.toolbox import as_tool
from shoal.errors import ToolError
from shoal.types import ImageRef, Memory, Outcome, Provenance, SideEffects, Task

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    from shoal.agents.house import House
    from shoal.agents.memory import MemoryStore


def _tool(function: Callable[..., str], effects: SideEffects = "none", **more: Any) -> BaseTool:
    examples = [(entry["request"], entry["arguments"]) for entry in _examples()[function.__name__]]
    return as_tool(function, side_effects=effects, examples=examples, **more)


_SAVE = (
    "remember", "remember that", "please remember", "please remember that", "note:", "note that",
    "please note", "please note that", "make a note:", "make a note that", "don't forget",
    "don't forget that", "keep in mind that", "please keep in mind that", "save this:",
    "save this for later:", "memorise", "memorise that", "memorize", "memorize that",
    "write down that", "store the fact that",
)  # fmt: skip


@cache
def _examples() -> dict[str, list[dict[str, Any]]]:
    return tomllib.loads(Path(__file__).with_name("examples.toml").read_text(encoding="utf-8"))


def arithmetic_and_dates() -> list[BaseTool]:
    """Exact arithmetic and the calendar."""
    functions = (
        arithmetic.calculate,
        dates.days_until,
        dates.days_since,
        dates.days_between,
        dates.add_days,
        dates.today,
    )
    return [_tool(function, pure=True) for function in functions]


def memory_tools(memory: MemoryStore, task: Callable[[], Task]) -> list[BaseTool]:
    """Searching and saving in an agent's memory."""

    def search_memory(query: str, kind: Literal["any", "text", "image", "episode"] = "any") -> str:
        """Finds what was seen, done or noted earlier.

        Args:
            query: What to look for.
            kind: Only this kind of memory.
        """
        return _listing(memory.recall(query, kind=kind, limit=5))

    def save_memory(text: str) -> str:
        """Saves a note for later.

        Args:
            text: The fact to keep.
        """
        if not text.strip():
            raise ToolError("cannot save an empty note")
        # Whose words the request is, if it holds them; a note on a sign stays a stranger's.
        said = text.strip().lower() in task().text.lower()
        source: Provenance = task().provenance if said else "model"
        # Named by its run and words: a run that is killed here and resumed saves it once.
        key = key_of(task().id, text)
        memory.remember("text", text, data={"kind": "text"}, provenance=source, key=key)
        return f"Noted: {text}"

    return [_tool(search_memory), _tool(save_memory, "reversible", triggers=_SAVE)]


def image_tools(image_path: Callable[[ImageRef], str], task: Callable[[], Task]) -> list[BaseTool]:
    """Labelling, comparing and reading the current task's images."""

    def path(number: int) -> str:
        images = task().images
        if not 1 <= number <= len(images):
            raise ToolError(f"there is no image {number}", f"the task has {len(images)}")
        return image_path(images[number - 1])

    def label_image(image: int = 1) -> str:
        """Tells what an image of this task shows.

        Args:
            image: Its number, from 1.
        """
        from shoal.modalities.vision import load_image, vision_encoder

        labels = vision_encoder().label([load_image(path(image)).pixels], k=3)[0]
        return ", ".join(f"{label.name} ({label.probability:.2f})" for label in labels)

    def read_image(image: int = 1) -> str:
        """Reads the words printed in an image of this task.

        Args:
            image: Its number, from 1.
        """
        from shoal.modalities.vision import load_image, text_reader

        lines = text_reader().read(load_image(path(image)).pixels)
        return "\n".join(line.text for line in lines) or "no words found"

    def compare_images(first: int = 1, second: int = 2) -> str:
        """Tells how alike two images of this task are, from -1 to 1.

        Args:
            first: Number of one image, from 1.
            second: Number of the other.
        """
        from shoal.modalities.vision import load_image, vision_encoder

        pixels = [load_image(path(number)).pixels for number in (first, second)]
        return f"cosine similarity {vision_encoder().similarity(*pixels):.3f}"

    return [_tool(f, needs="image") for f in (label_image, read_image, compare_images)]


def env_tools(run: Callable[[Task], Outcome]) -> list[BaseTool]:
    """Listing and describing gymnasium envs, and letting a policy act in one."""

    def list_envs(contains: str = "") -> str:
        """Lists the gymnasium envs that can be made here.

        Args:
            contains: Only ids that contain this text.
        """
        from shoal.envs import names

        found = names(contains)
        more = f" … and {len(found) - 40} more" if len(found) > 40 else ""
        return ", ".join(found[:40]) + more if found else f"no env contains {contains!r}"

    def describe_env(env: str) -> str:
        """Describes an env: its task, actions, observations and step limit.

        Args:
            env: Its id, such as "CartPole-v1".
        """
        from shoal.envs import describe

        return "\n".join(f"{name}: {value}" for name, value in describe(env).items())

    def run_policy(env: str, goal: str, seed: int = 0) -> str:
        """Lets the trained policy act in an env until it reaches the goal.

        Args:
            env: The env's id, such as "BabyAI-GoToLocal-v0".
            goal: What to do, such as "go to the red ball".
            seed: Which level; the same seed gives the same one.
        """
        outcome = run(Task(goal, env=env, seed=seed))
        return f"{outcome.status}: {outcome.answer.text if outcome.answer else outcome.reason}"

    return [_tool(list_envs), _tool(describe_env), _tool(run_policy, "reversible")]


def builtin_tools(house: Callable[[], House], memory: MemoryStore) -> list[Any]:
    """Returns all built-in tools of one agent.

    Args:
        house: Gives the agent's house; called when a tool runs.
        memory: The agent's memory.
    """
    from shoal.agents.house import current_task

    def run(task: Task) -> Outcome:
        return house().experts["policy"].attempt(task, house().context(task))

    return [
        *arithmetic_and_dates(),
        *memory_tools(memory, current_task),
        *image_tools(lambda image: house().image_path(image), current_task),
        *env_tools(run),
    ]


def _listing(items: tuple[Memory, ...]) -> str:
    if not items:
        return "nothing is remembered about that"
    return "\n".join(f"- {item.text}" for item in items)
