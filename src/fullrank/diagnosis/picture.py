"""The spectrum of a table as a picture: beside a random one, and what each remedy would make."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fullrank.diagnosis.report import Diagnosis
from fullrank.spectrum.report import random_singular_values
from fullrank.studies.plots import ACCENT, INK, SOFT, pyplot, save


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
    for axis in (left, right):
        axis.spines[["top", "right"]].set_visible(False)
    spectrum = found.spectrum
    figure.suptitle(
        f"{found.name}: {spectrum.effective_rank:.1f} of {spectrum.shape[1]} dimensions in use",
        fontsize=12,
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
    ranks = range(1, width + 1)
    even = random_singular_values(rows, width)
    axis.plot(ranks, even / even[0], color=SOFT, linewidth=1.2, linestyle="--")
    axis.plot(ranks, found.spectrum.singular_values / largest, color=ACCENT, linewidth=2.4)
    edge = found.figures["raw"].noise_edge / largest
    axis.axhline(edge, color=SOFT, linewidth=0.8, linestyle=":")
    ends = [
        ("random table", (even[-1] / even[0]).item(), SOFT),
        ("this table", (found.spectrum.singular_values[-1] / largest).item(), ACCENT),
        ("noise ends here", edge, INK),
    ]
    ends.sort(key=lambda each: each[1])
    height = -1.0
    for label, value, colour in ends:
        height = max(value, height + 0.06)  # labels do not lie on each other
        axis.annotate(
            label, (width, height), xytext=(6, 0), textcoords="offset points",
            color=colour, fontsize=9, va="center", annotation_clip=False,
        )  # fmt: skip
    axis.set(xlabel="direction, by size", ylabel="singular value / largest", ylim=(0, 1.05))
    axis.set_xlim(1, width)


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
    axis.barh(names, values, color=colours, height=0.6)
    for at, value in enumerate(values):
        axis.annotate(f" {value:.1f}", (value, at), va="center", fontsize=8, color=INK)
    axis.set(xlabel="effective rank, dimensions", xlim=(0, 1.12 * found.spectrum.shape[1]))
    axis.tick_params(axis="y", labelsize=8, length=0)
