"""The card of a policy: what it is, how it was made, how well it does, for people."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path

from shoal.modalities.policy.spec import PolicySpec, Scores
from shoal.modalities.training.card import versions_of

_PACKAGES = ("gymnasium", "minigrid", "numpy", "shoal", "stable-baselines3", "torch")


def card(spec: PolicySpec) -> str:
    """Returns the Markdown of card.md; every figure in it is from the spec."""
    mode = "samples its actions" if spec.sample else "takes the most probable action"
    lines = [
        f"# {spec.name}",
        "",
        f"A {spec.algo} policy ({spec.policy}) for `{spec.env}`, which reads the observation "
        f"`{spec.observation}` and {mode}.",
        "",
        *_teacher_lines(spec),
        "## Make it again",
        "",
        f"    {spec.training.get('command', 'saved from a model; no command is known')}",
        "",
        "The same seed on the same machine and versions gives the same weights "
        f"(sha256 of policy.safetensors: `{spec.weights_sha256}`).",
        "",
        "## Scores",
        "",
        scores_line(spec.scores),
        "",
        *_calibration_lines(spec.scores),
        "## Training",
        "",
        *(f"- {key}: {_plain(value)}" for key, value in spec.training.items() if key != "command"),
        f"- network: {_plain(spec.architecture.model_dump(exclude_none=True))}",
        "",
        "## Versions",
        "",
        ", ".join(f"{name} {number}" for name, number in spec.versions.items()) or "unknown",
    ]
    return "\n".join(lines) + "\n"


def scores_line(scores: Scores | None) -> str:
    """Returns the scores as one sentence."""
    if scores is None:
        return "Not evaluated: the training was interrupted, or the policy was saved by hand."
    where = f"{scores.episodes} episodes, seeds {scores.first_seed} and on"
    rest = f"mean return {scores.mean_return:.3f}, mean length {scores.mean_steps:.1f} steps"
    if scores.successes is None or scores.interval is None:
        return f"{rest} ({where})."
    low, high = scores.interval
    rate = f"{100 * scores.successes / scores.episodes:.1f} %"
    interval = f"95 % interval {100 * low:.1f} to {100 * high:.1f} %"
    return f"Success {rate} ({interval}), {rest} ({where}, none used in training)."


def _teacher_lines(spec: PolicySpec) -> list[str]:
    told = spec.training
    if "teacher" not in told:
        return []
    agreed = told.get("agreement")
    last = agreed[-1] if isinstance(agreed, list) and agreed else None
    word = ""
    if isinstance(last, float):
        word = f"; in the last round both agreed on {100 * last:.1f} % of steps"
    return [
        f"Learnt from the teacher `{told['teacher']}` by DAgger (Ross et al. 2011): "
        f"{told.get('questions')} questions in {told.get('rounds')} rounds{word}. Reward taught "
        "the critic alone.",
        "",
    ]


def _calibration_lines(scores: Scores | None) -> list[str]:
    told = scores.calibration if scores else None
    if told is None:
        return []
    return [
        "What it expects of a start is its critic's value, made a probability on "
        f"{told.episodes} held-out episodes (Platt): expected calibration error over horizons "
        f"from 1/32 of the step limit to all of it {told.ece_before:.3f} before, "
        f"{told.ece_after:.3f} after, cross-validated.",
        "",
    ]


def versions() -> dict[str, str]:
    """Returns the versions of Python and the packages that shape a training."""
    return versions_of(_PACKAGES)


def machine() -> str:
    """Names the processor and its cores, for example "AMD EPYC 7B13, 2 cores"."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    name = models[0] if models else platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} cores, {platform.system()}"


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
