"""The time of a step from latency, bandwidth and flops: a pure function, and how it is fitted.

With b = B / W pairs a worker and s bytes that it sends,

    T(W) = (c₀ + c₁ b + c₂ b B) · g_W + Σ_k n_k · (l_k (W - 1) + s_k / β_k)

over the kinds k of collectives, of which a step has n_k. The c are fitted to steps of one worker
alone at several B (where b = B); l and β to microbenchmarks of each collective. g_W is how much
slower a machine computes while W - 1 others do on the same cores: 1 for machines of their own, and
here measured of workers that compute at the same time and send nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.optimize import nnls


def compute_of(alone: Sequence[Mapping[str, Any]]) -> list[float]:
    """c₀, c₁, c₂ by least squares on relative errors, none below 0."""
    sizes = np.array([each["batch"] for each in alone], dtype=float)
    seconds = np.array([each["seconds"] for each in alone])
    columns = np.stack([np.ones_like(sizes), sizes, sizes**2], axis=1)
    return nnls(columns / seconds[:, None], np.ones_like(sizes))[0].tolist()


def network_of(measured: Mapping[int, Sequence[Mapping[str, Any]]]) -> dict[str, list[float]]:
    """Of each kind l and 1 / β, likewise.

    Args:
        measured: Microbenchmarks by number of workers.
    """
    kinds = sorted({each["kind"] for found in measured.values() for each in found})
    fitted = {}
    for kind in kinds:
        points = [(workers - 1, each["sent"], each["seconds"]) for workers, found in
                  measured.items() for each in found if each["kind"] == kind]  # fmt: skip
        rounds, sent, seconds = np.array(points).T
        columns = np.stack([rounds, sent], axis=1) / seconds[:, None]
        fitted[kind] = nnls(columns, np.ones(len(points)))[0].tolist()
    return fitted


def compute(fitted: Sequence[float], own: float, batch: float) -> float:
    """Seconds that a worker with b of B pairs computes in a step, on a machine of its own."""
    return fitted[0] + fitted[1] * own + fitted[2] * own * batch


def network(
    fitted: Mapping[str, Sequence[float]], costs: Mapping[str, Mapping[str, float]], workers: int
) -> dict[str, float]:
    """Seconds of a step in each kind of collective.

    Args:
        fitted: Of `network_of`.
        costs: Of each kind ``calls`` and ``sent``, bytes, of a step.
        workers: W.
    """
    return {
        kind: each["calls"] * fitted[kind][0] * (workers - 1) + each["sent"] * fitted[kind][1]
        for kind, each in costs.items()
    }


def sent(batch: int, workers: int, dim: int, spread: float = 1.0) -> dict[str, dict[str, float]]:
    """Calls and bytes of a step of DirectSpec+ on free rows, float32.

    Args:
        batch: B.
        workers: W.
        dim: d.
        spread: Distinct items of a worker's part of a batch, as a share of its pairs.
    """
    own, apart = batch / workers, (workers - 1) / workers
    rows = 4 * dim * own
    return {
        "all_to_all": {"calls": 2, "sent": 2 * spread * rows * apart},
        "all_gather": {"calls": 1, "sent": 2 * rows * (workers - 1)},
        "reduce_scatter": {"calls": 1, "sent": 2 * rows * (workers - 1)},
    }
