"""Everything a training needs to go on: from a stable-baselines3 model to tensors and back."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch

from shoal.modalities.training.checkpoint import Tensors, pack, unpack

LARGEST_BUFFER = 2**29
"""Bytes up to which a replay buffer is kept in checkpoints."""

_COUNTERS = ("_n_updates", "_n_calls", "_episode_num", "exploration_rate")
_BUFFER = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")


def state_of(model: Any) -> tuple[Tensors, dict[str, Any]]:
    """Returns a model's tensors, and what JSON can hold: counters, random states, episodes."""
    optimizers, whole = _optimizers(model)
    tensors = {
        **pack("policy", model.policy.state_dict()), **pack("optimizer", optimizers),
        **pack("variable", _variables(model)), **pack("running", _running(model)),
        **pack("buffer", _buffer(model)), **pack("random", _random_tensors()),
    }  # fmt: skip
    facts = {
        "steps": model.num_timesteps,
        "counters": {name: getattr(model, name) for name in _COUNTERS if hasattr(model, name)},
        "whole": whole,
        "random": random.getstate(),
        "actions": model.action_space.np_random.bit_generator.state,
        "episodes": [[float(each["r"]), int(each["l"])] for each in model.ep_info_buffer],
        "successes": [bool(each) for each in model.ep_success_buffer],
        "buffer": _places(model),
    }
    return tensors, facts


def restore(model: Any, tensors: Tensors, facts: dict[str, Any]) -> None:
    """Puts back what `state_of` returned, the random states last."""
    model.policy.load_state_dict(unpack("policy", tensors))
    _restore_optimizers(model, unpack("optimizer", tensors), facts["whole"])
    for name, value in unpack("variable", tensors).items():
        getattr(model, name).data.copy_(value)
    _restore_running(model, unpack("running", tensors))
    _restore_buffer(model, unpack("buffer", tensors), facts)
    model.num_timesteps = facts["steps"]
    for name, value in facts["counters"].items():
        setattr(model, name, value)
    model.ep_info_buffer.extend({"r": r, "l": length} for r, length in facts["episodes"])
    model.ep_success_buffer.extend(facts["successes"])
    _restore_random(unpack("random", tensors), facts)
    model.action_space.np_random.bit_generator.state = facts["actions"]


def restart(model: Any, seed: int) -> None:
    """Begins new episodes in all envs, from seeds that follow from `seed` and the steps done.

    After a checkpoint the same is done whether the training goes on at once or is resumed
    from it: what lies inside an env can't be saved, a seed can.
    """
    envs = model.get_env()
    start = np.random.SeedSequence([seed, model.num_timesteps]).generate_state(1)[0]
    envs.seed(int(2**30 + start % 2**29))  # far from the seeds of validation and evaluation
    model._last_obs = envs.reset()
    model._last_episode_starts = np.ones(envs.num_envs, dtype=bool)
    if model.get_vec_normalize_env() is not None:
        model._last_original_obs = model.get_vec_normalize_env().get_original_obs()
    if hasattr(model, "_last_lstm_states"):
        states = model._last_lstm_states
        empty = [tuple(torch.zeros_like(each) for each in pair) for pair in states]
        model._last_lstm_states = type(states)(*empty)
    if model.use_sde:
        getattr(model, "actor", model.policy).reset_noise(envs.num_envs)
    if getattr(model, "action_noise", None) is not None:
        model.action_noise.reset()


def cut(model: Any) -> None:
    """Marks the newest transitions as the last of their episodes, which `restart` ends."""
    buffer = getattr(model, "replay_buffer", None)
    if buffer is not None and (buffer.pos or buffer.full):
        buffer.timeouts[buffer.pos - 1] = 1.0


def finite(model: Any) -> bool:
    """Whether all of a model's weights are numbers."""
    return all(bool(value.isfinite().all()) for value in model.policy.state_dict().values())


def buffer_left_out(model: Any) -> int:
    """The size in bytes of a replay buffer that is too large for checkpoints, else 0."""
    size = sum(array.nbytes for array in _arrays(model).values())
    return size if size > LARGEST_BUFFER else 0


def _optimizers(model: Any) -> tuple[Tensors, dict[str, int]]:
    """All optimizers' states: tensors, and the step counts that are plain numbers."""
    tensors: Tensors = {}
    whole: dict[str, int] = {}
    for name in _optimizer_names(model):
        for index, state in _found(model, name).state_dict()["state"].items():
            for key, value in state.items():
                place = f"{name}/{index}/{key}"
                if isinstance(value, torch.Tensor):
                    tensors[place] = value
                else:
                    whole[place] = value
    return tensors, whole


def _restore_optimizers(model: Any, tensors: Tensors, whole: dict[str, int]) -> None:
    for name in _optimizer_names(model):
        states: dict[int, dict[str, Any]] = {}
        for place, value in {**tensors, **whole}.items():
            owner, index, key = place.rsplit("/", 2)
            if owner == name:
                states.setdefault(int(index), {})[key] = value
        optimizer = _found(model, name)
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": states, "param_groups": groups})


def _optimizer_names(model: Any) -> list[str]:
    return [name for name in model._get_torch_save_params()[0] if name.endswith("optimizer")]


def _found(model: Any, name: str) -> Any:
    for part in name.split("."):
        model = getattr(model, part)
    return model


def _variables(model: Any) -> Tensors:
    return {name: getattr(model, name).data for name in model._get_torch_save_params()[1]}


def _running(model: Any) -> Tensors:
    """The running means of observations and returns."""
    envs = model.get_vec_normalize_env()
    means = {} if envs is None else {"ret": envs.ret_rms}
    if envs is not None and envs.norm_obs:
        means["obs"] = envs.obs_rms
    return {
        f"{name}.{part}": torch.as_tensor(getattr(mean, part), dtype=torch.float64)
        for name, mean in means.items()
        for part in ("mean", "var", "count")
    }


def _restore_running(model: Any, tensors: Tensors) -> None:
    envs = model.get_vec_normalize_env()
    for place, value in tensors.items():
        name, _, part = place.partition(".")
        setattr(getattr(envs, f"{name}_rms"), part, value.numpy().copy()[()])


def _arrays(model: Any) -> dict[str, Any]:
    """A replay buffer's filled part: views, by name; parts of dict observations by "/"."""
    buffer = getattr(model, "replay_buffer", None)
    if buffer is None:
        return {}
    filled = buffer.buffer_size if buffer.full else buffer.pos
    found: dict[str, Any] = {}
    for name in _BUFFER:
        value = getattr(buffer, name)
        parts = (
            {f"{name}/{key}": part for key, part in value.items()}
            if isinstance(value, dict)
            else {name: value}
        )
        found |= {place: part[:filled] for place, part in parts.items()}
    return found


def _buffer(model: Any) -> Tensors:
    if buffer_left_out(model):
        return {}
    return {name: torch.from_numpy(array) for name, array in _arrays(model).items() if len(array)}


def _places(model: Any) -> dict[str, Any]:
    buffer = getattr(model, "replay_buffer", None)
    if buffer is None or buffer_left_out(model):
        return {}
    return {"pos": buffer.pos, "full": buffer.full}


def _restore_buffer(model: Any, tensors: Tensors, facts: dict[str, Any]) -> None:
    buffer = getattr(model, "replay_buffer", None)
    if buffer is None:
        return
    if not facts["buffer"]:  # it is filled anew before there is something to learn from
        model.learning_starts += facts["steps"]
        return
    for place, value in tensors.items():
        name, _, part = place.partition("/")
        own = getattr(buffer, name)
        (own[part] if part else own)[: len(value)] = value.numpy()
    buffer.pos, buffer.full = facts["buffer"]["pos"], facts["buffer"]["full"]


def _random_tensors() -> Tensors:
    _, keys, place, has_gauss, gauss = np.random.get_state()  # SB3 draws from numpy's global one
    return {
        "torch": torch.get_rng_state(),
        "numpy": torch.from_numpy(np.asarray(keys, np.int64)),
        "place": torch.tensor([place, has_gauss]),
        "gauss": torch.tensor([gauss], dtype=torch.float64),
    }


def _restore_random(tensors: Tensors, facts: dict[str, Any]) -> None:
    version, inner, gauss = facts["random"]
    random.setstate((version, tuple(inner), gauss))
    place, has_gauss = tensors["place"].tolist()
    keys = tensors["numpy"].numpy().astype(np.uint32)
    np.random.set_state(("MT19937", keys, place, has_gauss, float(tensors["gauss"][0])))
    torch.set_rng_state(tensors["torch"])
