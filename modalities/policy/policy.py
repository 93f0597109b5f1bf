"""A saved policy, loaded: it predicts as stable-baselines3 does."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.errors import UsageError
from shoal.modalities.policy import library
from shoal.modalities.policy.artifact import corrupt, read_spec, read_weights
from shoal.modalities.policy.mlp import Mlp, fits
from shoal.modalities.policy.normalizer import PREFIX, Normalizer
from shoal.modalities.policy.spaces import shape_of
from shoal.modalities.policy.spec import PolicySpec


class Policy:
    """A policy and its spec; small MLPs run in numpy, all others in torch.

    Use `Policy.load`. `predict` has the signature of stable-baselines3, so
    `evaluate_policy` and other tools take a `Policy` as they take a model.

    Args:
        spec: What the policy is.
        weights: Its state dict.
        folder: Where it came from, for error messages.
    """

    def __init__(self, spec: PolicySpec, weights: Mapping[str, NDArray[Any]], folder: Path) -> None:
        self.spec = spec
        self.folder = folder
        self.weights = weights
        self._seed = 0
        self._random: np.random.Generator | None = None
        self._memory: tuple[NDArray[Any], ...] | None = None
        try:
            self._normalizer = Normalizer.among(weights, spec)
            own = {name: array for name, array in weights.items() if not name.startswith(PREFIX)}
            self._mlp = Mlp(spec, own) if fits(spec) else None
        except ValueError as error:
            raise corrupt(folder, error, spec) from error

    @classmethod
    def load(cls, policy: str | Path) -> Policy:
        """Loads a policy from its folder, or by name ("goto" is shipped).

        Raises:
            UnknownNameError: No policy of that name.
            UsageError: A file of stable-baselines3, which Shoal does not open.
            MissingModelError: The folder holds no policy.
            CorruptWeightsError: Spec or weights are damaged or were changed.
        """
        path = Path(policy).expanduser()
        if not path.exists() and "/" not in str(policy):
            path = library.folder(str(policy))
        spec = read_spec(path)
        loaded = cls(spec, read_weights(path, spec), path)
        if loaded._mlp is None:
            _ = loaded.sb3  # what does not fit shall show now, not at the first action
        return loaded

    @cached_property
    def sb3(self) -> Any:
        """The stable-baselines3 model, built on first use.

        Raises:
            CorruptWeightsError: Spec and weights do not fit together.
        """
        from shoal.modalities.policy.rebuild import build

        try:
            return build(self.spec, self.weights)
        except ValueError as error:
            raise corrupt(self.folder, error, self.spec) from error

    def seed(self, seed: int) -> None:
        """Begins an episode: seeds the sampling, and a recurrent policy forgets the last one."""
        self._seed, self._random = seed, None
        self._memory = None
        if self._mlp is None:
            import torch

            torch.manual_seed(seed)

    def act(self, observation: Any, action_masks: NDArray[np.bool_] | None = None) -> NDArray[Any]:
        """Chooses the episode's next action, in the mode training found better (`spec.sample`).

        A recurrent policy remembers what it was shown since `seed` was called.

        Args:
            observation: As the policy's observation space says.
            action_masks: As `predict` takes them.
        """
        sure = not self.spec.sample
        told = (observation, self._memory)
        action, self._memory = self.predict(*told, deterministic=sure, action_masks=action_masks)
        return action

    def predict(
        self,
        observation: Any,
        state: tuple[NDArray[Any], ...] | None = None,
        episode_start: NDArray[Any] | None = None,
        deterministic: bool = True,
        action_masks: NDArray[np.bool_] | None = None,
    ) -> tuple[NDArray[Any], tuple[NDArray[Any], ...] | None]:
        """Chooses an action for one observation, or for each of a batch.

        Args:
            observation: As the policy's observation space says; a batch has one axis more.
            state: What a recurrent policy returned last; None begins an episode.
            episode_start: Bool (batch,): where a recurrent policy shall forget its state.
            deterministic: Take the most probable action instead of sampling.
            action_masks: Bool (actions,) or (batch, actions), as the env's `action_masks()`
                has it: what is False is never chosen. None allows all, which a policy
                trained with masks (`spec.masked`) was never taught to choose among.

        Returns:
            The action or actions, and the next state (`state` itself if not recurrent).

        Raises:
            UsageError: The observation or the masks have another shape, or the policy
                was trained without masks.
        """
        observation = self._seen(observation)
        self._check(action_masks)
        if self._mlp is None:
            masks = {"action_masks": action_masks} if self.spec.masked else {}
            told = (observation, state, episode_start, deterministic)
            action, state = self.sb3.predict(*told, **masks)
            return action, state
        batch, single = self._batched(observation)
        scores: NDArray[Any] = self._mlp.logits(batch)
        if not deterministic:  # Gumbel's trick: argmax of noisy logits samples the softmax
            scores = scores + self._sampling().gumbel(size=scores.shape)
        if action_masks is not None:
            scores = np.where(np.broadcast_to(action_masks, scores.shape), scores, -np.inf)
        actions = scores.argmax(axis=1)
        return (np.asarray(actions[0]) if single else actions), state

    @property
    def has_value(self) -> bool:
        """Whether the algorithm has a critic of states, so that `value` works."""
        return self.spec.algo in ("PPO", "A2C", "DQN", "RecurrentPPO", "MaskablePPO")

    def value(self, observation: Any) -> float:
        """The critic's value of one observation: the discounted return it expects.

        A recurrent policy is asked as if the observation were an episode's first.

        Raises:
            UsageError: The algorithm has no critic of states, or the shape is another.
        """
        observation = self._seen(observation)
        if self._mlp is not None:
            batch, _ = self._batched(observation)
            return float(self._mlp.values(batch)[0])
        return self._torch_value(observation)

    def _torch_value(self, observation: Any) -> float:
        import torch

        policy = self.sb3.policy
        with torch.no_grad():
            tensor, _ = policy.obs_to_tensor(observation)
            if self.spec.algo in ("PPO", "A2C", "MaskablePPO"):
                return float(policy.predict_values(tensor)[0])
            if self.spec.algo == "DQN":
                return float(policy.q_net(tensor).max())
            if self.spec.recurrent:
                empty = torch.zeros(policy.lstm_hidden_state_shape)
                return float(policy.predict_values(tensor, (empty, empty), torch.ones(1))[0])
        raise UsageError(f"{self.spec.algo} has no value of a state", "its critic rates actions")

    def _check(self, masks: NDArray[np.bool_] | None) -> None:
        if masks is None:
            return
        name, actions = self.spec.name, self.spec.action_space.get("n")
        if not self.spec.masked:
            raise UsageError(
                f"policy {name!r} takes no action masks", f"{self.spec.algo} learns without"
            )
        shape = np.shape(masks)
        if not shape or len(shape) > 2 or shape[-1] != actions:
            why = f"their shape is {shape}, and there are {actions} actions"
            raise UsageError(f"policy {name!r} can't read these action masks", why)

    def _sampling(self) -> np.random.Generator:
        if self._random is None:  # made when needed: that takes as long as an action
            self._random = np.random.default_rng(self._seed)
        return self._random

    def _seen(self, observation: Any) -> Any:
        """What the network is shown: the observation, normalized as it was in training."""
        return self._normalizer(observation) if self._normalizer else observation

    @cached_property
    def _shape(self) -> tuple[int, ...]:
        return shape_of(self.spec.observation_space)

    def _batched(self, observation: Any) -> tuple[NDArray[Any], bool]:
        shape = self._shape
        array = np.asarray(observation)
        if array.shape == shape:
            return array[None], True
        if array.shape[1:] != shape or not len(array):
            raise UsageError(
                f"policy {self.spec.name!r} can't read an observation of shape {array.shape}",
                f"it was trained on {shape}",
                f"Make the env with observation={self.spec.observation!r}",
            )
        return array, False
