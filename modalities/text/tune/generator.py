"""Tunes a causal language model on conversations and saves what runs, with its card."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from shoal.errors import UsageError
from shoal.modalities.sources import locate
from shoal.modalities.text.backends.transformers_load import load_model
from shoal.modalities.text.tune.generator_artifact import TunedGenerator, save_generator
from shoal.modalities.text.tune.generator_data import Dialogues, check_dialogues, fingerprint
from shoal.modalities.text.tune.generator_job import GeneratorJob, import_peft, with_adapters
from shoal.modalities.text.tune.generator_samples import samples_of, with_template
from shoal.modalities.text.tune.generator_settings import RATE, GeneratorSettings
from shoal.modalities.text.tune.generator_split import DialogueSplit, split_dialogues
from shoal.modalities.text.tune.gguf_export import as_plain, check_convertible
from shoal.modalities.training.interrupts import stop_on_interrupt
from shoal.modalities.training.loop import Loop, LoopSettings
from shoal.modalities.training.options import again, anew, slower
from shoal.modalities.training.progress import say


def tune_generator(
    dialogues: Dialogues,
    settings: GeneratorSettings,
    *,
    validation: Dialogues | None = None,
    source: str = "FILE",
    more: str = "",
) -> Path:
    """Tunes a causal language model with low-rank adapters and saves what runs.

    The adapters (Hu et al. 2021) are merged into the weights, these are written as GGUF by
    llama.cpp's own converter, loaded in llama.cpp and compared with the trained model.

    Args:
        dialogues: Conversations, 10 to 100,000; the assistant's words are learnt.
        settings: See `GeneratorSettings`.
        validation: Conversations to choose by; by default a part is held out.
        source: What `dialogues` was read from, for the card's command.
        more: Other options of that command, such as "--val FILE".

    Returns:
        The folder; open it with `ChatShoal(model=settings.name)`.

    Raises:
        UsageError: The rows can't be learnt from, or a setting does not fit.
        MissingModelError: The base model is not on this machine.
        MissingExtraError: The extra `train` is not installed.
        RunError: Interrupted, the loss is no number, or the model can't be exported.
        StorageError: The folder can't be written, which is tried before anything is trained,
            or the disk is full; the last checkpoint is intact.
    """
    import_peft()
    check_dialogues(dialogues)
    _check_grid(settings)
    split = split_dialogues(dialogues, validation, settings.held_out, settings.seed)
    settings.place.prepare(resume=settings.resume)
    return save_generator(_trained(split, settings, settings.command(source, more)), settings)


def _check_grid(settings: GeneratorSettings) -> None:
    """A base of 4 bits, rounded to 4 bits again, is the base: what was learnt is lost."""
    if settings.quantize.startswith("q4") and locate(settings.base).suffix.lower() == ".gguf":
        raise UsageError(
            f"--quantize {settings.quantize} would undo the tuning",
            "the weights of a GGUF file already lie on a coarse grid, and what tuning adds is "
            "smaller than its steps",
            "Use q8_0 or f16, or a folder of full weights as the base",
        )


def _trained(split: DialogueSplit, settings: GeneratorSettings, command: str) -> TunedGenerator:
    began = time.perf_counter()
    tokenizer, model = load_model(locate(settings.base))
    as_plain(model)
    plain = with_template(tokenizer)
    train, long = samples_of(split.train, tokenizer, settings.longest)
    held, held_long = samples_of(split.validation, tokenizer, settings.longest)
    split = replace(split, notes=(*split.notes, *(note for note in (long, held_long) if note)))
    for note in split.notes:
        say(f"Note: {note}.")
    if settings.quantize != "none":
        check_convertible(model, tokenizer)
    job = GeneratorJob(with_adapters(model, settings), train, held, settings)
    before = job.validate()
    loop = Loop(job, _loop_settings(split, settings, command, len(train)))
    spent = loop.seconds  # of the runs before this one was resumed
    with stop_on_interrupt() as stop:
        history = loop.run(stop)
    return TunedGenerator(
        model=job.model, tokenizer=tokenizer, plain=plain, split=split, before=before,
        history=history, command=command, seconds=spent + time.perf_counter() - began,
    )  # fmt: skip


def _loop_settings(
    split: DialogueSplit, settings: GeneratorSettings, command: str, rows: int
) -> LoopSettings:
    identity = {
        "training rows": fingerprint(split.train),
        "validation rows": fingerprint(split.validation),
        **settings.shaping(),
    }
    return LoopSettings(
        title=settings.name, folder=settings.work, epochs=settings.epochs or epochs_for(rows),
        patience=settings.patience, checkpoint_every=settings.checkpoint_every,
        seed=settings.seed, identity=identity, again=again(command, settings.out),
        anew=anew(command, settings.out),
        slower=slower(settings.learning_rate, RATE),
        resume=settings.resume, quiet=settings.quiet, weight_decay=0.0,
    )  # fmt: skip


def epochs_for(rows: int) -> int:
    """Passes over so many conversations: fewer of them, more passes."""
    return int(np.clip(6_000 // rows, 2, 15))
