"""`shoal eval agent` and `shoal eval text`: the whole graph, or a language model, as a policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.progress import Progress

from shoal.agents.cli.show import console, errors, plain, print_json
from shoal.errors import UsageError

WHOLE = ("agent", "text")
"""Names that stand for no saved policy: all of the graph, and a language model alone."""


def score_whole(
    name: str, env: str | None, episodes: int, seed: int, json: bool, options: Mapping[str, Any]
) -> None:
    """Plays an agent or a language model on unseen seeds and prints how it did.

    Args:
        name: One of `WHOLE`.
        env: Where.
        episodes: How many, one seed each.
        seed: Of the first.
        json: Print JSON.
        options: Arguments of the env itself.

    Raises:
        UsageError: No env is named, or it can't be acted in.
    """
    from shoal.agents.acting import play_episodes
    from shoal.modalities.policy.card import scores_line

    if env is None:
        raise UsageError(
            f"{name} was trained in no env of its own", "so one has to be named",
            f"Type: shoal eval {name} --env BabyAI-GoToLocal-v0",
        )  # fmt: skip
    with _opened(name, env, options) as policy, Progress(console=errors, transient=True) as bar:
        task = bar.add_task("playing", total=episodes)
        played = play_episodes(policy, env, episodes, seed, lambda: bar.advance(task))
    gave_up = dict(getattr(policy, "gave_up", {}))
    if json:
        told = {"seconds_per_step": played.seconds_per_step, "gave_up": gave_up}
        print_json(played.scores.model_dump() | told)
        return
    milliseconds = 1000 * played.seconds_per_step
    console.print(scores_line(played.scores), highlight=False)
    console.print(f"{milliseconds:.1f} ms a step, from observation to action", highlight=False)
    for reason, count in gave_up.items():
        console.print(f"gave up {count} times: {plain(reason)}", highlight=False, soft_wrap=True)


@contextmanager
def _opened(name: str, env: str, options: Mapping[str, Any]) -> Iterator[Any]:
    from shoal.agents.acting import TextPolicy, as_policy
    from shoal.agents.agent import Agent

    if name == "text":
        yield TextPolicy(env, options=options)
        return
    with Agent() as agent, as_policy(agent, env, options=options) as policy:
        yield policy
