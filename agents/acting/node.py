"""A policy as a part of a LangGraph graph: told a goal, watched, stopped, and taken up again."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from langgraph.config import get_stream_writer
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt

from shoal.agents.acting.goal import EpisodeRef, PolicyGoal, Predicate, predicate
from shoal.agents.acting.player import Player
from shoal.errors import RunError, UnknownNameError, UsageError
from shoal.files import data_dir
from shoal.modalities.policy import Policy
from shoal.modalities.policy.trajectory import Kept, Trajectory

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

    from shoal.agents.memory import MemoryStore


_MOST_LIVE = 32
"""Envs that are kept open between two chunks."""


class Acting(TypedDict, total=False):
    """The state of a playing policy: small values, and a reference at the end.

    Attributes:
        goal: What to play: the input. A mission, or a mapping of its fields, will do.
        key: The episode's name.
        actions: Taken so far: with the seed, all that is needed to take the episode up again.
        seen: Hash of the observation after them.
        ended: "" while it goes on; else as in `EpisodeRef`.
        reason: Why it ended.
        episode: The output.
    """

    goal: PolicyGoal | dict[str, Any] | str
    key: str
    actions: list[Any]
    seen: str
    ended: str
    reason: str
    episode: EpisodeRef


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """How a policy plays in a graph.

    Attributes:
        success: Name or function; by default the env's own verifier.
        chunk: Steps between two checkpoints, lines of progress and looks at `cancel`.
        least: Expected success below which it does not try.
        ask_every: Steps after which it interrupts for a go-ahead; 0 for never. Resume with
            True to go on, with anything else to end it.
        cancel: Set it, from any thread, to end the episode.
        memory: Where the episode is remembered, by reference.
        artifacts: Folder for what happened; by default data_dir()/artifacts.
    """

    success: str | Predicate = "verifier"
    chunk: int = 16
    least: float = 0.0
    ask_every: int = 0
    cancel: threading.Event | None = None
    memory: MemoryStore | None = None
    artifacts: Path | None = None

    def __post_init__(self) -> None:
        predicate(self.success)
        if self.chunk < 1 or self.ask_every < 0 or not 0 <= self.least <= 1:
            raise UsageError(
                f"chunk is {self.chunk}, ask_every {self.ask_every}, least {self.least}",
                "they have to be 1 or more, 0 or more, and from 0 to 1",
            )


def policy_node(
    policy: Policy | str | Path, settings: NodeSettings | None = None
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Makes a graph of a policy, for `add_node` in yours or to be run by itself.

    Input `{"goal": PolicyGoal(…)}`, output in "episode". Every `chunk` steps the state holds
    what was done, so that with a checkpointer a killed episode goes on where it was, in any
    process, and a cancelled task stops. Progress is written to the custom stream as
    `{"policy", "mission", "steps", "reward", "ended"}`; from inside another graph, stream
    with `subgraphs=True`.

    Args:
        policy: A policy, its name or its folder.
        settings: See `NodeSettings`.

    Raises:
        UnknownNameError: No such policy, or no such success predicate.
    """
    loaded = policy if isinstance(policy, Policy) else Policy.load(policy)
    node = _Node(loaded, settings or NodeSettings())
    graph = StateGraph(Acting)
    graph.add_node("begin", node.begin)
    graph.add_node("play", node.play)
    graph.add_node("end", node.end)
    graph.add_edge(START, "begin")
    for name in ("begin", "play"):
        graph.add_conditional_edges(name, _next, ["play", "end"])
    graph.add_edge("end", END)
    compiled: Any = graph.compile(name=f"policy_{loaded.spec.name}")
    return compiled.with_config(recursion_limit=100_000)  # type: ignore[no-any-return]


def _next(state: Acting) -> str:
    return "end" if state["ended"] else "play"


class _Node:
    """The nodes of a playing policy; live episodes stay here between two chunks."""

    def __init__(self, policy: Policy, settings: NodeSettings) -> None:
        self.policy, self.settings = policy, settings
        self._live: dict[str, Player] = {}

    def begin(self, state: Acting) -> Acting:
        """Opens the episode, or says why it is not tried."""
        key = uuid.uuid4().hex
        made: Acting = {"key": key, "actions": [], "seen": "", "ended": "", "reason": ""}
        try:
            player = self._open(key, PolicyGoal.of(state["goal"]))
        except UnknownNameError:
            raise
        except (UsageError, RunError) as error:
            return {**made, "ended": "refused", "reason": str(error)}
        if player.expected < self.settings.least:
            why = f"success is expected at {player.expected:.2f}, under {self.settings.least:.2f}"
            player.stop("refused", f"not tried: {why}")
        return {**made, "seen": player.seen, "ended": player.ended, "reason": player.reason}

    def play(self, state: Acting) -> Acting:
        """Plays a chunk; takes the episode up again where another process left it."""
        player = self._taken_up(state)
        self._ask(player)
        for _ in range(self.settings.chunk):
            if self._cancelled():
                player.stop("cancelled", f"it was cancelled after {player.steps} steps")
            if player.ended:
                break
            try:
                player.step()
            except RunError as error:  # what was done until then is kept
                player.stop("failure", str(error))
        self._tell(player)
        return {"actions": list(player.actions), "seen": player.seen, "ended": player.ended,
                "reason": player.reason}  # fmt: skip

    def end(self, state: Acting) -> Acting:
        """Writes what happened into a file, and remembers where."""
        key, goal = state["key"], PolicyGoal.of(state["goal"])
        refused = state["ended"] == "refused"
        player = self._live.get(key) if refused else self._taken_up(state)
        played = Trajectory(
            policy=self.policy.spec.name,
            env=goal.env or self.policy.spec.env,
            mission=player.mission if player else goal.mission,
            seed=goal.seed,
            actions=state["actions"],
            rewards=player.rewards if player else [],
            ended=state["ended"],
            goal=asdict(goal),
        )
        kept = played.save((self.settings.artifacts or data_dir() / "artifacts") / key[:12])
        episode = EpisodeRef(
            kept.path, kept.sha256, played.ended, state["reason"], played.steps,
            player.total if player else 0.0, player.expected if player else 0.0,
        )  # fmt: skip
        self._remember(key, kept)
        self._close(key)
        return {"episode": episode, "actions": []}

    def _open(self, key: str, goal: PolicyGoal) -> Player:
        success = predicate(goal.success or self.settings.success)
        while len(self._live) >= _MOST_LIVE:  # left by cancelled runs; replayed if need be
            self._close(next(iter(self._live)))
        self._live[key] = player = Player(self.policy, goal, success)
        return player

    def _taken_up(self, state: Acting) -> Player:
        key, actions = state["key"], state["actions"]
        live = self._live.get(key)
        if live is not None and live.steps == len(actions):
            return live
        self._close(key)  # a chunk was cut off: its steps are not in the checkpoint
        player = self._open(key, PolicyGoal.of(state["goal"]))
        try:
            player.replay(actions, state["seen"])
        except RunError as error:  # it would not be otherwise the next time
            player.stop("failure", str(error))
        if state["ended"]:
            player.stop(state["ended"], state["reason"])
        return player

    def _ask(self, player: Player) -> None:
        every = self.settings.ask_every
        if (
            player.ended
            or not every
            or not player.steps
            or player.steps % every >= self.settings.chunk
        ):
            return
        told = {"kind": "progress", "policy": self.policy.spec.name, **_progress(player)}
        if interrupt(told) is not True:
            player.stop("cancelled", f"it was not let on after {player.steps} steps")

    def _cancelled(self) -> bool:
        return self.settings.cancel is not None and self.settings.cancel.is_set()

    def _tell(self, player: Player) -> None:
        write: Callable[[Any], None] = get_stream_writer()
        write({"policy": self.policy.spec.name, **_progress(player)})

    def _remember(self, key: str, kept: Kept) -> None:
        if self.settings.memory is not None and kept.trajectory.steps:
            item = kept.memory()
            self.settings.memory.remember(
                "episode", item["text"], data=item["data"], provenance="tool", key=key
            )

    def _close(self, key: str) -> None:
        player = self._live.pop(key, None)
        if player is not None:
            player.close()


def _progress(player: Player) -> dict[str, Any]:
    return {"mission": player.mission, "steps": player.steps, "reward": player.total,
            "ended": player.ended}  # fmt: skip
