"""Conversations as the model reads them: token ids, and which of them are learnt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.utils.rnn import pad_sequence

from shoal.errors import RunError, UsageError
from shoal.modalities.text.backends import templates
from shoal.modalities.text.backends.transformers_load import chat_template
from shoal.modalities.text.prompts import neutralise
from shoal.modalities.text.tune.generator_data import Dialogues, Turns

IGNORED = -100
"""The label of tokens that are read but not learnt; torch's cross entropy skips it."""

_PLAIN = (
    "{% for m in messages %}{{ m['role'] | capitalize }}: {{ m['content'] | trim }}"
    "{{ 'END' if m['role'] == 'assistant' else '' }}\n{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}"
)
"""`templates.plain` as a template, with the tokenizer's end token in place of END."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One conversation.

    Attributes:
        ids: `(tokens,)`.
        labels: `(tokens,)`, the id where it is part of an answer, else `IGNORED`.
    """

    ids: list[int]
    labels: list[int]

    @property
    def first(self) -> int:
        """The place of the first token that is learnt."""
        return next(i for i, label in enumerate(self.labels) if label != IGNORED)


def with_template(tokenizer: Any) -> bool:
    """Sees to a chat template: ChatML or plain lines where the tokenizer has none.

    It is saved with the tuned model, so that it is asked as it was taught.

    Returns:
        Whether it is the plain one.

    Raises:
        UsageError: The tokenizer has no token that ends a text.
    """
    if tokenizer.eos_token is None:
        raise UsageError(
            "the base model's tokenizer has no end token",
            "the tuned model could never end its answer",
            "Name one as eos_token in its tokenizer_config.json",
        )
    own = chat_template(tokenizer)
    tokenizer.chat_template = own or _PLAIN.replace("END", tokenizer.eos_token)
    return not own


def samples_of(dialogues: Dialogues, tokenizer: Any, longest: int) -> tuple[list[Sample], str]:
    """Tokenises conversations with the model's own chat template.

    Returns:
        The samples of at most `longest` tokens, and a sentence on those left out, or "".

    Raises:
        UsageError: The template refuses a conversation, or all are too long.
    """
    samples, long = [], []
    control = _control(tokenizer)
    for line, turns in zip(dialogues.lines, dialogues.turns, strict=True):
        try:
            sample = _sample(_broken_up(turns, control), tokenizer)
        except RunError as error:
            raise UsageError(
                f"{dialogues.name}, line {line}, does not fit the base model's chat template",
                error.why,
                "Take the row out, or its system message",
            ) from error
        if len(sample.ids) <= longest:
            samples.append(sample)
        else:
            long.append(line)
    if not samples:
        raise UsageError(
            f"all {len(long)} conversations of {dialogues.name} are too long",
            f"the limit is {longest} tokens",
            "Raise --longest",
        )
    return samples, _too_long(dialogues, long, longest)


def stacked(samples: Sequence[Sample]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Samples to ids, mask and labels, each int64 (n, longest)."""
    ids = [torch.tensor(sample.ids) for sample in samples]
    labels = [torch.tensor(sample.labels) for sample in samples]
    masks = [torch.ones_like(row) for row in ids]
    return _padded(ids, 0), _padded(masks, 0), _padded(labels, IGNORED)


def _padded(rows: list[torch.Tensor], value: int) -> torch.Tensor:
    return pad_sequence(rows, batch_first=True, padding_value=value)


def prompt_text(turns: Turns, tokenizer: Any) -> str:
    """Renders what stands before the last answer, ready for it."""
    return _render(turns[:-1], tokenizer, ready=True)


def _sample(turns: Turns, tokenizer: Any) -> Sample:
    whole = _render(turns, tokenizer)
    spans = [
        _span(turns, place, whole, tokenizer)
        for place, turn in enumerate(turns)
        if turn["role"] == "assistant"
    ]
    read = tokenizer(whole, add_special_tokens=False, return_offsets_mapping=True)
    ids, ends = list(read["input_ids"]), [end for _, end in read["offset_mapping"]]
    special = set(tokenizer.all_special_ids) | _special(tokenizer)
    labels = [IGNORED] * len(ids)
    closed = False
    for start, stop in spans:
        closed = False
        for place, end in enumerate(ends):
            if start < end <= stop and not closed:
                labels[place] = ids[place]
                closed = ids[place] in special  # what stands after it is the template's
    if not closed:  # a template without an end: the model could not learn to stop
        ids, labels = [*ids, tokenizer.eos_token_id], [*labels, tokenizer.eos_token_id]
    return Sample(ids, labels)


def _span(turns: Turns, place: int, whole: str, tokenizer: Any) -> tuple[int, int]:
    """Where in the whole text an answer begins and ends, in characters."""
    before = _render(turns[:place], tokenizer, ready=True)
    after = _render(turns[: place + 1], tokenizer)
    return _shared(before, whole), _shared(after, whole)


def _special(tokenizer: Any) -> set[int]:
    added = tokenizer.added_tokens_decoder.items()
    return {number for number, token in added if token.special}


def _control(tokenizer: Any) -> frozenset[str]:
    """Strings that would forge a turn or end one."""
    added = tokenizer.added_tokens_decoder.values()
    special = {token.content for token in added if token.special}
    return templates.marks(tokenizer.chat_template) | special | set(tokenizer.all_special_tokens)


def _broken_up(turns: Turns, control: frozenset[str]) -> Turns:
    """Rows are data: control tokens in them are made harmless, as in every prompt."""
    return tuple({**turn, "content": neutralise(turn["content"], control)} for turn in turns)


def _render(turns: Turns, tokenizer: Any, *, ready: bool = False) -> str:
    def apply(messages: templates.Messages) -> str:
        try:
            text: str = tokenizer.apply_chat_template(
                list(messages), tokenize=False, add_generation_prompt=ready
            )
        except Exception as error:  # a template is a program: it raises what it likes
            raise RunError("the chat template refuses the turns", str(error)) from error
        return text

    return templates.rendered(apply, turns)


def _shared(one: str, other: str) -> int:
    """Number of characters that two texts begin with in common."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def _too_long(dialogues: Dialogues, lines: list[int], longest: int) -> str:
    if not lines:
        return ""
    shown = ", ".join(map(str, lines[:5])) + (" …" if len(lines) > 5 else "")
    return (
        f"{len(lines)} conversations of {dialogues.name} have more than {longest} tokens: "
        f"left out (lines {shown})"
    )
