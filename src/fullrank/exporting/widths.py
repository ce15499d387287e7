"""How wide an index is to be searched: measured where it was built, on users of the model."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from fullrank.exporting.settings import WIDTHS, ExportSettings
from fullrank.exporting.vectors import Floats, Vectors
from fullrank.serving import top_k
from fullrank.serving.scorers import DotScorer

Nearest = Callable[[Floats, int], NDArray[np.int64]]
"""(b, d) rows of users and k to (b, k) rows of items, best first."""
ENOUGH, ASKED_FOR = 0.99, 0.98
"""Recall that ends the search for a width, and that below which something is said."""
USERS, K = 300, 20


def with_width(
    vectors: Vectors, settings: ExportSettings, at_width: Callable[[int], Nearest]
) -> tuple[ExportSettings, tuple[str, ...]]:
    """The settings with the least of `WIDTHS` whose recall is enough, the largest if none is.

    Returns:
        The settings, and a note where the recall stays below what was asked for.
    """
    if settings.search_width is not None or not len(vectors.users):
        return settings.replace(search_width=settings.width), ()
    drawn = np.random.default_rng(0).permutation(len(vectors.users))[:USERS]
    users, k = vectors.users[drawn], min(K, len(vectors.vectors))
    # The added dimension is 0 for users, so the inner products are the model's by every metric.
    scorer = DotScorer(torch.from_numpy(users), torch.from_numpy(vectors.vectors))
    wanted = top_k(scorer, np.arange(len(users)), k).items
    recall, width = 0.0, WIDTHS[0]
    for width in WIDTHS:
        found = at_width(width)(users, k)
        pairs = zip(found, wanted, strict=True)
        recall = float(np.mean([len(np.intersect1d(a, b)) / k for a, b in pairs]))
        if recall >= ENOUGH:
            break
    settings = settings.replace(search_width=width)
    if recall >= ASKED_FOR:
        return settings, ()
    short = f"recall@{k} of {recall:.3f} at the widest search"
    ways = f"--set metric=l2, neighbours=100, a search_width above {width}, or faiss with kind=ivf"
    return settings, (f"{short}: try {ways}",)
