"""Class-activation maps: where in its last feature map a timm model sees something."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from shoal.errors import UsageError, unknown
from shoal.modalities.vision.maps import as_map

if TYPE_CHECKING:
    import torch

    from shoal.modalities.vision.teach.head import Head
    from shoal.modalities.vision.transform import Floats

METHODS = ("auto", "cam", "grad-cam")


@dataclass(frozen=True, slots=True, eq=False)
class Class:
    """A class of a model's own classifier.

    Attributes:
        index: Its number.
    """

    index: int

    def score(self, model: Any, features: torch.Tensor) -> torch.Tensor:
        """Its logit, from what `forward_features` gave of one picture."""
        logit: torch.Tensor = model.forward_head(features)[0, self.index]
        return logit


@dataclass(frozen=True, slots=True, eq=False)
class TaughtClass:
    """A class of a head that was taught on a model's unit embeddings.

    Attributes:
        head: The head.
        index: Its number.
    """

    head: Head
    index: int

    def score(self, model: Any, features: torch.Tensor) -> torch.Tensor:
        """Its logit, without the bias, from what `forward_features` gave of one picture."""
        import torch

        embedding = model.forward_head(features, pre_logits=True)[0]
        weights = torch.from_numpy(self.head.weights[:, self.index]).to(embedding)
        return torch.nn.functional.normalize(embedding, dim=0) @ weights


def class_map(
    model: Any, batch: Floats, seen: Class | TaughtClass, method: str = "auto"
) -> tuple[Floats, str]:
    """Computes where a class is seen.

    "cam" weighs the channels of the last map with the classifier's weights (Zhou et al.
    2016); it needs a linear classifier right after average pooling. "grad-cam" weighs them
    with the mean gradient of the class's score (Selvaraju et al. 2017), which is the same
    where "cam" applies, and works for any other head, those that were taught included. A
    transformer's map is taken before its last block: after it only the class token reaches
    the head. "auto" is "cam" where it applies, else "grad-cam".

    Args:
        model: A timm model in eval mode whose parameters need no gradients.
        batch: One picture, float32 (1, 3, h, w).
        seen: The class.
        method: One of `METHODS`.

    Returns:
        The map, float32 (rows, columns) with 0 for no and 1 for the strongest evidence; all
        zeros where nothing speaks for the class. And the method that was used.

    Raises:
        UnknownNameError: There is no such method.
        UsageError: "cam" does not apply to this model, or it has no map.
    """
    import torch

    if method not in METHODS:
        unknown("method", method, METHODS)
    inputs = torch.from_numpy(batch)
    with torch.no_grad():
        features = model.forward_features(inputs)
        linear = isinstance(seen, Class) and method != "grad-cam"
        heat = _cam(model, features, seen.index) if linear else None
    if heat is None and method == "cam":
        raise UsageError(
            f"'cam' does not apply to {type(model).__name__}",
            "the classifier is not linear after average pooling",
            "Use method='grad-cam'",
        )
    used = "grad-cam" if heat is None else "cam"
    if heat is None:
        heat = _grad_cam(model, inputs, features, partial(seen.score, model))
    return _normalised(heat), used


def _cam(model: Any, features: torch.Tensor, index: int) -> torch.Tensor | None:
    """The map, or None where the model's own logits show that the head is another kind."""
    import torch

    head = model.get_classifier()
    if features.ndim != 4 or not isinstance(head, torch.nn.Linear):
        return None
    maps = as_map(model, features)
    if head.in_features != maps.shape[1]:
        return None
    own, linear = model.forward_head(features), head(maps.mean(dim=(2, 3)))
    if not torch.allclose(own, linear, rtol=1e-3, atol=1e-3):
        return None
    return torch.einsum("c,chw->hw", head.weight[index], maps[0])


def _grad_cam(
    model: Any,
    inputs: torch.Tensor,
    features: torch.Tensor,
    score: Callable[[torch.Tensor], torch.Tensor],
) -> torch.Tensor:
    import torch

    with torch.enable_grad():
        if features.ndim == 3 and len(getattr(model, "blocks", ())):
            leaf, last = _before_last_block(model, inputs)
        else:
            leaf = last = features.detach().requires_grad_()
        gradient = torch.autograd.grad(score(last), leaf)[0]
    maps, slopes = as_map(model, leaf.detach())[0], as_map(model, gradient)[0]
    return torch.einsum("c,chw->hw", slopes.mean(dim=(1, 2)), maps)


def _before_last_block(model: Any, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The last block's input tokens, ready for gradients, and the features that follow."""
    caught: list[torch.Tensor] = []

    def catch(_: Any, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        caught.append(arguments[0].detach().requires_grad_())
        return (caught[0], *arguments[1:])

    handle = model.blocks[-1].register_forward_pre_hook(catch)
    try:
        features = model.forward_features(inputs)
    finally:
        handle.remove()
    return caught[0], features


def _normalised(heat: torch.Tensor) -> Floats:
    positive = heat.clamp(min=0)
    scaled: Floats = (positive / positive.max().clamp(min=1e-12)).float().numpy()
    return scaled
