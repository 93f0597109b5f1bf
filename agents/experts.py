"""The three built-in experts, on the same road as a stranger's."""

from __future__ import annotations

from shoal.types import Context, Expert, Outcome, Task


def builtin_experts() -> list[Expert]:
    """Returns text, vision and policy; their models load when a task first needs them."""
    from shoal.modalities.policy import PolicyExpert
    from shoal.modalities.text import TextExpert
    from shoal.modalities.vision import VisionExpert

    return [TextExpert(), VisionExpert(), PolicyExpert()]


class LargerModel:
    """A larger language model by URL: asked where the router is in doubt, or the others failed.

    The router sends nothing to it by itself. What it is asked goes to the URL's host.

    Args:
        url: As for `--model`: http://host:port/v1#name, any OpenAI-compatible server.
    """

    name = "larger"

    def __init__(self, url: str) -> None:
        from shoal.modalities.text import ChatShoal, TextExpert

        self._expert = TextExpert(ChatShoal(model=url))

    def affordance(self, task: Task, context: Context) -> float:
        """1 for any task that has text."""
        return self._expert.affordance(task, context)

    def attempt(self, task: Task, context: Context) -> Outcome:
        """As the text expert does, with the larger model."""
        return self._expert.attempt(task, context)
