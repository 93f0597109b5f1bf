"""The student: static vectors, with or without a few transformer layers, and a head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch.nn.functional import normalize

from shoal.modalities.text.distill.guide import Guide, parameter_count
from shoal.modalities.text.distill.recipes import Recipe
from shoal.modalities.text.distill.shrink import smaller
from shoal.modalities.text.distill.static import Pairs, Tokens, principal, spread
from shoal.modalities.text.encoder_torch import pooled
from shoal.modalities.text.tune.network import TextNetwork
from shoal.modalities.training.head import solved_head

_READ = 20_000
"""Texts from which token vectors are averaged, at most."""

_DROPOUT = 0.1


@dataclass(frozen=True, slots=True)
class Traced:
    """What a student makes of texts on the way.

    Attributes:
        vector: float32 (n, d), before it is cut to unit length.
        hidden: Of each layer, the input first: float32 (n, tokens, D).
        attentions: Of each layer: float32 (n, heads, tokens, tokens); empty where the
            family does not tell.
    """

    vector: torch.Tensor
    hidden: tuple[torch.Tensor, ...] = ()
    attentions: tuple[torch.Tensor, ...] = ()


class Student(TextNetwork):
    """Token ids to logits.

    Args:
        body: A small transformer, or a table of token vectors.
        head: float32 (d, k).
        bias: float32 (k,).
        recipe: Its shape.
        like: The encoder whose pooling and padding it shares.
        basis: float32 (D, d), turns the teacher's vectors into the student's; None where
            both are of one kind.
    """

    def __init__(
        self,
        body: Any,
        head: torch.Tensor,
        bias: torch.Tensor,
        recipe: Recipe,
        like: Guide,
        basis: torch.Tensor | None = None,
    ) -> None:
        super().__init__()
        self.body, self.basis = body, basis
        self.layered = not isinstance(body, Tokens)
        self.pooling, self.pad = like.network.pooling, like.files.pad
        self.pairs = Pairs(recipe.buckets, head.shape[0])
        self.head = torch.nn.Parameter(head.clone())
        self.bias = torch.nn.Parameter(bias.clone())
        self.mixer = _mixer(recipe.mixer, *head.shape) if recipe.mixer else None

    def seen_as(self, vectors: torch.Tensor) -> torch.Tensor:
        """The teacher's vectors, float32 (n, D), as the student's own space shows them (n, d)."""
        return vectors if self.basis is None else vectors @ self.basis

    def traced(self, ids: torch.Tensor, mask: torch.Tensor, *, layers: bool = False) -> Traced:
        """Ids and mask, int64 (n, tokens), to vectors, and what the layers say if asked."""
        pairs = self.pairs(ids, mask)
        if not self.layered:
            return Traced(self.body(ids, mask) + pairs)
        asked = {"output_hidden_states": True, "output_attentions": True} if layers else {}
        said = self.body(input_ids=ids, attention_mask=mask, **asked)
        vector = pooled(said.last_hidden_state.float(), mask, self.pooling) + pairs
        return Traced(vector, *(layers_of(said) if layers else ()))

    def classify(self, vector: torch.Tensor) -> torch.Tensor:
        """Vectors float32 (n, d) to logits float32 (n, k)."""
        unit = normalize(vector, dim=1)
        logits = unit @ self.head + self.bias
        return logits if self.mixer is None else logits + self.mixer(unit)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Token ids and mask, int64 (n, tokens), to logits float32 (n, k)."""
        return self.classify(self.traced(ids, mask).vector)

    def groups(self, rate: float, head_rate: float) -> list[dict[str, Any]]:
        """Returns parameter groups: the layers, and all that is static."""
        layers = [p for p in self.body.parameters() if p.requires_grad] if self.layered else []
        listed = {id(p) for p in layers}
        rest = [p for p in self.parameters() if p.requires_grad and id(p) not in listed]
        groups = [{"params": rest, "lr": head_rate}]
        return [*groups, {"params": layers, "lr": rate}] if layers else groups

    def parameter_count(self) -> int:
        """Numbers that the student computes with, once its table is folded."""
        table = self.body.table.numel() if isinstance(self.body, Tokens) else 0
        change = getattr(self.body, "change", None)
        return parameter_count(self) + table - (0 if change is None else change.numel())

    def merged(self) -> Self:
        """Returns the student itself, its token vectors folded into one table."""
        if isinstance(self.body, Tokens):
            self.body.fold()
        else:
            self.body.set_attn_implementation("sdpa")
        return self.eval()


def layers_of(said: Any) -> tuple[tuple[torch.Tensor, ...], tuple[torch.Tensor, ...]]:
    """Returns a transformer's hidden states and attentions, as far as it tells them."""
    attentions = tuple(a for a in said.attentions or () if a is not None)
    return tuple(said.hidden_states or ()), attentions


def make_student(
    guide: Guide, recipe: Recipe, ids: Sequence[list[int]], logits: torch.Tensor
) -> Student:
    """Makes a student that starts from what the teacher knows.

    Args:
        guide: The teacher's network, or an encoder to start from.
        recipe: The student's shape.
        ids: Token ids of all texts to learn from.
        logits: float32 (n, k), what the teacher says of them.
    """
    some = ids[:_READ]
    head, bias = guide.head if guide.teaches else solved_head(guide.vectors(some), logits[:_READ])
    if recipe.layers:
        body = smaller(guide.network.transformer, recipe.layers, recipe.inner)
        body.set_attn_implementation("eager")  # the one that tells its attention
        body.get_input_embeddings().requires_grad_(False)
        for name, value in body.named_parameters():
            value.requires_grad_(value.requires_grad and not name.startswith("pooler."))
        return Student(body, head, bias, recipe, guide)
    means, counts = guide.token_means(some)
    basis = principal(means, counts.sqrt(), recipe.width)
    table = spread(means, counts, guide.words) @ basis
    seen = sorted({token for own in ids for token in own})
    return Student(Tokens(table, seen), basis.T @ head, bias, recipe, guide, basis)


def _mixer(inner: int, width: int, classes: int) -> torch.nn.Module:
    """A hidden layer that adds nothing at first."""
    last = torch.nn.Linear(inner, classes)
    torch.nn.init.zeros_(last.weight)
    torch.nn.init.zeros_(last.bias)
    return torch.nn.Sequential(
        torch.nn.LayerNorm(width), torch.nn.Linear(width, inner), torch.nn.GELU(),
        torch.nn.Dropout(_DROPOUT), last,
    )  # fmt: skip
