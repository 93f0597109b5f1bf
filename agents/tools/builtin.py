"""The tools every agent has: arithmetic, dates, memory, images, envs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from shoal.agents.tools import arithmetic, dates
from shoal.agents.tools.toolbox import as_tool
from shoal.errors import ToolError
from shoal.types import ImageRef, Memory, Outcome, Task

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    from shoal.agents.house import House
    from shoal.agents.memory import MemoryStore


def arithmetic_and_dates() -> list[BaseTool]:
    """Exact arithmetic and the calendar."""
    return [
        as_tool(
            arithmetic.calculate,
            side_effects="none",
            examples=[
                ("what is 12 % of 50?", {"expression": "12 % of 50"}),
                ("how much is 3 plus 4 times 2?", {"expression": "3 plus 4 times 2"}),
                ("calculate (1 + 2) / 4", {"expression": "(1 + 2) / 4"}),
                ("square root of 144", {"expression": "square root of 144"}),
            ],
        ),
        as_tool(
            dates.days_until,
            side_effects="none",
            examples=[
                ("how many days until 3 May?", {"date": "3 May"}),
                ("how long is it until Christmas", {"date": "Christmas"}),
            ],
        ),
        as_tool(
            dates.days_between,
            side_effects="none",
            examples=[
                (
                    "days between 1 March and 2026-06-15?",
                    {"start": "1 March", "end": "2026-06-15"},
                ),
            ],
        ),
        as_tool(
            dates.add_days,
            side_effects="none",
            examples=[
                ("what date is 45 days from today?", {"date": "today", "days": 45}),
                ("which day is 10 days after 3 May?", {"date": "3 May", "days": 10}),
            ],
        ),
        as_tool(
            dates.today,
            side_effects="none",
            examples=[("what day is it today?", {}), ("what's the date?", {})],
        ),
    ]


def memory_tools(memory: MemoryStore) -> list[BaseTool]:
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
        memory.remember("text", text, data={"kind": "text"}, provenance="user")
        return f"Noted: {text}"

    return [
        as_tool(
            search_memory,
            side_effects="none",
            examples=[
                ("what did you see earlier?", {"query": "what did you see earlier?"}),
                ("what colour is my car?", {"query": "what colour is my car?"}),
                ("which pictures did I show you?", {"query": "pictures", "kind": "image"}),
            ],
        ),
        as_tool(
            save_memory,
            side_effects="reversible",
            examples=[
                ("remember that my car is green", {"text": "my car is green"}),
                ("note: the meeting is on Monday", {"text": "the meeting is on Monday"}),
            ],
        ),
    ]


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

    asked: dict[Callable[..., str], str] = {
        label_image: "what is in the image?",
        read_image: "read the text in the image",
        compare_images: "are the two images alike?",
    }
    return [
        as_tool(function, side_effects="none", needs="image", examples=[(request, {})])
        for function, request in asked.items()
    ]


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

    return [
        as_tool(
            list_envs,
            side_effects="none",
            examples=[
                ("which envs can you use?", {}),
                ("list the envs with GoTo", {"contains": "GoTo"}),
            ],
        ),
        as_tool(
            describe_env,
            side_effects="none",
            examples=[
                ("what are the actions of Acrobot-v1?", {"env": "Acrobot-v1"}),
                ("describe MiniGrid-Empty-5x5-v0", {"env": "MiniGrid-Empty-5x5-v0"}),
            ],
        ),
        as_tool(
            run_policy,
            side_effects="reversible",
            examples=[
                (
                    "let the policy go to the red ball in BabyAI-GoToObj-v0",
                    {"env": "BabyAI-GoToObj-v0", "goal": "go to the red ball"},
                ),
            ],
        ),
    ]


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
        *memory_tools(memory),
        *image_tools(lambda image: house().image_path(image), current_task),
        *env_tools(run),
    ]


def _listing(items: tuple[Memory, ...]) -> str:
    if not items:
        return "nothing is remembered about that"
    return "\n".join(f"- {item.text}" for item in items)
