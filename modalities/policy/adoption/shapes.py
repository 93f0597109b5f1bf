"""What the tensors' names and shapes tell of a network, and what has to be told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.errors import UsageError
from shoal.modalities.policy.adoption.archive import refused
from shoal.modalities.policy.spec import ACTIVATIONS, ALGORITHMS

State = Mapping[str, NDArray[Any]]

_FAMILIES = (
    ("action_net.", ("PPO", "A2C")),
    ("q_net.", ("DQN",)),
    ("actor.latent_pi.", ("SAC",)),
    ("actor.mu.", ("TD3", "DDPG")),
)
"""A prefix of tensors' names -> the algorithms whose networks have it."""

_IRRELEVANT = {
    "net_arch", "ortho_init", "log_std_init", "optimizer_class", "optimizer_kwargs", "n_critics",
    "share_features_extractor",
}  # fmt: skip
"""Arguments that the tensors themselves show, or that matter in training alone."""

_CLASS = re.compile(r"<class 'torch\.nn\.modules\.activation\.(\w+)'>")


def algorithm(state: State, claims: Mapping[str, Any], wanted: str, name: str) -> str:
    """Returns the algorithm whose network these tensors are.

    Args:
        state: The tensors.
        claims: What the zip's `data` says; only its keys are looked at.
        wanted: What the caller says; "" where nothing.
        name: What error messages call the file.

    Raises:
        UsageError: None of stable-baselines3's, another than wanted, or one of two.
    """
    _stock(claims, name)
    if any("lstm" in key for key in state):
        raise refused(name, "it is recurrent, and Shoal runs no recurrent policy of strangers")
    possible = next((a for prefix, a in _FAMILIES if any(k.startswith(prefix) for k in state)), ())
    if not possible:
        raise refused(
            name,
            f"its tensors ({', '.join(sorted(state)[:3])} …) are of no network Shoal knows",
            f"Known are {', '.join(ALGORITHMS)} of stable-baselines3",
        )
    found = _one_of(possible, state, claims)
    if wanted and wanted not in possible:
        raise UsageError(f"{name} is no {wanted} policy", f"its tensors are of {found or possible}")
    if not (wanted or found):
        raise UsageError(
            f"{name} could be of {' or '.join(possible)}",
            "bare tensors do not tell",
            f"Say which: --algo {possible[0].lower()}",
        )
    return wanted or found


def architecture(
    state: State, claims: Mapping[str, Any], algo: str, activation: str, name: str
) -> dict[str, Any]:
    """Returns the fields of `Architecture`: sizes by the tensors, switches by what is told.

    Args:
        state: The tensors.
        claims: What the zip's `data` says; empty for a bare .pth.
        algo: From `algorithm`.
        activation: What the caller says; "" where nothing.
        name: What error messages call the file.

    Raises:
        UsageError: It has parts of its own, or the activation is unknown.
    """
    given = claims.get("policy_kwargs", {})
    given = given if isinstance(given, dict) else {}
    known = {"activation_fn", "use_sde", "normalize_images", ":type:", *_IRRELEVANT}
    foreign = sorted(set(given) - known)
    if foreign:
        raise refused(
            name,
            f"it was made with {', '.join(foreign)[:120]}, which only code can rebuild",
            "Load it with stable-baselines3 where you trust it, then type: "
            "shoal.modalities.policy.save(model, folder, name=..., env=...)",
        )
    made: dict[str, Any] = _sizes(state, algo)
    made["activation"] = _activation(given, bool(claims), activation, name)
    if claims.get("use_sde") is True:
        made["use_sde"] = True
    if str(given.get("normalize_images")) == "False":
        made["normalize_images"] = False
    return made


def policy_class(state: State, space: Any) -> str:
    """Returns the alias of stable-baselines3's policy class."""
    if type(space).__name__ == "Dict":
        return "MultiInputPolicy"
    return "CnnPolicy" if any("features_extractor.cnn." in key for key in state) else "MlpPolicy"


def _stock(claims: Mapping[str, Any], name: str) -> None:
    told = claims.get("policy_class")
    module = told.get("__module__", "") if isinstance(told, dict) else ""
    if module and not str(module).startswith("stable_baselines3."):
        raise refused(
            name,
            f"its policy class is of {str(module)[:80]}, code that is not stable-baselines3's",
            "Train it anew: shoal train ENV",
        )


def _one_of(possible: tuple[str, ...], state: State, claims: Mapping[str, Any]) -> str:
    if possible == ("PPO", "A2C"):
        return "" if not claims else "PPO" if "clip_range" in claims else "A2C"
    if possible == ("TD3", "DDPG"):
        return "TD3" if _critics(state) > 1 else "DDPG"
    return possible[0]


def _sizes(state: State, algo: str) -> dict[str, Any]:
    if algo in ("PPO", "A2C"):
        heads = {head: _widths(state, f"mlp_extractor.{long}_net") for head, long in _HEADS}
        apart = _differ(state, "pi_features_extractor.", "vf_features_extractor.")
        return {"net_arch": heads} | ({"share_features_extractor": False} if apart else {})
    if algo == "DQN":
        return {"net_arch": _widths(state, "q_net.q_net")[:-1]}
    actor = _widths(state, "actor.latent_pi" if algo == "SAC" else "actor.mu")
    arch = {
        "pi": actor if algo == "SAC" else actor[:-1],
        "qf": _widths(state, "critic.qf0")[:-1],
    }
    return {"net_arch": arch} | ({} if algo == "DDPG" else {"n_critics": _critics(state)})


_HEADS = (("pi", "policy"), ("vf", "value"))


def _widths(state: State, prefix: str) -> list[int]:
    """Outputs of a stack of linear layers, from the first to the last."""
    form = re.compile(rf"{re.escape(prefix)}\.(\d+)\.weight")
    layers = {int(m[1]): array for key, array in state.items() if (m := form.fullmatch(key))}
    return [int(layers[index].shape[0]) for index in sorted(layers)]


def _critics(state: State) -> int:
    return len({key.split(".")[1] for key in state if key.startswith("critic.qf")})


def _differ(state: State, left: str, right: str) -> bool:
    pairs = [(array, state.get(right + key[len(left) :])) for key, array in state.items()
             if key.startswith(left)]  # fmt: skip
    return any(other is None or not np.array_equal(array, other) for array, other in pairs)


def _activation(given: Mapping[str, Any], told: bool, wanted: str, name: str) -> str | None:
    if wanted:
        return wanted
    if "activation_fn" not in given:
        if told:
            return None  # the algorithm's own
        raise UsageError(
            f"{name} does not say its activation", "tensors alone do not show it",
            f"Say which: --activation {' or '.join(ACTIVATIONS)}",
        )  # fmt: skip
    match = _CLASS.fullmatch(str(given["activation_fn"]))
    names = {cls: known for known, cls in ACTIVATIONS.items()}
    if match is None or match[1] not in names:
        shown = str(given["activation_fn"])[:80]
        raise refused(name, f"its activation {shown} is none of {', '.join(ACTIVATIONS)}")
    return names[match[1]]
