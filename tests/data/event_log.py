"""Drawn events of four kinds, one of which says what is never to be shown."""

from __future__ import annotations

import numpy as np
import polars as pl

WEIGHTS = {"view": 1.0, "cart": 3.0, "purchase": 10.0, "dislike": -1.0}
START = 1_700_000_000
DAY = 86_400


def drawn_events() -> pl.DataFrame:
    """3,000 events of 80 users and 50 items over 300 days, many of them of a pair again."""
    rng = np.random.default_rng(0)
    n = 3000
    return pl.DataFrame(
        {
            "user_id": [f"u{each}" for each in rng.integers(0, 80, n)],
            "item_id": [f"i{each}" for each in (rng.random(n) ** 2 * 50).astype(int)],
            "kind": rng.choice(list(WEIGHTS), n, p=[0.7, 0.15, 0.1, 0.05]),
            "timestamp": START + rng.integers(0, 300 * DAY, n),
        }
    )
