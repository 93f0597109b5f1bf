"""Trains the call encoder's adapter on cards."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import torch

from shoal.modalities.text.calls.adapter import Adapter
from shoal.modalities.text.calls.base import BASE, tokenizer_of, weights_of
from shoal.modalities.text.calls.cases import Case
from shoal.modalities.text.calls.features import Features, Featurizer, embeddings_of
from shoal.modalities.text.calls.grading import right
from shoal.modalities.text.calls.layout import Page, pages, read_request
from shoal.modalities.text.calls.lessons import Lessons, Taught
from shoal.modalities.text.calls.mixing import opinion
from shoal.modalities.text.calls.module import CallModule, adapter_of, beside, loss
from shoal.modalities.text.calls.reader import CallReader, calls_of
from shoal.modalities.text.calls.samples import Sample
from shoal.modalities.text.calls.slots import slots
from shoal.modalities.text.calls.targets import PageTarget, page_target
from shoal.modalities.text.calls.temperature import fitted_temperature
from shoal.modalities.text.calls.zero_shot.engine import zero_shot_reader
from shoal.modalities.text.encoder_torch import transformer_of
from shoal.modalities.text.tune.network import fast_bf16
from shoal.modalities.training.checkpoint import Tensors
from shoal.modalities.training.interrupts import stop_on_interrupt
from shoal.modalities.training.loop import Loop, LoopSettings
from shoal.modalities.training.options import slower
from shoal.modalities.training.progress import keep_logs

RATE = 1e-3
"""The adapters' usual learning rate, at its peak."""

HEAD_RATE = 3.0
"""The heads learn so many times faster than the adapters."""

_WEIGHTS = {"tool": 1.0, "several": 0.3, "values": 1.0}
_VALIDATED = 120

_FAST = {
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
    "attn_implementation": "eager",
}
"""On CPUs dropout is slow, and so is torch's fused attention backwards at these lengths."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One page of a batch: what is read and what is right."""

    sample: int
    page: Page
    tokens: int
    target: PageTarget
    features: Features
    opinion: tuple[Any, Any] | None


@dataclass(frozen=True, slots=True)
class CallSettings:
    """How to train a call encoder.

    Attributes:
        out: The adapter's file.
        epochs: Passes over the cards.
        batch: Requests a step.
        learning_rate: Of the adapters, at its peak.
        seed: Seed of samples, batches and first weights.
        model: An adapter's file to start from, else the encoder as it is.
        resume: Go on from the last checkpoint.
        quiet: Show no progress bar.
    """

    out: Path
    epochs: int = 6
    batch: int = 6
    learning_rate: float = RATE
    seed: int = 0
    model: Path | None = None
    resume: bool = False
    quiet: bool = False

    @property
    def work(self) -> Path:
        """Where checkpoints are kept."""
        return self.out.parent / f".{self.out.stem}.training"

    @property
    def logs(self) -> Path:
        """Where what TensorBoard shows is kept."""
        return self.out.with_suffix(".tensorboard")


class CallJob:
    """What the loop trains: see `modalities.training.loop.Job`.

    Args:
        lessons: To learn from.
        cases: To score on.
        settings: Batch, rate and seed.

    Raises:
        UsageError: There is too little to learn from.
    """

    def __init__(self, lessons: Taught, cases: Sequence[Case], settings: CallSettings) -> None:
        lessons.check()
        self.lessons, self.cases, self.settings = lessons, cases, settings
        weights = weights_of(BASE)
        self.tokenizer = tokenizer_of(weights)
        self.featurizer = Featurizer(self.tokenizer, embeddings_of(weights))
        transformer = transformer_of(weights, add_pooling_layer=False, **_FAST)
        self.module = CallModule(transformer, seed=settings.seed)
        if settings.model:
            self.module.start_from(Adapter.load(settings.model))
        self.low = fast_bf16()
        if self.low:
            self.module.keep_base_in_bf16()
        self.prior = zero_shot_reader().reading
        self._epoch: tuple[int, list[list[Sample]]] = (-1, [])

    def groups(self) -> list[dict[str, Any]]:
        """Returns adapters, and heads with markers."""
        named = [(name, p) for name, p in self.module.named_parameters() if p.requires_grad]
        rate = self.settings.learning_rate
        return [
            {"params": [p for name, p in named if "lora_" in name], "lr": rate},
            {"params": [p for name, p in named if "lora_" not in name], "lr": rate * HEAD_RATE},
        ]

    def weights(self) -> Tensors:
        """Returns the trained tensors, by name."""
        return {name: p for name, p in self.module.named_parameters() if p.requires_grad}

    def batches(self, epoch: int) -> Sequence[list[Sample]]:
        """Returns an epoch's samples in batches of like length."""
        if self._epoch[0] != epoch:
            self._epoch = (epoch, self._drawn(epoch))
        return self._epoch[1]

    def _drawn(self, epoch: int) -> list[list[Sample]]:
        random = Random(f"{self.settings.seed} {epoch}")
        samples = self.lessons.drawn(random)
        size = self.settings.batch
        samples.sort(key=lambda s: max(map(_length, s.functions)) + 40 * random.random())
        made = [samples[i : i + size] for i in range(0, len(samples), size)]
        random.shuffle(made)
        return made

    def loss(self, batch: list[Sample]) -> torch.Tensor:
        """Returns the weighted sum of what is asked: which function, how often, what values."""
        self.module.train()
        entries = [entry for i, sample in enumerate(batch) for entry in self._entries(i, sample)]
        made = [entry.page for entry in entries]
        with torch.autocast("cpu", torch.bfloat16, enabled=self.low):
            hidden = self.module.each_hidden(made)
        lengths, seen = [entry.tokens for entry in entries], [entry.features for entry in entries]
        scores = self.module.scores(hidden, made, lengths, seen)
        scores = [beside(s, entry.opinion) for s, entry in zip(scores, entries, strict=True)]
        parts = loss(scores, [entry.target for entry in entries], [e.sample for e in entries])
        return sum((_WEIGHTS[name] * part for name, part in parts.items()), torch.zeros(()))

    def _entries(self, place: int, sample: Sample) -> Iterator[Entry]:
        request = read_request(self.tokenizer, sample.request)
        for function in sample.functions:
            calls = [arguments for name, arguments in sample.calls if name == function["name"]]
            listed = slots(function["parameters"])
            prior = self.prior(sample.request, function) if calls else None
            for page in pages(self.tokenizer, request, function):
                target = page_target(page, request, function, calls)
                features = self.featurizer(request, page, listed)
                added = opinion(request, page, listed, prior) if prior else None
                yield Entry(place, page, len(request.ids), target, features, added)

    def validate(self) -> dict[str, float]:
        """Returns the share of cases whose calls are all right."""
        reader, step = self.reader(), max(1, len(self.cases) // _VALIDATED)
        shown = self.cases[::step]
        good = [right(c, calls_of(reader.read(c.question, c.functions))) for c in shown]
        return {"score": sum(good) / max(1, len(good))}

    def reader(self) -> CallReader:
        """The module as it stands, ready to read."""
        self.module.eval()

        def hidden(ids: Any, types: Any) -> Any:
            rows = torch.from_numpy(ids[None]), torch.from_numpy(types[None])
            with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=self.low):
                made = self.module.hidden(*rows, torch.ones_like(rows[0]))
            return made[0].float().numpy()

        heads = {name: p.detach().float().numpy() for name, p in self.module.heads.items()}
        return CallReader(self.featurizer, hidden, heads, prior=self.prior)


def train_calls(lessons: Lessons, cases: Sequence[Case], settings: CallSettings) -> dict[str, Any]:
    """Trains an adapter and saves it.

    Args:
        lessons: To learn from.
        cases: Validation: they choose the best epoch and the temperature, and are never
            learnt from.
        settings: See `CallSettings`.

    Returns:
        What made the adapter and how it scored, as it stands in the file.

    Raises:
        UsageError: Too few cards.
        RunError: Interrupted, or the loss is no number; says how to go on.
        StorageError: The disk is full; the last checkpoint is intact.
    """
    job = CallJob(lessons, cases, settings)
    settings.work.mkdir(parents=True, exist_ok=True)
    loop = Loop(job, _loop_settings(lessons, settings))
    with stop_on_interrupt() as stop:
        history = loop.run(stop)
    about = {
        "base": BASE,
        "cards": len(lessons.cards),
        "requests": lessons.requests,
        "drill domains": len(lessons.domains),
        "seed": settings.seed,
        "epochs": settings.epochs,
        "batch": settings.batch,
        "learning_rate": settings.learning_rate,
        "started from": _digest(settings.model) if settings.model else "",
        "validation": [round(entry["score"], 4) for entry in history],
        "temperature": fitted_temperature(job.reader(), cases),
    }
    adapter = adapter_of(job.module)
    Adapter(adapter.updates, adapter.markers, adapter.heads, about).save(settings.out)
    shutil.rmtree(settings.logs, ignore_errors=True)  # of an earlier training
    keep_logs(settings.work, settings.logs)
    shutil.rmtree(settings.work, ignore_errors=True)
    return about


def _loop_settings(lessons: Lessons, settings: CallSettings) -> LoopSettings:
    content = hashlib.sha256(repr(lessons).encode()).hexdigest()
    identity = {"lessons": content, "seed": settings.seed, "batch": settings.batch}
    if settings.model:
        identity["model"] = _digest(settings.model)
    return LoopSettings(
        title="call encoder",
        folder=settings.work,
        epochs=settings.epochs,
        patience=settings.epochs,
        seed=settings.seed,
        identity=identity,
        resume=settings.resume,
        quiet=settings.quiet,
        warmup=0.03,
        clip=2.0,
        slower=slower(settings.learning_rate, RATE),
    )


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]


def _length(function: Any) -> int:
    return len(str(function)) // 5
