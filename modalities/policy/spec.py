"""What a saved policy says about itself: checked field by field, never executed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, JsonValue, field_validator

Width = Annotated[int, Field(ge=1, le=8192, strict=True)]
Widths = Annotated[list[Width], Field(max_length=16)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

ALGORITHMS = ("PPO", "A2C", "DQN", "SAC", "TD3", "DDPG", "RecurrentPPO", "MaskablePPO")
"""The algorithms of stable-baselines3 and sb3-contrib whose policies can be saved and loaded."""

ACTIVATIONS = {
    "tanh": "Tanh",
    "relu": "ReLU",
    "elu": "ELU",
    "leaky_relu": "LeakyReLU",
    "gelu": "GELU",
    "silu": "SiLU",
}
"""Name in a spec -> class in torch.nn."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Extractor(_Strict):
    """The timm encoder that reads the pictures.

    Attributes:
        model: A catalogue or timm name; never a path, which means nothing elsewhere.
        frozen: Whether it stayed as it was; otherwise its weights are among the policy's.
        weights_sha256: Of a frozen encoder, whose weights are not among the policy's.
    """

    model: Annotated[str, Field(pattern=r"^\w[\w.-]{0,99}$")]
    frozen: bool = True
    weights_sha256: Sha256 | None = None


class Architecture(_Strict):
    """The allow-listed arguments of a policy network; None leaves the algorithm's default.

    `extractor` may be given by its model's name alone. `normalize_observations`: the running
    mean and variance of what training saw are among the weights.
    """

    net_arch: Widths | dict[Literal["pi", "vf", "qf"], Widths] | None = None
    activation: Literal["tanh", "relu", "elu", "leaky_relu", "gelu", "silu"] | None = None
    ortho_init: bool | None = None
    normalize_images: bool | None = None
    share_features_extractor: bool | None = None
    use_sde: bool | None = None
    log_std_init: float | None = None
    n_critics: Annotated[int, Field(ge=1, le=16)] | None = None
    lstm_hidden_size: Width | None = None
    n_lstm_layers: Annotated[int, Field(ge=1, le=8)] | None = None
    shared_lstm: bool | None = None
    enable_critic_lstm: bool | None = None
    normalize_observations: bool | None = None
    extractor: Extractor | None = None

    @field_validator("extractor", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        return {"model": value} if isinstance(value, str) else value


class Calibration(_Strict):
    """How a critic's value becomes a probability of success (`calibration.py`).

    Attributes:
        weights: Of 1, the value and the logarithm of the steps left, in a logistic curve.
        of_limit: Likewise of the logarithm of the env's own step limit, which tells missions
            of one part from those of several; 0 where all had the same.
        episodes: How many held-out episodes it was fitted on.
        steps: Their usual step limit.
        values: The least and the greatest value seen in them.
        ece_before: Expected calibration error, over all episodes and six horizons up to the
            limit, of what was expected without it.
        ece_after: The same with it, cross-validated.
    """

    method: Literal["platt"] = "platt"
    weights: tuple[FiniteFloat, FiniteFloat, FiniteFloat]
    of_limit: FiniteFloat = 0.0
    episodes: int
    steps: int
    values: tuple[FiniteFloat, FiniteFloat]
    ece_before: float
    ece_after: float


class Scores(_Strict):
    """How a policy did on episodes of its own.

    Attributes:
        episodes: How many were played, each from its own seed.
        first_seed: The first seed; the others follow one by one.
        successes: How many succeeded; None where the env has no notion of success.
        interval: 95 % Wilson (1927) interval of the success rate.
        mean_return: Mean of the undiscounted returns.
        mean_steps: Mean length of an episode.
        start_value: 5 % quantile of the critic's value at the start of those that
            succeeded: a start rated lower is worse than nearly all that went well.
        calibration: How the value tells the probability of success; None where there is no
            critic of states, no notion of success, too few episodes, or nothing gained by it.
    """

    episodes: int
    first_seed: int
    successes: int | None
    interval: tuple[float, float] | None
    mean_return: float
    mean_steps: float
    start_value: float | None = None
    calibration: Calibration | None = None

    @property
    def success(self) -> float | None:
        """The success rate in [0, 1], or None."""
        return None if self.successes is None else self.successes / self.episodes


class PolicySpec(_Strict):
    """The spec.json of a saved policy.

    Attributes:
        env: The env id it was trained in.
        observation: The observation wrapper it reads.
        weights_sha256: Hash of policy.safetensors.
        sample: Whether to sample actions. Where the view hides part of the state, a
            policy without memory that samples can be far better than one that always
            takes the likeliest action and so walks in circles (Singh et al. 1994).
        training: Settings, seeds, steps, seconds, command, machine.
        scores: None when the training was interrupted before they were taken.
    """

    format: Literal["shoal-policy-1"] = "shoal-policy-1"
    name: Annotated[str, Field(pattern=r"^\w[\w.-]{0,63}$")]
    algo: Literal["PPO", "A2C", "DQN", "SAC", "TD3", "DDPG", "RecurrentPPO", "MaskablePPO"]
    policy: Literal[
        "MlpPolicy", "CnnPolicy", "MultiInputPolicy",
        "MlpLstmPolicy", "CnnLstmPolicy", "MultiInputLstmPolicy",
    ]  # fmt: skip
    architecture: Architecture
    observation_space: dict[str, JsonValue]
    action_space: dict[str, JsonValue]
    env: str
    observation: str = "native"
    weights_sha256: Sha256
    sample: bool = False
    scores: Scores | None = None
    training: dict[str, JsonValue] = {}
    versions: dict[str, str] = {}

    @property
    def takes_goal(self) -> bool:
        """Whether its observation carries a goal, so that a mission can steer it."""
        return self.observation in ("goal_mask", "goal_map", "pixel_map")

    @property
    def recurrent(self) -> bool:
        """Whether it remembers: what it does depends on the whole episode so far."""
        return self.algo == "RecurrentPPO"

    @property
    def masked(self) -> bool:
        """Whether it has to be told which actions make sense, as it was in training."""
        return self.algo == "MaskablePPO"


def first_problem(error: Any) -> str:
    """Says where a pydantic `ValidationError` first went wrong, on one line."""
    problem = error.errors()[0]
    where = ".".join(str(part) for part in problem["loc"])
    return f"{where}: {problem['msg']}"
