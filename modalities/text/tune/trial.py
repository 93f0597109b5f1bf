"""One training of a classifier: from a head on the unchanged encoder to the weights kept.

A head is fitted on the frozen encoder's vectors first, and training starts from there
(Kumar et al. 2022, "Fine-Tuning can Distort Pretrained Features").
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

import torch
from torch.nn.functional import one_hot

from shoal.modalities.text.encoder_files import EncoderFiles
from shoal.modalities.text.tune.blend import blend, mix
from shoal.modalities.text.tune.lot import Lot
from shoal.modalities.text.tune.network import Network
from shoal.modalities.text.tune.settings import TuneSettings
from shoal.modalities.text.tune.tuning_job import TuningJob
from shoal.modalities.training.head import HeadFit, cross_fitted
from shoal.modalities.training.loop import Loop, LoopSettings
from shoal.modalities.training.options import slower

ENOUGH = 20
"""Rows a class, of those in scope, from which heads fitted on a part of them know something
of the rest, and the labels' names tell nothing more."""

_RATES = {"full": (1.5e-4, 1e-3), "lora": (1e-3, 1e-3), "frozen": (0.0, 0.0)}
"""Peak learning rates by method: of the encoder's top layer, of the head."""


@dataclass(frozen=True, slots=True)
class Given:
    """What all trainings of one tuning share.

    Attributes:
        settings: What the user asked for.
        method: "frozen", "lora" or "full".
        files: The encoder to start from.
        labels: The classes.
        fit: How the first head is fitted.
        validation: Rows to judge by.
        few: Whether the rows that it first trains on are fewer than `ENOUGH`; later trainings
            on more rows go the same way.
    """

    settings: TuneSettings
    method: str
    files: EncoderFiles
    labels: list[str]
    fit: HeadFit
    validation: Lot
    few: bool


class Trial:
    """Trains on some rows.

    Args:
        given: See `Given`.
        lot: The rows.
    """

    def __init__(self, given: Given, lot: Lot) -> None:
        self.given, self.kept, self.seconds = given, 1.0, 0.0
        head, bias = given.fit.head(lot.vectors, lot.classes, len(given.labels))
        torch.manual_seed(given.settings.seed)
        network = Network(given.files, head, bias, given.method)
        rate, head_rate = _RATES[given.method]
        self.job = TuningJob(
            network, lot.examples, self._hints(lot), given.validation.examples,
            batch=given.settings.batch, seed=given.settings.seed,
            rates=(given.settings.learning_rate or rate, head_rate),
        )  # fmt: skip
        self._first = {n: value.detach().clone() for n, value in self.job.weights().items()}

    def run(
        self, how: LoopSettings, stop: threading.Event, *, kept: float | None = None
    ) -> list[dict[str, float]]:
        """Trains; a frozen encoder is left as it is.

        Args:
            how: How the loop runs.
            stop: Set it to break off.
            kept: The part of the way to the tuned weights to go; chosen by validation if None.

        Returns:
            One entry an epoch.
        """
        if self.given.method == "frozen":
            return []
        advised = slower(self.job.rates[0], _RATES[self.given.method][0])
        loop = Loop(self.job, replace(how, slower=advised))
        self.seconds = loop.seconds  # of the runs before this one was resumed
        history = loop.run(stop)
        if kept is None:
            self.kept = blend(self.job, self._first)
        else:
            self.kept = kept
            mix(self.job, self._first, kept)
        return history

    def _hints(self, lot: Lot) -> torch.Tensor:
        """What heads that have not seen a row say of it, float32 (n, k); see `HINT`."""
        k, classes = len(self.given.labels), lot.classes
        hints = torch.zeros(len(lot.examples), k)
        if self.given.method != "frozen":
            hints[lot.known] = (
                one_hot(classes, k).float()
                if self.given.few
                else cross_fitted(lot.vectors, classes, k, self.given.settings.seed)
            )
        return hints
