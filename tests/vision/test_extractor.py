"""Policies that see through a timm encoder: trained for a few steps, saved, loaded, played."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from shoal.envs import make
from shoal.errors import CorruptWeightsError, MissingModelError, UnknownNameError, UsageError
from shoal.modalities.policy import Policy, TrainSettings, save
from shoal.modalities.policy.building import build
from shoal.modalities.policy.rebuild import weights_of
from shoal.modalities.vision import TimmExtractor, VisionEncoder
from shoal.modalities.vision.observing.frozen import EmbeddingCache
from shoal.modalities.vision.observing.observed import Layout

GRID = "BabyAI-GoToObjS4-v0"
SMALL: dict[str, Any] = {"model": "mobilenetv3_small_050", "frozen": False, "weights": "random"}


def _box(*shape: int) -> spaces.Box:
    return spaces.Box(0, 255, shape, np.uint8)


def _ppo(env: Any, told: dict[str, Any], policy: str = "CnnPolicy", **more: Any) -> Any:
    from stable_baselines3 import PPO

    kwargs = {
        "features_extractor_class": TimmExtractor,
        "features_extractor_kwargs": told,
        "net_arch": [16],
    }
    sizes = {"n_steps": 32, "batch_size": 32, "n_epochs": 2, **more}
    return PPO(policy, env, seed=1, device="cpu", policy_kwargs=kwargs, **sizes)


def test_frozen_eyes_stay_as_they_are_and_the_head_learns() -> None:
    model = _ppo(make(GRID, observation="pixels"), {})
    extractor = model.policy.features_extractor
    assert isinstance(extractor, TimmExtractor)
    assert extractor.features_dim == 1280
    assert list(extractor.parameters()) == []
    frame = np.random.default_rng(0).integers(0, 255, (1, 3, 112, 112), dtype=np.uint8)
    seen, _ = model.policy.obs_to_tensor(frame)
    before = model.policy.extract_features(seen)
    weights = {name: array.copy() for name, array in weights_of(model).items()}
    assert not before.requires_grad
    model.learn(64)
    assert np.array_equal(before.numpy(), model.policy.extract_features(seen).numpy())
    after = weights_of(model)
    assert not np.allclose(weights["action_net.weight"], after["action_net.weight"])
    assert not any("encoder" in name for name in after)


def test_trained_eyes_change_with_the_policy() -> None:
    model = _ppo(make(GRID, observation="pixels"), SMALL)
    before = {name: array.copy() for name, array in weights_of(model).items()}
    model.learn(64)
    after = weights_of(model)
    eyes = [name for name in after if name.startswith("features_extractor.encoder")]
    moved = [name for name in eyes if not np.array_equal(before[name], after[name])]
    assert any("conv_stem" in name for name in moved)
    assert not any("running_" in name for name in moved)  # batch norm keeps its statistics
    assert len(moved) > 50
    model.policy.set_training_mode(True)
    encoder = model.policy.features_extractor.encoder
    assert not any(module.training for module in encoder.modules())


def test_features_are_the_encoders_own() -> None:
    """On frames of the model's own input size nothing is resized: they must be equal."""
    import torch

    encoder = VisionEncoder()
    frames = np.random.default_rng(0).integers(0, 255, (3, 224, 224, 3), dtype=np.uint8)
    expected, _ = encoder.network.exact(frames)
    first = torch.from_numpy(frames.transpose(0, 3, 1, 2).copy())
    for frozen in (True, False):
        for space, observed in (
            (_box(224, 224, 3), torch.from_numpy(frames)),
            (_box(3, 224, 224), first),
        ):
            extractor = TimmExtractor(space, frozen=frozen)
            for given in (observed, observed.float() / 255):
                with torch.no_grad():
                    assert np.allclose(extractor(given).numpy(), expected, atol=2e-3)


def test_every_layout_of_pictures() -> None:
    import torch

    expected = {
        (40, 50, 3): Layout(False, 1, 3),
        (3, 40, 50): Layout(True, 1, 3),
        (40, 50, 1): Layout(False, 1, 1),
        (4, 40, 50): Layout(True, 4, 1),
        (40, 50, 6): Layout(False, 2, 3),
    }
    for shape, layout in expected.items():
        assert Layout.of(_box(*shape)) == layout
        extractor = TimmExtractor(_box(*shape), **SMALL)
        assert extractor.features_dim == 1024 * layout.frames
        frames = torch.randint(0, 255, (2, *shape), dtype=torch.uint8)
        assert extractor(frames).shape == (2, extractor.features_dim)
    stack = TimmExtractor(_box(6, 40, 50), **SMALL)
    single = TimmExtractor(_box(3, 40, 50), **SMALL)
    pair = torch.randint(0, 255, (2, 6, 40, 50), dtype=torch.uint8)
    both = torch.cat([single(pair[:, :3]), single(pair[:, 3:])], dim=1)
    assert torch.allclose(stack(pair), both, atol=1e-4)


class _Mixed(gymnasium.Env[Any, Any]):
    """Shows a picture, a number and a place; the picture's colour tells the right action."""

    observation_space = spaces.Dict(
        {"camera": _box(48, 64, 3), "speed": spaces.Box(-1, 1, (2,)), "gear": spaces.Discrete(3)}
    )
    action_space = spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self._right = int(self.np_random.integers(2))
        camera = np.full((48, 64, 3), 200 * self._right, np.uint8)
        return {"camera": camera, "speed": np.zeros(2, np.float32), "gear": 1}, {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        reward = float(action == self._right)
        return self.reset()[0], reward, True, False, {}


def test_a_dict_with_a_picture(tmp_path: Path) -> None:
    model = _ppo(_Mixed(), {}, "MultiInputPolicy")
    assert model.policy.features_extractor.features_dim == 1280 + 2 + 3
    model.learn(64)
    policy = Policy.load(save(model, tmp_path / "p", name="p", env="any"))
    observed, _ = _Mixed().reset(seed=0)
    assert policy.predict(observed)[0] == model.predict(observed, deterministic=True)[0]
    original = model.policy.predict_values(model.policy.obs_to_tensor(observed)[0]).item()
    assert policy.value(observed) == pytest.approx(original, abs=1e-4)


def test_repeated_frames_cost_no_pass() -> None:
    model = _ppo(make(GRID, observation="pixels"), {"cache": 500}, n_steps=64)
    cache = model.policy.features_extractor.encoder.shared.cache
    model.learn(64)
    # Each of 64 frames was seen once when played and again in both epochs.
    assert cache.misses <= 66
    assert cache.hits >= 2 * 64
    assert len(cache) == min(cache.misses, 500)


def test_the_cache_is_bounded_and_right() -> None:
    passes: list[int] = []

    def embed(frames: np.ndarray[Any, np.dtype[np.uint8]]) -> np.ndarray[Any, np.dtype[np.float32]]:
        passes.append(len(frames))
        return frames.reshape(len(frames), -1).astype(np.float32)

    cache = EmbeddingCache(embed, limit=3)
    frames = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((1, 1, 2, 2), np.uint8)
    assert np.array_equal(cache(frames[[0, 1, 0]])[:, 0], [0, 1, 0])
    assert (passes, cache.hits, cache.misses) == ([2], 1, 2)
    assert np.array_equal(cache(frames)[:, 0], np.arange(5))  # more than fit
    assert (passes, len(cache)) == ([2, 3], 3)
    cache(frames[2:])
    assert passes == [2, 3]
    cache(frames[[0, 4]])  # 2 was the least recently used
    assert np.array_equal(cache(frames[[2]])[:, 0], [2])
    assert passes == [2, 3, 1, 1]
    flat = frames[:1].reshape(1, 1, 1, 4)
    assert cache(flat).shape == (1, 4)
    assert passes[-1] == 1  # the same bytes in another shape are another frame
    assert cache.misses == sum(passes)


@pytest.mark.parametrize("frozen", [True, False])
def test_a_policy_with_eyes_is_saved_and_loaded(frozen: bool, tmp_path: Path) -> None:
    env = make(GRID, observation="pixels")
    model = _ppo(env, {} if frozen else SMALL)
    folder = save(model, tmp_path / "p", name="p", env=GRID, observation="pixels")
    told = json.loads((folder / "spec.json").read_text())["architecture"]["extractor"]
    assert told["frozen"] is frozen
    assert (told["weights_sha256"] or "").startswith("57934424" if frozen else "")
    assert ((folder / "policy.safetensors").stat().st_size < 3_000_000) is frozen
    policy = Policy.load(folder)
    frame, _ = env.reset(seed=0)
    assert policy.predict(frame)[0] == model.predict(frame, deterministic=True)[0]
    original = model.policy.predict_values(model.policy.obs_to_tensor(frame)[0]).item()
    assert policy.value(frame) == pytest.approx(original, abs=1e-4)
    again = save(policy.sb3, tmp_path / "again", name="p", env=GRID, observation="pixels")
    assert (again / "policy.safetensors").read_bytes() == (
        folder / "policy.safetensors"
    ).read_bytes()


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        ({"weights_sha256": "0" * 64}, CorruptWeightsError, "other weights of"),
        ({"model": "../../up"}, CorruptWeightsError, "extractor.model"),
        ({"model": "minilm-l6"}, UsageError, "not a vision model"),
        ({"model": "no-such-model", "weights_sha256": None}, UnknownNameError, "vision model"),
        ({"model": "resnet18", "weights_sha256": None}, MissingModelError, "never downloads"),
        ({"code": "x"}, CorruptWeightsError, "extractor.code"),
        ({"frozen": False}, CorruptWeightsError, "do not fit"),
    ],
)
def test_a_changed_extractor_is_refused(
    change: dict[str, Any], kind: type[Exception], says: str, tmp_path: Path
) -> None:
    folder = save(_ppo(make(GRID, observation="pixels"), {}), tmp_path / "p", name="p", env=GRID)
    spec = json.loads((folder / "spec.json").read_text())
    spec["architecture"]["extractor"].update(change)
    (folder / "spec.json").write_text(json.dumps(spec))
    with pytest.raises(kind, match=says):
        Policy.load(folder)


def test_what_can_not_travel_is_not_saved(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    weights = tmp_path / "own.safetensors"
    own = VisionEncoder("mobilenetv3_small_050", "torch", "random").module.state_dict()
    save_file(own, weights)
    told = {"model": "mobilenetv3_small_050", "weights": str(weights)}
    model = _ppo(make(GRID, observation="pixels"), told)
    with pytest.raises(UsageError, match="only a model's name travels"):
        save(model, tmp_path / "p", name="p", env=GRID)
    assert not (tmp_path / "p").exists()


def test_train_takes_an_extractor_by_name(tmp_path: Path) -> None:
    from stable_baselines3.common.vec_env import DummyVecEnv

    named = {"extractor": "efficientnet-lite0", "n_steps": 32, "n_epochs": 1}
    settings = TrainSettings(algo="ppo", observation="pixels", n_envs=2, tune=named)
    assert "--set extractor=efficientnet-lite0" in settings.command(GRID)
    envs = DummyVecEnv([lambda: make(GRID, observation="pixels")] * 2)
    model = build(settings, envs)
    model.learn(64)
    policy = Policy.load(save(model, tmp_path / "p", name="p", env=GRID, observation="pixels"))
    extractor = policy.spec.architecture.extractor
    assert extractor is not None
    assert (extractor.model, extractor.frozen) == ("efficientnet-lite0", True)
    with pytest.raises(UsageError, match=r"the network can't be built: extractor\.model"):
        build(TrainSettings(algo="ppo", observation="pixels", tune={"extractor": "a/b"}), envs)


def test_wrong_use() -> None:
    import torch

    with pytest.raises(UsageError, match="finds no picture"):
        TimmExtractor(spaces.Box(0, 1, (4,)))
    with pytest.raises(UsageError, match="finds no picture"):
        TimmExtractor(spaces.Box(0, 1, (40, 40, 3), np.float32))
    with pytest.raises(UsageError, match="cache is 0"):
        TimmExtractor(_box(40, 40, 3), cache=0)
    with pytest.raises(UsageError, match="Leave normalize_images at True"):
        TimmExtractor(_box(3, 40, 40))(torch.full((1, 3, 40, 40), 200.0))
    assert TimmExtractor(_box(3, 40, 40))(torch.empty((0, 3, 40, 40))).shape == (0, 1280)
