"""The call encoder in torch: MiniLM with low-rank adapters, markers and heads.

Hu et al., "LoRA", 2021 (https://arxiv.org/abs/2106.09685). The spans are trained with the
multi-label loss of Su et al., "Global Pointer", 2022 (https://arxiv.org/abs/2208.03054).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch.nn.functional import softplus

from shoal.errors import UsageError
from shoal.modalities.text.calls.adapter import Adapter
from shoal.modalities.text.calls.features import Features
from shoal.modalities.text.calls.layout import OPTION, Page
from shoal.modalities.text.calls.scoring import SHAPES, WIDTH, PageScores, score
from shoal.modalities.text.calls.targets import PageTarget

RANK = 19
"""With it the adapter's file stays under 2 MB."""

_NOTHING = 4.0
_INSIDE = "transformer.base_model.model."
_STEP = 32
_DOWN, _UP = ".lora_A.default.weight", ".lora_B.default.weight"
TARGETS = ("query", "key", "value", "attention.output.dense", "intermediate.dense", "output.dense")


class CallModule(torch.nn.Module):
    """A BERT encoder with trainable adapters, marker embeddings and heads.

    Args:
        transformer: A transformers BertModel; its own weights stay as they are.
        rank: Rank of the adapters.
        seed: Seed of their first values.
    """

    def __init__(self, transformer: Any, rank: int = RANK, seed: int = 0) -> None:
        from peft import LoraConfig, get_peft_model

        super().__init__()
        torch.manual_seed(seed)
        config = LoraConfig(r=rank, lora_alpha=rank, lora_dropout=0.0, target_modules=list(TARGETS))
        embeddings = transformer.embeddings.word_embeddings.weight
        self.transformer: Any = get_peft_model(transformer, config)
        self.markers = torch.nn.Parameter(embeddings[1 : OPTION + 1].detach().clone())
        width = embeddings.shape[1]
        self.heads = torch.nn.ParameterDict(
            {name: torch.nn.Parameter(_first(shape, width)) for name, shape in SHAPES.items()}
        )
        with torch.no_grad():  # some hundred spans stand against one "nothing"
            self.heads["null_bias"][0] = _NOTHING

    def start_from(self, adapter: Adapter) -> None:
        """Takes over what an earlier training has learnt.

        Raises:
            UsageError: The adapter is of another rank or base.
        """
        held = dict(self.named_parameters())
        arrays = {"markers": adapter.markers}
        arrays |= {f"heads.{name}": matrix for name, matrix in adapter.heads.items()}
        for name, (down, up) in adapter.updates.items():
            arrays |= {f"{_INSIDE}{name}{_DOWN}": down, f"{_INSIDE}{name}{_UP}": up}
        shapes = {name: array.shape for name, array in arrays.items()}
        if shapes != {name: tuple(p.shape) for name, p in held.items() if p.requires_grad}:
            raise UsageError("this adapter can't be trained on: its shapes are not those of today")
        with torch.no_grad():
            for name, array in arrays.items():
                held[name].copy_(torch.from_numpy(array))

    def keep_base_in_bf16(self) -> None:
        """Casts the base's frozen matrices once: autocast would cast them at every step."""
        for part in self.transformer.modules():
            if hasattr(part, "base_layer"):
                part.base_layer.to(torch.bfloat16)

    def hidden(self, ids: torch.Tensor, types: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Last hidden states: int64 (n, length) three times -> (n, length, width)."""
        embedded = self.transformer.get_base_model().embeddings.word_embeddings(ids)
        marked = (ids >= 1) & (ids <= OPTION)
        rows = self.markers[(ids - 1).clamp(0, OPTION - 1)].to(embedded.dtype)
        embedded = torch.where(marked.unsqueeze(-1), rows, embedded)
        made: torch.Tensor = self.transformer(
            inputs_embeds=embedded, token_type_ids=types, attention_mask=mask
        ).last_hidden_state
        return made

    def each_hidden(self, pages: Sequence[Page]) -> list[torch.Tensor]:
        """Last hidden states, float32 (padded length, width), of each page.

        The shorter half runs by itself: an eighth fewer tokens than padding all to the longest.
        """
        order = sorted(range(len(pages)), key=lambda i: len(pages[i].ids))
        made: dict[int, torch.Tensor] = {}
        for half in (order[: len(order) // 2], order[len(order) // 2 :]):
            if half:
                rows = self.hidden(*padded([pages[i] for i in half])).float()
                made |= dict(zip(half, rows, strict=True))
        return [made[i] for i in range(len(pages))]

    def scores(
        self,
        hidden: Sequence[torch.Tensor],
        pages: Sequence[Page],
        tokens: Sequence[int],
        features: Sequence[Features],
    ) -> list[PageScores]:
        """Scores pages from their hidden states; `tokens` are their requests' lengths."""
        heads, made = dict(self.heads.items()), []
        for i, (page, n, seen) in enumerate(zip(pages, tokens, features, strict=True)):
            tensors = {name: torch.from_numpy(array) for name, array in seen.arrays().items()}
            made.append(score(hidden[i], page, n, tensors, heads))
        return made


def padded(pages: Sequence[Page]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Ids, types and mask of pages, int64 (n, longest, rounded up to a multiple of 32).

    Each length of its own costs oneDNN kernels of its own: a third more memory, a fifth more time.
    """
    longest = _STEP * -(-max(len(page.ids) for page in pages) // _STEP)
    ids, types, mask = (np.zeros((len(pages), longest), dtype=np.int64) for _ in range(3))
    for row, page in enumerate(pages):
        ids[row, : len(page.ids)] = page.ids
        types[row, : len(page.ids)] = page.types
        mask[row, : len(page.ids)] = 1
    return torch.from_numpy(ids), torch.from_numpy(types), torch.from_numpy(mask)


def beside(scores: PageScores, opinion: tuple[Any, Any] | None) -> PageScores:
    """Scores with another reader's opinion on spans and options added, float32 arrays."""
    if opinion is None:
        return scores
    spans, options = map(torch.from_numpy, opinion)
    return replace(scores, spans=scores.spans + spans, options=scores.options + options)


def loss(
    scores: Sequence[PageScores], targets: Sequence[PageTarget], cases: Sequence[int]
) -> dict[str, torch.Tensor]:
    """Mean losses of a batch: which function, how often, which values.

    Args:
        scores: One for each page.
        targets: One for each page.
        cases: For each page, the number of the request it belongs to.
    """
    values = []
    several = []
    for given, target in zip(scores, targets, strict=True):
        if target.calls:
            wanted = -1.0 if target.calls > 1 else 1.0
            several.append(softplus(wanted * given.several))
        values += [_span_loss(given.spans[t.row], t.mask, t.groups) for t in target.spans]
        values += [_option_loss(given.options, rows, held) for rows, held in target.options]
    zero = scores[0].tool.sum() * 0
    return {
        "tool": _tool_loss(scores, targets, cases),
        "several": torch.stack(several).mean() if several else zero,
        "values": torch.stack(values).mean() if values else zero,
    }


def _tool_loss(
    scores: Sequence[PageScores], targets: Sequence[PageTarget], cases: Sequence[int]
) -> torch.Tensor:
    by_case: dict[int, list[int]] = {}
    for i, case in enumerate(cases):
        by_case.setdefault(case, []).append(i)
    losses = []
    for members in by_case.values():
        wrong = [scores[i].tool for i in members if not targets[i].calls]
        losses.append(_none_of(wrong) if wrong else scores[members[0]].tool * 0)
        losses += [softplus(-scores[i].tool) for i in members if targets[i].calls]
    return torch.stack(losses).sum() / len(by_case)


def _none_of(logits: list[torch.Tensor]) -> torch.Tensor:
    return softplus(torch.logsumexp(torch.stack(logits), 0))


def _span_loss(
    spans: torch.Tensor, mask: Any, groups: Sequence[Sequence[tuple[int, int]]]
) -> torch.Tensor:
    wrong = torch.from_numpy(mask).clone()
    for group in groups:
        for first, last in group:
            wrong[first, last] = False
    rest = spans[wrong]
    total = softplus(torch.logsumexp(rest, 0)) if len(rest) else spans.sum() * 0
    for group in groups:
        cells = torch.stack([spans[first, last] for first, last in group])
        total = total + softplus(-torch.logsumexp(cells, 0))
    return total


def _option_loss(options: torch.Tensor, rows: Sequence[int], held: Sequence[bool]) -> torch.Tensor:
    logits = options[list(rows)]
    right = torch.tensor(held, dtype=torch.bool)
    wrong = logits[~right]
    total = softplus(torch.logsumexp(wrong, 0)) if len(wrong) else logits.sum() * 0
    return total + softplus(-logits[right]).sum()


def _first(shape: Sequence[Any], width: int) -> torch.Tensor:
    sizes = [width if size == "hidden" else size for size in shape]
    if len(sizes) == 1:
        return torch.zeros(sizes)
    drawn: torch.Tensor = torch.randn(sizes) * 0.5 * max(sizes[0], WIDTH) ** -0.5
    return drawn


def adapter_of(module: CallModule) -> Adapter:
    """What was trained, as it is saved."""
    tensors = {name: p.detach().float().numpy() for name, p in module.named_parameters()}
    names = [name.removesuffix(_DOWN) for name in tensors if name.endswith(_DOWN)]
    updates = {  # alpha equals the rank: no further scale
        name.removeprefix(_INSIDE): (tensors[name + _DOWN], tensors[name + _UP]) for name in names
    }
    heads = {name: p.detach().float().numpy() for name, p in module.heads.items()}
    return Adapter(updates, tensors["markers"], heads, {})
