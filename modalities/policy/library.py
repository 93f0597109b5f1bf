"""Where saved policies live: the user's own, then those that Shoal ships."""

from __future__ import annotations

from pathlib import Path

from shoal.errors import ShoalError, unknown
from shoal.files import data_dir
from shoal.modalities.policy.spec import PolicySpec

_SHIPPED = Path(__file__).with_name("checkpoints")


_LEVELS = ("BabyAI-", "shoal/Mixed")


def own() -> Path:
    """The folder that `shoal train` saves to."""
    return data_dir() / "policies"


def roots() -> tuple[Path, Path]:
    """The folders that saved policies lie in: shipped ones, and the user's own."""
    return _SHIPPED, own()


def names() -> list[str]:
    """Returns the names of all saved policies, sorted."""
    return sorted(_folders())


def folder(name: str) -> Path:
    """Returns the folder of a policy by name; the user's own come before shipped ones.

    Raises:
        UnknownNameError: No such policy; near names are suggested.
    """
    known = _folders()
    if name not in known:
        unknown("policy", name, known, f"Train one: shoal train ENV --name {name}")
    return known[name]


def find(env_id: str) -> Path | None:
    """Picks the policy for an env: one trained in it, else one that takes goals there.

    A policy that reads "goal_mask" or "goal_map" knows a goal's place, not its name, so one
    from any BabyAI level can try every other. There shipped ones, trained in the fullest
    rooms, come before the user's own; and those with a map, who know all kinds of missions,
    before those with a mask, who only go somewhere.

    Returns:
        Its folder, or None; among equals the one with the best scores.
    """
    ranked = [(_rank(spec, path, env_id), _score(spec), path) for spec, path in _specs()]
    rank, _, best = max(ranked, default=(0, (0.0, 0.0), Path()))
    return best if rank else None


def _rank(spec: PolicySpec, path: Path, env_id: str) -> int:
    """5 for the same env, 4 to 1 for its family, 0 for another."""
    if spec.env == env_id:
        return 5
    if spec.takes_goal and spec.env.startswith(_LEVELS) and env_id.startswith(_LEVELS):
        return 1 + (spec.observation != "goal_mask") + 2 * (path.parent == _SHIPPED)
    return 0


def _score(spec: PolicySpec) -> tuple[float, float]:
    if spec.scores is None:
        return (-1.0, float("-inf"))
    return (spec.scores.success or 0.0, spec.scores.mean_return)


def _folders() -> dict[str, Path]:
    found: dict[str, Path] = {}
    for root in roots():
        if root.is_dir():
            found |= {p.name: p for p in sorted(root.iterdir()) if (p / "spec.json").is_file()}
    return {name: path for name, path in found.items() if not name.startswith(".")}


def _specs() -> list[tuple[PolicySpec, Path]]:
    """The specs that can be read; a damaged one says so when it is loaded by name."""
    from shoal.modalities.policy.artifact import read_spec

    specs = []
    for path in _folders().values():
        try:
            specs.append((read_spec(path), path))
        except ShoalError:
            continue
    return specs
