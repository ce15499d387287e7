"""The embeddings of a model on a page: singular values, and how alike its rows are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullrank.pages.charts import histogram, line_chart
from fullrank.pages.drawing import Chart, Series
from fullrank.spectrum import Spectrum
from fullrank.spectrum.report import random_singular_values
from fullrank.spectrum.rows import unit_rows

PAIRS = 50_000
"""Random pairs of rows that a histogram of cosines is of."""
BINS = 40
MOST_POINTS = 256
"""Singular values that a line has; of more, these are taken evenly."""


@dataclass(frozen=True)
class Space:
    """What is said of one pair of tables.

    Attributes:
        name: Of the method, where a model has several.
        verdict: In a sentence.
        spectrum: Of users and items together.
        charts: To be drawn.
    """

    name: str
    verdict: str
    spectrum: Spectrum
    charts: list[Chart]


def space_of(
    name: str, users: Tensor, items: Tensor, counts: tuple[NDArray[np.int64], NDArray[np.int64]]
) -> Space | None:
    """Of the rows with interactions; None where these are too few for their width."""
    pair = (users.detach().cpu(), items.detach().cpu())
    kept = [table[torch.from_numpy(count > 0)] for table, count in zip(pair, counts, strict=True)]
    whole = [table if len(rows) < table.shape[1] else rows
             for table, rows in zip(pair, kept, strict=True)]  # fmt: skip
    try:
        both = Spectrum.of(*kept)
    except ValueError:
        return None
    charts = [spectrum_chart(both, *whole)]
    for side, table in zip(("users", "items"), kept, strict=True):
        if len(table) > 1:
            charts.append(similarity_chart(side, table))
    return Space(name, both.verdict, both, charts)


def spectrum_chart(both: Spectrum, users: Tensor, items: Tensor) -> Chart:
    """Singular values of users, items and both, beside a random table and an even one."""
    width = both.shape[1]
    lines = {"both": (both.singular_values, "main")}
    for table, label, style in ((users, "users", "second"), (items, "items", "third")):
        if len(table) >= width:
            lines[label] = (Spectrum.of(table).singular_values, style)
    share = both.effective_rank / width
    return values_chart(
        f"{both.effective_rank:.1f} of {width} directions are in use",
        both,
        lines,
        note=(
            "A table that uses its directions evenly is the flat line; one that has collapsed "
            f"falls steeply. Effective rank is {100 * share:.0f} % of the {width} directions."
        ),
    )


def values_chart(
    title: str,
    spectrum: Spectrum,
    lines: Mapping[str, tuple[Tensor, str]],
    *,
    level: tuple[float, str] | None = None,
    note: str = "",
) -> Chart:
    """Singular values over their mean, beside those of a random table and of an even one.

    Over the mean, so that tables of any scale and number of rows lie on one another and an even
    table is 1 throughout.

    Args:
        title: What is seen.
        spectrum: Of the table whose shape the random one has.
        lines: By label, singular values (d,) and the style of their line.
        level: A height with a label, drawn across.
        note: A sentence below.
    """
    rows, width = spectrum.shape
    picked = np.unique(np.linspace(0, width - 1, min(width, MOST_POINTS)).astype(int))

    def line(values: Tensor, label: str, style: str) -> Series:
        over = values / values.mean().clamp_min(1e-300)
        return Series(label, over[picked].tolist(), style)

    series = [line(values, label, style) for label, (values, style) in lines.items()]
    series.append(line(random_singular_values(rows, width), "random", "soft"))
    series.append(Series("even", [1.0] * len(picked), "even"))
    if level is not None:
        series.append(Series(level[1], [level[0]] * len(picked), "even"))
    return line_chart(
        title,
        (picked + 1).tolist(),
        series,
        x_label="direction, strongest first",
        y_label="singular value / mean of all",
        log_y=True,
        note=note,
    )


def similarity_chart(side: str, table: Tensor, seed: int = 0) -> Chart:
    """Cosines of random pairs of different rows, beside those of a random table."""
    rng = np.random.default_rng(seed)
    unit = unit_rows(table.double())
    first = rng.integers(len(unit), size=PAIRS)
    second = (first + rng.integers(1, len(unit), size=PAIRS)) % len(unit)
    cosines = (unit[first] * unit[second]).sum(dim=1).numpy()
    edges = np.linspace(-1, 1, BINS + 1)
    shares = np.histogram(cosines.clip(-1, 1), edges)[0] / PAIRS
    beside = random_cosines(edges, table.shape[1])
    mean = float(cosines.mean())
    return histogram(
        f"How alike two {side} are: mean cosine {mean:.2f}",
        edges.tolist(),
        shares.tolist(),
        x_label="cosine of two random rows",
        y_label=f"share of pairs of {side}",
        other=Series("random table", beside, "second"),
        style="main",
    )


def random_cosines(edges: NDArray[np.float64], width: int) -> list[float]:
    """Share of the cosines of random unit rows in each bin: (1 + cos) / 2 is of a beta law."""
    import scipy.stats

    half = (width - 1) / 2
    shares = np.diff(scipy.stats.beta.cdf((1 + edges) / 2, half, half))
    return [float(each) for each in shares]


def spaces_of(
    tables: Mapping[str, tuple[Tensor, Tensor]],
    counts: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> list[Space]:
    """Of all pairs of tables that a model has."""
    found = (space_of(name, *pair, counts) for name, pair in tables.items())
    return [each for each in found if each is not None]
