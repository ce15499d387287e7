"""Seconds until least squares in turn rank as well as they will, for us and for the peers alike.

NumPy and SciPy alone: the environment of the peers runs it too.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

DIMS = (128, 256)
SWEEPS = 15
CONFIDENCE, PENALTY = 100.0, 20.0
"""Of the loss that all minimise: an observed pair has the confidence 1 + 100, every row λ = 20."""
SHARE = 0.99
"""Of the nDCG@20 after the last sweep."""


def seconds_to_reach(folder: str, begin: Callable[[Any], Any], step: Callable, tables: Callable):
    """Time of the sweeps up to the first whose nDCG@20 is `SHARE` of that after the last.

    Args:
        folder: With the parts ``reach-train.npz`` and ``reach-validation.npz``.
        begin: Makes a model of the training matrix; its time counts.
        step: A sweep of the model; its time counts.
        tables: User and item table of the model.
    """
    train, validation = (
        sp.load_npz(Path(folder) / f"reach-{part}.npz").tocsr() for part in ("train", "validation")
    )
    began = time.perf_counter()
    model = begin(train)
    spent, seen = time.perf_counter() - began, []
    for _ in range(SWEEPS):
        began = time.perf_counter()
        step(model)
        spent += time.perf_counter() - began
        seen.append((ndcg(*tables(model), train, validation), spent))
    enough = SHARE * seen[-1][0]
    reached = next(seconds for value, seconds in seen if value >= enough)
    print(
        " ".join(f"{value:.4f}" for value, _ in seen), f"{reached:.2f} of {spent:.2f} s", flush=True
    )
    return reached


def ndcg(users, items, train, validation, k=20):
    """nDCG@k of the users with validation items, training items masked."""
    discount, values = 1 / np.log2(np.arange(2, k + 2)), []
    some = np.flatnonzero(np.diff(validation.indptr))
    for start in range(0, len(some), 512):
        rows = some[start : start + 512]
        scores = users[rows] @ items.T
        seen = train[rows].tocoo()
        scores[seen.row, seen.col] = -np.inf
        best = np.argpartition(-scores, k, axis=1)[:, :k]
        order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
        best = np.take_along_axis(best, order, axis=1)
        hits = np.asarray(validation[np.repeat(rows, k), best.ravel()]).reshape(-1, k) > 0
        ideal = np.cumsum(discount)[np.minimum(np.diff(validation.indptr)[rows], k) - 1]
        values.append((hits * discount).sum(axis=1) / ideal)
    return float(np.concatenate(values).mean())
