"""Saves a tuned generator: all of its files are made aside, then take their place at once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shoal.errors import RunError, StorageError
from shoal.extras import installed
from shoal.files import sha256_file, write_atomic
from shoal.modalities.policy.card import machine
from shoal.modalities.quiet import quiet_transformers
from shoal.modalities.sources import catalog
from shoal.modalities.text.backends.llamacpp import LlamaCpp
from shoal.modalities.text.tune.card import curves, versions
from shoal.modalities.text.tune.generator_data import Turns
from shoal.modalities.text.tune.generator_parity import GeneratorParity, generator_parity
from shoal.modalities.text.tune.generator_plots import loss_curve
from shoal.modalities.text.tune.generator_settings import GeneratorSettings
from shoal.modalities.text.tune.generator_split import DialogueSplit
from shoal.modalities.text.tune.gguf_export import export_gguf, save_merged
from shoal.modalities.training.card import card, listed
from shoal.modalities.training.progress import say

_CONTEXT = 4096
"""Tokens that the exported model is loaded with to compare it."""


@dataclass(frozen=True, slots=True)
class TunedGenerator:
    """A trained generator that is not saved yet.

    Attributes:
        model: With its adapters, holding the best weights.
        tokenizer: With a chat template.
        plain: Whether that is the plain template, for want of an own one.
        split: The conversations.
        before: The held-out figures of the base model.
        history: One entry an epoch.
        command: What to type to repeat it.
        seconds: How long it took.
    """

    model: Any
    tokenizer: Any
    plain: bool
    split: DialogueSplit
    before: dict[str, float]
    history: list[dict[str, float]]
    command: str
    seconds: float

    @property
    def best(self) -> dict[str, float]:
        """The entry of the epoch whose weights are kept."""
        return max(self.history, key=lambda entry: entry["score"])

    def line(self) -> str:
        """Says in one sentence what the tuning came to."""
        before, best = self.before, self.best
        return (
            f"Held-out answers ({len(self.split.validation)} conversations): loss "
            f"{best['loss']:.3f} after tuning, {before['loss']:.3f} before; "
            f"{100 * best['accuracy']:.1f} % of their tokens are the likeliest, "
            f"{100 * before['accuracy']:.1f} % before."
        )


def save_generator(result: TunedGenerator, settings: GeneratorSettings) -> Path:
    """Merges, exports, compares and saves a generator; prints its figures.

    Returns:
        The folder.

    Raises:
        UsageError: The folder holds something that is no tuned generator.
        RunError: The converter can't take the model, or llama.cpp can't run the result.
        StorageError: The disk is full; what was there before is intact.
    """
    with settings.place.filling() as made:
        _Saving(result, settings, made).write()
    return settings.folder


class _Saving:
    """Fills a new folder."""

    def __init__(self, result: TunedGenerator, settings: GeneratorSettings, folder: Path) -> None:
        self.result, self.settings, self.folder = result, settings, folder

    def write(self) -> None:
        """Writes every file of the generator, generator.json last."""
        result, settings = self.result, self.settings
        self._adapter()
        with quiet_transformers():
            merged = result.model.merge_and_unload().cpu().eval()
        near = None
        if settings.quantize == "none":
            save_merged(merged, result.tokenizer, self.folder / "model")
        else:
            export_gguf(merged, result.tokenizer, self._gguf, settings.quantize)
            near = self._compared(merged)
        if installed("matplotlib"):
            loss_curve(self.folder / "learning_curve.png", result.history, settings.name)
        lines = [result.line(), *([near.line()] if near else [])]
        write_atomic(self.folder / "card.md", self._card(lines))
        write_atomic(self.folder / "generator.json", self._spec(merged, near))
        if not settings.quiet:
            for line in lines:
                say(line)

    @property
    def _gguf(self) -> Path:
        return self.folder / "model.gguf"

    def _adapter(self) -> None:
        folder = self.folder / "adapter"
        try:
            with quiet_transformers():
                self.result.model.save_pretrained(folder)
        except Exception as error:  # safetensors raises its own type for a full disk
            raise StorageError(f"could not save the adapter in {folder}", str(error)) from error
        (folder / "README.md").unlink(missing_ok=True)  # peft's form; card.md says it all

    def _compared(self, merged: Any) -> GeneratorParity | None:
        engine = LlamaCpp(self._gguf, _CONTEXT)
        prompts = self._prompts()
        if not prompts:
            return None
        near = generator_parity(engine, merged, self.result.tokenizer, prompts)
        if not near.length:
            raise RunError(
                f"llama.cpp loads {self._gguf.name} but writes nothing",
                "the exported model is of no use",
                "Tune with another --quantize",
            )
        return near

    def _prompts(self) -> Sequence[Turns]:
        split = self.result.split
        return (split.validation.turns + split.train.turns)[: self.settings.parity]

    def _spec(self, merged: Any, near: GeneratorParity | None) -> str:
        known = catalog().get(self.settings.base)
        source = {
            "role": "text", "licence": known.licence if known else "unknown",
            "about": f"tuned from {self.settings.base} on {len(self.result.split.train)} rows",
            "parameters": merged.num_parameters(), **self._file(),
        }  # fmt: skip
        content = {
            "format": "shoal-generator-1", "source": source, "training": self._training(),
            "scores": {"before": self.result.before, "best": self.result.best},
            "parity": near.facts() if near else None, "versions": versions(),
        }  # fmt: skip
        return json.dumps(content, indent=1) + "\n"

    def _file(self) -> dict[str, Any]:
        if self.settings.quantize == "none":
            return {"file": "model"}
        path = self._gguf
        return {"file": path.name, "sha256": sha256_file(path), "bytes": path.stat().st_size}

    def _training(self) -> dict[str, Any]:
        result, settings = self.result, self.settings
        return {
            "command": result.command, "base": settings.base, "rank": settings.rank,
            "learning_rate": settings.learning_rate, "seed": settings.seed,
            "rows": len(result.split.train), "validation_rows": len(result.split.validation),
            "epochs": len(result.history), "seconds": round(result.seconds),
            "quantize": settings.quantize, "machine": machine(),
        }  # fmt: skip

    def _card(self, lines: Sequence[str]) -> str:
        result = self.result
        about = f"A language model: {self.settings.base}, tuned with low-rank adapters."
        history = [json.dumps({k: round(v, 5) for k, v in e.items()}) for e in result.history]
        held = "The held-out rows also chose the epoch, so these figures are a little too good."
        template = "plain lines: the base knows no turns" if result.plain else "the base model's"
        sections = {
            "Make it again": [f"    {result.command}"],
            "Figures": [*lines, held],
            "Chat template": [f"It is {template}; the GGUF file carries it."],
            "Rows": [f"- {note}." for note in result.split.notes] or ["Nothing was left out."],
            "By epoch": [f"- {line}" for line in history],
            **curves(self.folder),
            "Training": listed(self._training()),
        }
        return card(self.settings.name, about, sections, versions())
