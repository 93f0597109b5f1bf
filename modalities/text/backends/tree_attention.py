"""All options in one forward pass: packed behind the prompt, each seeing only its own path.

The tree mask of Miao et al., "SpecInfer", 2023 (https://arxiv.org/abs/2305.09781), used to
score given continuations instead of drafted ones.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from shoal.modalities.text.backends.options import OptionTree, Path

if TYPE_CHECKING:
    import torch


def tree_logprobs(model: Any, tree: OptionTree) -> list[tuple[float, int]]:
    """Scores the options of a tree.

    Args:
        model: A causal language model in eval mode.
        tree: Prompt and options as token ids.

    Returns:
        Sum of log-probabilities and number of tokens, for each option.
    """
    import torch

    with torch.inference_mode():
        return _packed(model, tree) if _packs(model, tree) else _one_by_one(model, tree)


def _packs(model: Any, tree: OptionTree) -> bool:
    """Whether mask and positions mean here what a tree needs: full attention, free positions."""
    kinds = set(getattr(model.config, "layer_types", None) or ["full_attention"])
    window = getattr(model.config, "sliding_window", None) or float("inf")
    length = len(tree.prompt) + max(map(len, tree.tails))
    attends = kinds <= {"full_attention", "sliding_attention"} and length <= window
    return attends and "position_ids" in inspect.signature(model.forward).parameters


def _packed(model: Any, tree: OptionTree) -> list[tuple[float, int]]:
    import torch

    children = tree.children
    nodes: list[Path] = [(*path, token) for path, nexts in children.items() for token in nexts]
    places = {node: index for index, node in enumerate(nodes)} | {(): -1}
    start, device = len(tree.prompt), model.device
    ids = torch.tensor([[*tree.prompt, *(node[-1] for node in nodes)]], device=device)
    positions = [*range(start), *(start + len(node) - 1 for node in nodes)]
    logits = model(
        input_ids=ids,
        position_ids=torch.tensor([positions], device=device),
        attention_mask=_mask(start, nodes, places, model.dtype).to(device),
        use_cache=False,
        logits_to_keep=len(nodes) + 1,
    ).logits[0]
    logprobs = logits.float().log_softmax(-1)
    return tree.sums(lambda path: float(logprobs[places[path[:-1]] + 1, path[-1]]))


def _mask(
    start: int, nodes: list[Path], places: dict[Path, int], dtype: torch.dtype
) -> torch.Tensor:
    """Returns (1, 1, tokens, tokens), 0 where a token sees another and very low elsewhere."""
    import torch

    size = start + len(nodes)
    sees = torch.ones(size, size, dtype=torch.bool).tril()
    sees[start:, start:] = False
    for row, node in enumerate(nodes):
        line = [start + places[node[:depth]] for depth in range(1, len(node) + 1)]
        sees[start + row, line] = True
    mask = torch.zeros(size, size, dtype=dtype)
    return mask.masked_fill(~sees, torch.finfo(dtype).min)[None, None]


def _one_by_one(model: Any, tree: OptionTree) -> list[tuple[float, int]]:
    import torch

    found = []
    for tail in tree.tails:
        ids = torch.tensor([[*tree.prompt, *tail]], device=model.device)
        logprobs = model(input_ids=ids, use_cache=False).logits[0].float().log_softmax(-1)
        rows = logprobs[-len(tail) - 1 : -1]
        found.append((float(rows[range(len(tail)), list(tail)].sum()), len(tail)))
    return found
