"""The spectrum of a table as a picture: beside a random one, and what each remedy would make."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from fullrank.diagnosis.report import Diagnosis
from fullrank.pictures import ACCENT, INK, SOFT, pyplot, save
from fullrank.spectrum.report import random_singular_values

FLOOR = 1e-6
"""Share of the largest singular value below which none is told from zero."""


def draw(found: Diagnosis, path: Path) -> bool:
    """Writes a PNG file.

    Returns:
        Whether there was anything to draw with.
    """
    plt = pyplot()
    if plt is None:
        return False
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), width_ratios=(3, 2))
    _spectrum(left, found)
    _remedies(right, found)
    spectrum = found.spectrum
    figure.suptitle(
        f"{found.name}: {spectrum.effective_rank:.1f} of {spectrum.shape[1]} dimensions in use",
        fontsize=11.5,
        weight="bold",
        color=INK,
        x=0.02,
        ha="left",
    )
    figure.tight_layout()
    save(figure, path)
    plt.close(figure)
    return True


def _spectrum(axis: Any, found: Diagnosis) -> None:
    """Singular values over the largest, each line labelled at its end."""
    rows, width = found.spectrum.shape
    largest = max(found.spectrum.singular_values[0].item(), 1e-300)
    values = (found.spectrum.singular_values / largest).clamp_min(FLOOR)
    even = random_singular_values(rows, width)
    even, edge = even / even[0], max(found.figures["raw"].noise_edge / largest, FLOOR)
    ranks = range(1, width + 1)
    lowest, highest = 0.5 * min(values[-1].item(), edge), 1.3 * max(1.0, edge)
    axis.plot(ranks, even, color=SOFT, linewidth=1.2, linestyle="--")
    axis.plot(ranks, values, color=ACCENT, linewidth=2.4)
    axis.axhline(edge, color=SOFT, linewidth=0.8, linestyle=":")
    axis.set(xlabel="direction, by size", ylabel="singular value / largest", yscale="log")
    axis.set(xlim=(1, width), ylim=(lowest, highest))
    ends = [
        ("a random table", even[-1].item(), SOFT),
        ("this table", values[-1].item(), ACCENT),
        ("noise would end here", edge, INK),
    ]
    height = -1.0
    for label, value, colour in sorted(ends, key=lambda each: each[1]):
        height = max(math.log(value / lowest) / math.log(highest / lowest), height + 0.06)
        axis.annotate(
            label,
            (1, height),  # above the label before, if it would lie on it
            xycoords="axes fraction",
            xytext=(6, 0),
            textcoords="offset points",
            color=colour,
            fontsize=9,
            va="center",
        )


def _remedies(axis: Any, found: Diagnosis) -> None:
    """Effective rank now, and as predicted after each remedy."""
    bars = [("as it is", found.spectrum.effective_rank)]
    bars += [
        (each.name, each.effective_rank)
        for each in found.remedies
        if each.effective_rank is not None
    ]
    bars.append(("random table", found.spectrum.random_effective_rank))
    bars.reverse()
    names, values = [name for name, _ in bars], [value for _, value in bars]
    colours = [ACCENT if name == "as it is" else SOFT for name in names]
    axis.grid(visible=False, axis="y")
    axis.barh(names, values, color=colours, height=0.6)
    for at, value in enumerate(values):
        axis.annotate(f" {value:.1f}", (value, at), va="center", fontsize=8, color=INK)
    axis.set(xlabel="effective rank, dimensions", xlim=(0, 1.12 * found.spectrum.shape[1]))
    axis.tick_params(axis="y", labelsize=8, length=0)
