"""Hyperparameters from a YAML file in the format of rl-zoo3 (Raffin 2020), read safely.

`yaml.safe_load` makes plain values of it, `shoal.modalities.policy.literals` of the values
that rl-zoo3 would evaluate. What would import or run something is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from shoal.errors import UsageError, unknown
from shoal.modalities.policy.algorithms import by_file
from shoal.modalities.policy.literals import literal
from shoal.modalities.policy.settings import TUNABLE, TrainSettings
from shoal.modalities.training.progress import say

_LARGEST, _MOST = 1_000_000, 20_000
_SHARED = ("atari", "default", "defaults")
"""Sections that stand for many envs."""

_POLICIES = ("MlpPolicy", "CnnPolicy", "MultiInputPolicy")
_NAMES_CODE = "it names code to import, and a file never does that here"
_REFUSED = {
    "env_wrapper": f"{_NAMES_CODE}; use --observation",
    "vec_env_wrapper": _NAMES_CODE,
    "callback": _NAMES_CODE,
    "replay_buffer_class": _NAMES_CODE,
    "replay_buffer_kwargs": "only stable-baselines3's own replay buffer is used",
    "rollout_buffer_class": _NAMES_CODE,
    "env_kwargs": "a policy is evaluated in the env of its id; register one with these arguments",
    "frame_stack": "a policy is shown one observation at a time; use --algo recurrent",
    "features_extractor_class": f"{_NAMES_CODE}; use --set extractor=NAME",
    "features_extractor_kwargs": "they belong to code that is not imported; use --set extractor",
    "optimizer_class": _NAMES_CODE,
    "optimizer_kwargs": "they belong to an optimizer that is not imported",
}
_WITHOUT_EFFECT = ("optimize_memory_usage", "monitor_kwargs", "sde_net_arch")
_OFF: tuple[Any, ...] = (None, False, 0, 1, "", {}, [])
"""Values with which a refused key asks for nothing."""


def applied(settings: TrainSettings, env_id: str) -> TrainSettings:
    """Puts what `settings.hyperparams` says about an env into the settings.

    What the settings say themselves comes before it; Shoal's own presets don't apply.

    Raises:
        UsageError: The file can't be read, or asks for what is not done here.
        UnknownNameError: It has no section for this env, or a key that is not known.
    """
    if settings.hyperparams is None:
        return settings
    section = _section(settings.hyperparams, env_id, quiet=settings.quiet)
    return replace(
        settings,
        algo=settings.algo or by_file(settings.hyperparams.stem),
        steps=settings.steps or _count(section, "n_timesteps"),
        n_envs=settings.n_envs or _count(section, "n_envs"),
        tune={**_tune(section, settings.quiet), **settings.tune},
        preset=False,
    )


def _section(path: Path, env_id: str, *, quiet: bool) -> dict[str, Any]:
    sections = _read(path)
    if env_id not in sections:
        envs = [name for name in sections if name not in _SHARED]
        unknown("section", env_id, envs, f"Write one into {path}")
    shared = [name for name in _SHARED if name in sections and name != env_id]
    if shared and not quiet:
        say(f"Note: the section {shared[0]!r} of {path} stands for many envs and is ignored.")
    section = sections[env_id]
    if not isinstance(section, dict) or not all(isinstance(key, str) for key in section):
        raise _unread(path, f"the section {env_id} is no table of names and values")
    return section


def _read(path: Path) -> dict[str, Any]:
    import yaml

    try:
        if path.stat().st_size > _LARGEST:
            raise _unread(path, "it is over 1 MB")
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        _weigh(content, _MOST)
    except (OSError, UnicodeDecodeError) as error:
        raise _unread(path, getattr(error, "strerror", None) or str(error)) from error
    except (yaml.YAMLError, RecursionError, ValueError, TypeError) as error:
        raise _unread(path, _problem(error)) from error
    if not isinstance(content, dict):
        raise _unread(path, "it has no sections")
    return {str(name): section for name, section in content.items()}


def _weigh(value: Any, left: int) -> int:
    """Counts the parts, so that aliases of aliases can't grow without end."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in parts:
        left = _weigh(part, left - 1)
        if left < 0:
            raise ValueError(f"it has more than {_MOST} values")
    return left


def _tune(section: Mapping[str, Any], quiet: bool) -> dict[str, Any]:
    """The section's hyperparameters under the names of `TUNABLE`, those of the network too."""
    given = {key: _plain(key, value) for key, value in section.items()}
    network = given.pop("policy_kwargs", None) or {}
    if not isinstance(network, dict):
        raise UsageError("policy_kwargs is no table", f"it is {str(network)[:60]}")
    if "activation_fn" in network:
        network["activation"] = _activation(network.pop("activation_fn"))
    if isinstance(network.get("net_arch"), list):
        network["net_arch"] = _old_net_arch(network["net_arch"])
    _check_policy(given.pop("policy", "MlpPolicy"))
    tune = {}
    for key, value in {**given, **network}.items():
        if key in ("n_timesteps", "n_envs"):
            continue
        if key in _WITHOUT_EFFECT:
            if not quiet:
                say(f"Note: {key} makes no difference here and is ignored.")
        elif key in _REFUSED:
            if value not in _OFF:
                raise UsageError(f"{key} can't be used", _REFUSED[key], "Take it out")
        elif key not in TUNABLE:
            unknown("hyperparameter", key, TUNABLE)
        else:
            tune[key] = value
    return tune


def _plain(key: str, value: Any) -> Any:
    """rl-zoo3 evaluates text that begins like a call or a table; here it has to be a literal."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if not text.startswith(("dict(", "{", "[", "(")) and "(" not in text:
        return text
    try:
        return literal(text)
    except ValueError as error:
        raise UsageError(
            f"the value of {key} is refused", str(error), "Write it as plain YAML"
        ) from error


def _activation(name: Any) -> Any:
    """As text, where YAML's own table was used: "nn.ReLU"."""
    if isinstance(name, str) and "." in name:
        return _plain("activation_fn", f"[{name}]")[0]
    return name


def _old_net_arch(sizes: list[Any]) -> Any:
    """Before SB3 1.8 it was a list with one table in it."""
    return sizes[0] if len(sizes) == 1 and isinstance(sizes[0], dict) else sizes


def _check_policy(name: Any) -> None:
    """Which class reads the observations is chosen by what they are."""
    known = (*_POLICIES, *(each.replace("Policy", "LstmPolicy") for each in _POLICIES))
    if name not in known:
        unknown("policy", str(name), known)


def _count(section: Mapping[str, Any], key: str) -> int | None:
    value = section.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= 1e12:
        raise UsageError(f"{key} is no number of them", f"it is {str(value)[:60]}")
    return int(value)


def _problem(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f" (line {mark.line + 1})" if mark else ""
    return f"{getattr(error, 'problem', None) or str(error) or type(error).__name__}{where}"


def _unread(path: Path, why: str) -> UsageError:
    return UsageError(
        f"cannot read the hyperparameters in {path}", why, "It has to be plain YAML, as rl-zoo3's"
    )
