"""Between TimmExtractor's arguments and a policy's spec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shoal.errors import UsageError
from shoal.modalities.policy.spec import Extractor

CLASS, KWARGS = "features_extractor_class", "features_extractor_kwargs"


def describe_extractor(given: Mapping[str, Any]) -> dict[str, Any] | None:
    """Returns the spec of a policy's extractor; None where it is not a TimmExtractor.

    Args:
        given: The policy's arguments.

    Raises:
        UsageError: It was given weights of its own, which plain data can't name.
    """
    kind = given.get(CLASS)
    if kind is None or not kind.__module__.startswith("shoal."):
        return None
    from shoal.modalities.vision.observing.extractor import TimmExtractor

    if kind is not TimmExtractor:
        return None
    told = dict(given.get(KWARGS) or {})
    model, frozen = told.get("model", "efficientnet-lite0"), told.get("frozen", True)
    if frozen and told.get("weights") is not None:
        raise UsageError(
            f"cannot save a policy that sees through {told['weights']!r}",
            "only a model's name travels, and its weights are not among the policy's",
            "Train the encoder (frozen=False), or name a model without weights=",
        )
    digest = _sha256(model) if frozen else None
    return {"model": model, "frozen": frozen, "weights_sha256": digest}


def extractor_kwargs(extractor: Extractor, *, restored: bool = False) -> dict[str, Any]:
    """Returns the arguments stable-baselines3 takes for an extractor.

    Args:
        extractor: From a spec.
        restored: The policy's weights follow, so that a trained encoder needs no others.

    Raises:
        ValueError: The frozen encoder here is not the one the policy was trained with.
        MissingModelError: The encoder's weights are not on this machine.
    """
    from shoal.modalities.vision.observing.extractor import TimmExtractor

    told: dict[str, Any] = {"model": extractor.model, "frozen": extractor.frozen}
    wanted = extractor.weights_sha256
    if extractor.frozen and wanted and _sha256(extractor.model) != wanted:
        raise ValueError(f"it was trained with other weights of {extractor.model!r}")
    if restored and not extractor.frozen:
        told["weights"] = "random"
    return {CLASS: TimmExtractor, KWARGS: told}


def _sha256(model: str) -> str:
    from shoal.modalities.vision.encoders.timm_weights import resolve

    return resolve(model).sha256
