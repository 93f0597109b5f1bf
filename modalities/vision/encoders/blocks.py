"""A timm model with fewer and narrower blocks than its architecture has.

It is for models made of stages of inverted residual blocks (Sandler et al. 2018, MobileNetV2):
all of timm's EfficientNet, MobileNet and MNASNet families. What comes out of a stage keeps its
width, so the maps of the whole model and of the smaller one can be held against each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import nn

Shape = tuple[tuple[int, ...], ...]
"""For each stage, the inner width of each block that is kept; 0 where it has none to change."""

_MULTIPLE = 8
"""Widths are multiples of it, which processors compute fastest."""


def shape_of(model: Any) -> Shape | None:
    """Returns the shape of a timm model, or None where it has no such stages."""
    from torch import nn

    stages = getattr(model, "blocks", None)
    if not isinstance(stages, nn.Sequential) or not len(stages):
        return None
    if not all(isinstance(stage, nn.Sequential) and len(stage) for stage in stages):
        return None
    blocks: list[list[Any]] = [list(stage.children()) for stage in stages]
    if not all(hasattr(block, "has_skip") for own in blocks for block in own):
        return None
    return tuple(tuple(_inner(block) for block in own) for own in blocks)


def smaller_shape(shape: Shape, depth: int, inner: float) -> Shape:
    """Returns a shape with at most so many blocks a stage, each so much narrower.

    Args:
        shape: From `shape_of`.
        depth: Blocks a stage, at most.
        inner: Part of each block's inner width.
    """
    kept = [[own[place] for place in _taken(len(own), min(depth, len(own)))] for own in shape]
    return tuple(tuple(_narrower(width, inner) for width in own) for own in kept)


def fits(shape: Shape, model: Any) -> bool:
    """Whether `shrink` can give a model this shape."""
    own = shape_of(model)
    if own is None or len(own) != len(shape):
        return False
    for ours, wanted in zip(own, shape, strict=True):
        if not 0 < len(wanted) <= len(ours):
            return False
        kept = [ours[place] for place in _taken(len(ours), len(wanted))]
        if not all(
            a == b or (0 < b < a and b % _MULTIPLE == 0) for a, b in zip(kept, wanted, strict=True)
        ):
            return False
    return True


def shrink(model: Any, shape: Shape) -> None:
    """Takes blocks and inner channels out of a model, in place, until it has that shape.

    Blocks are kept at even distances, the first one of each stage included, which changes the
    width (Sanh et al. 2019, DistilBERT, do so with layers). Of the channels those stay that
    say most: by the scale of the normalisation before the last convolution (Liu et al. 2017,
    "Network Slimming") times the weights that read them.

    Args:
        model: A timm model; `fits(shape, model)`.
        shape: The shape.
    """
    from torch import nn

    for number, (stage, widths) in enumerate(zip(model.blocks, shape, strict=True)):
        blocks = [stage[place] for place in _taken(len(stage), len(widths))]
        for block, width in zip(blocks, widths, strict=True):
            if width and width < _inner(block):
                _narrow(block, width)
        model.blocks[number] = nn.Sequential(*blocks)


def _taken(deep: int, count: int) -> list[int]:
    return [place * deep // count for place in range(count)]


def _narrower(width: int, inner: float) -> int:
    """A multiple, at least one of it; 0 stays 0."""
    if not width or inner >= 1:
        return width
    return min(width, max(_MULTIPLE, round(width * inner / _MULTIPLE) * _MULTIPLE))


def _inner(block: Any) -> int:
    """The inner width of an inverted residual block; 0 for any other block."""
    from timm.models._efficientnet_blocks import InvertedResidual, SqueezeExcite
    from torch import nn

    if type(block) is not InvertedResidual:
        return 0
    plain = isinstance(block.se, nn.Identity) or type(block.se) is SqueezeExcite
    width = int(block.conv_dw.out_channels)
    alone = block.conv_dw.groups == width == block.conv_pw.out_channels
    dense = block.conv_pw.groups == block.conv_pwl.groups == 1
    return width if plain and alone and dense and isinstance(block.aa, nn.Identity) else 0


def _narrow(block: Any, width: int) -> None:
    from torch import nn

    scale = block.bn2.weight.detach().abs() + block.bn2.bias.detach().clamp(min=0)
    read = block.conv_pwl.weight.detach().flatten(2).square().sum((0, 2)).sqrt()
    kept = (scale * read).topk(width).indices.sort().values
    _cut(block.conv_pw, kept, 0)
    _cut(block.conv_dw, kept, 0)
    block.conv_dw.in_channels = block.conv_dw.groups = width
    _cut_norm(block.bn1, kept)
    _cut_norm(block.bn2, kept)
    _cut(block.conv_pwl, kept, 1)
    if not isinstance(block.se, nn.Identity):
        _cut(block.se.conv_reduce, kept, 1)
        _cut(block.se.conv_expand, kept, 0)


def _cut(conv: Any, kept: torch.Tensor, axis: int) -> None:
    """Keeps some output (axis 0) or input channels (axis 1) of a convolution."""
    conv.weight = _part(conv.weight, kept, axis)
    if axis:
        conv.in_channels = len(kept)
        return
    conv.out_channels = len(kept)
    if conv.bias is not None:
        conv.bias = _part(conv.bias, kept, 0)


def _cut_norm(norm: Any, kept: torch.Tensor) -> None:
    norm.num_features = len(kept)
    norm.weight, norm.bias = _part(norm.weight, kept, 0), _part(norm.bias, kept, 0)
    norm.running_mean = norm.running_mean[kept].clone()
    norm.running_var = norm.running_var[kept].clone()


def _part(value: torch.Tensor, kept: torch.Tensor, axis: int) -> nn.Parameter:
    from torch import nn

    return nn.Parameter(value.detach().index_select(axis, kept), value.requires_grad)
