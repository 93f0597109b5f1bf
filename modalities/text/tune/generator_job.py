"""What the loop trains when a generator is tuned: low-rank adapters on a causal model."""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from shoal.extras import require
from shoal.modalities.quiet import quiet_transformers
from shoal.modalities.text.tune.examples import shuffled_batches
from shoal.modalities.text.tune.generator_samples import IGNORED, Sample, stacked
from shoal.modalities.text.tune.generator_settings import GeneratorSettings
from shoal.modalities.text.tune.network import fast_bf16
from shoal.modalities.torchvision_fix import ensure_torchvision_imports
from shoal.modalities.training.checkpoint import Tensors

_DROPOUT = 0.05


def import_peft() -> Any:
    """Returns the peft module.

    Raises:
        MissingExtraError: It is not installed.
    """
    ensure_torchvision_imports()  # peft imports transformers' models as it starts
    return require("peft", "tuning a generator")


def with_adapters(model: Any, settings: GeneratorSettings) -> Any:
    """Wraps a causal model: its weights stay, adapters on all its linear layers are trained.

    Raises:
        MissingExtraError: peft is not installed.
    """
    peft = import_peft()
    torch.manual_seed(settings.seed)
    lora = peft.LoraConfig(
        r=settings.rank, lora_alpha=2 * settings.rank, lora_dropout=_DROPOUT,
        target_modules="all-linear", task_type="CAUSAL_LM",
    )  # fmt: skip
    if settings.gradient_checkpointing:
        new = getattr(model, "activation_checkpointing_enable", None)  # the old name warns
        (new or model.gradient_checkpointing_enable)({"use_reentrant": False})
    with quiet_transformers():
        return peft.get_peft_model(model, lora)


class GeneratorJob:
    """Supervised fine-tuning: the loss is taken over the tokens of the answers alone.

    Args:
        model: Wrapped by `with_adapters`; trained in place.
        train: What to learn from.
        validation: What to score on.
        settings: Batch size, rate and seed.
    """

    def __init__(
        self,
        model: Any,
        train: Sequence[Sample],
        validation: Sequence[Sample],
        settings: GeneratorSettings,
    ) -> None:
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model = model.to(self.device)
        self.train, self.validation, self.settings = train, validation, settings
        self.low = fast_bf16()
        forward = inspect.signature(model.get_base_model().forward)
        self._cuts = "logits_to_keep" in forward.parameters

    def groups(self) -> list[dict[str, Any]]:
        """Returns the optimizer's one parameter group."""
        return [{"params": list(self.weights().values()), "lr": self.settings.learning_rate}]

    def weights(self) -> Tensors:
        """Returns the adapters, by name."""
        return {name: p for name, p in self.model.named_parameters() if p.requires_grad}

    def batches(self, epoch: int) -> Sequence[list[int]]:
        """Returns an epoch's batches: places of samples, like lengths together."""
        lengths = [len(sample.ids) for sample in self.train]
        return shuffled_batches(lengths, self.settings.batch, self.settings.seed, epoch)

    def loss(self, batch: list[int]) -> torch.Tensor:
        """Mean negative log-likelihood of the answers' tokens."""
        self.model.train()
        total, count, _ = self._score([self.train[place] for place in batch])
        return total / count

    def validate(self) -> dict[str, float]:
        """Scores the held-out answers.

        Returns:
            "loss", natural log a token; "score", the mean (geometric) probability of a
            token; "accuracy", share of tokens that were the likeliest.
        """
        self.model.eval()
        total, count, right = 0.0, 0, 0
        order = sorted(self.validation, key=lambda sample: len(sample.ids))
        size = self.settings.batch
        with torch.inference_mode():
            for start in range(0, len(order), size):
                lost, tokens, hits = self._score(order[start : start + size])
                total, count, right = total + float(lost), count + tokens, right + hits
        loss = total / count
        return {"score": math.exp(-loss), "loss": loss, "accuracy": right / count}

    def _score(self, samples: Sequence[Sample]) -> tuple[torch.Tensor, int, int]:
        """Summed loss, number of learnt tokens, and how many of them were the likeliest."""
        ids, mask, labels = (part.to(self.device) for part in stacked(samples))
        kept = ids.shape[1] - min(sample.first for sample in samples) + 1
        cut = {"logits_to_keep": kept} if self._cuts else {}
        with torch.autocast(self.device, torch.bfloat16, enabled=self.low):
            logits = self.model(input_ids=ids, attention_mask=mask, use_cache=False, **cut).logits
        wanted = labels[:, 1 - kept :]
        known = wanted != IGNORED
        logits, wanted = logits[:, -kept:-1][known].float(), wanted[known]
        loss = cross_entropy(logits, wanted, reduction="sum")
        return loss, len(wanted), int((logits.argmax(1) == wanted).sum())
