"""How far probabilities can be trusted: figures, and a reliability diagram."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.agents.router.head import Head
from shoal.agents.router.risk import achieved
from shoal.agents.router.router import Router
from shoal.statistics import calibration_error

BINS = 10


def figures_of(sure: NDArray[Any], right: NDArray[Any], least: float = 0.0) -> dict[str, Any]:
    """Returns calibration, risk and coverage of some decisions.

    Args:
        sure: (n,), probability of each chosen expert.
        right: (n,), whether it was the right one.
        least: Threshold under which the router abstains.

    Returns:
        "n", "ece" (15 bins), "risk" and "coverage" at the threshold, and "bins": for each
        that is not empty its tasks, mean probability and share of right ones.
    """
    sure, right = np.asarray(sure, np.float32), np.asarray(right, bool)
    kept = achieved(sure, right, least)
    ece = calibration_error(sure, right) if len(sure) else 0.0
    return {
        "n": len(sure), "ece": ece, "risk": kept.risk, "coverage": kept.coverage,
        "bins": _bins(sure, right),
    }  # fmt: skip


def _bins(sure: NDArray[Any], right: NDArray[Any]) -> list[dict[str, float]]:
    place = np.minimum((sure * BINS).astype(int), BINS - 1)
    return [
        {"n": int((place == b).sum()), "sure": float(sure[place == b].mean()),
         "right": float(right[place == b].mean())}
        for b in np.unique(place)
    ]  # fmt: skip


def report_figures(head: Head, max_risk: float) -> dict[str, Any]:
    """Calibration, risk and coverage of a head on its held-out decisions, at a risk's threshold."""
    sure, right = head.held_out[:, 0], head.held_out[:, 1]
    least = Router(head, max_risk=max_risk).threshold
    return {"max_risk": max_risk, "threshold": least, **figures_of(sure, right, least)}


def reliability(axes: Any, figures: dict[str, Any], title: str) -> None:
    """Draws how often the router was right by how sure it was.

    DeGroot and Fienberg 1983; a calibrated router lies on the diagonal. Dots are as large as
    the tasks they stand for are many.

    Args:
        axes: matplotlib's.
        figures: From `figures_of`.
        title: What stands above.
    """
    axes.plot([0, 1], [0, 1], "--", color="tab:gray", linewidth=1)
    bins = figures["bins"]
    sizes = [10 + 400 * one["n"] / max(1, figures["n"]) for one in bins]
    axes.scatter(
        [b["sure"] for b in bins], [b["right"] for b in bins], sizes, alpha=0.7, clip_on=False
    )
    for one in bins:
        above = {"textcoords": "offset points", "xytext": (-5, 5), "ha": "right"}
        axes.annotate(f"{one['n']:,}", (one["sure"], one["right"]), fontsize=7, **above)
    axes.set_xlim(0, 1.02)
    axes.set_ylim(0, 1.05)
    axes.set_xlabel("probability of the chosen expert")
    axes.set_ylabel("share of right ones")
    axes.set_title(f"{title}\nn = {figures['n']:,}, ECE {figures['ece']:.3f}", fontsize=10)
