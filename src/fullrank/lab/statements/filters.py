"""Equations 8 and 10 on the matrix of a data set: layers and unobserved pairs, as filters."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray

from fullrank.lab import adjacency
from fullrank.lab.statements.check import Checked
from fullrank.spectrum.measure import entropy_rank

WIDTH, ALPHA = 64, 0.5
LAYERS = (1, 2, 3, 4)
STEPS = (1, 3, 10, 30, 100, 300, 1000)
APART = 0.01
"""Difference of two effective ranks below which neither collapse is the slower."""
ALONE = 0.2
"""Share of the first eigenvalue below which a step moves the others by a tenth at most."""

Table = NDArray[np.float64]
Product = Callable[[Table], Table]


def served(matrix: sp.csr_array) -> sp.csr_array:
    """The users and items with an interaction, entries of one."""
    users, items = (np.flatnonzero(np.diff(each.indptr)) for each in (matrix, matrix.T.tocsr()))
    kept = sp.csr_array(matrix[users][:, items].astype(np.float64))
    kept.data[:] = 1.0
    return kept


def product(block: adjacency.Block) -> Product:
    """Multiplies rows of users, then items, by the symmetric matrix with ``block`` upper right."""
    n_users = block.shape[0]
    back = block.T

    def times(table: Table) -> Table:
        return np.vstack((block @ table[n_users:], back @ table[:n_users]))

    return times


def effective_rank(table: Table) -> float:
    """Of a tall table, by its small Gram matrix."""
    square = torch.from_numpy(table.T @ table)
    return entropy_rank(torch.linalg.eigvalsh(square).clamp_min(0).sqrt())


def filtered(table: Table, times: Product, steps: tuple[int, ...]) -> dict[int, float]:
    """Effective rank after so many steps of I + αA, rows rescaled at each lest they overflow."""
    ranks = {0: effective_rank(table)}
    for step in range(1, max(steps) + 1):
        table = table + ALPHA * times(table)
        table /= np.abs(table).max()
        if step in steps:
            ranks[step] = effective_rank(table)
    return ranks


def equation_8(matrix: sp.csr_array) -> Checked:
    """More layers of LightGCN, sooner collapsed."""
    times = product(adjacency.observed(served(matrix)))
    start = np.random.default_rng(0).standard_normal((sum(served(matrix).shape), WIDTH))
    after = 10
    summed, power, ranks = start, start, {}
    for layer in LAYERS:
        if layer > 1:
            power = times(power)
            summed = summed + power
        ranks[layer] = filtered(summed, times, (after,))
    before = [ranks[layer][0] for layer in LAYERS]
    ends = [ranks[layer][after] for layer in LAYERS]
    lost = [start - end for start, end in zip(before, ends, strict=True)]
    faster = all(b > a for a, b in itertools.pairwise(lost))  # by the steps, not by the layers
    shown = ", ".join(f"{end:.1f}" for end in ends)
    return Checked(
        "equation-8",
        "with K layers, H⁽ˡ⁾ = (I + αA)ˡ Σ Aᵏ E: more layers collapse faster",
        f"effective rank after {after} steps for K = 1 to {LAYERS[-1]}: {shown}",
        held=faster,
        numbers={f"layers_{layer}": end for layer, end in zip(LAYERS, ends, strict=True)},
        curves={"before the steps": (LAYERS, before), f"after {after} steps": (LAYERS, ends)},
    )


def equation_10(matrix: sp.csr_array) -> Checked:
    """With unobserved pairs and steady gradients the collapse is complete, too."""
    kept = served(matrix)
    start = np.random.default_rng(0).standard_normal((sum(kept.shape), WIDTH))
    blocks: dict[str, adjacency.Block] = {
        "A": adjacency.observed(kept),
        "A − Ā": adjacency.difference(kept),
    }
    curves = {}
    for label, block in blocks.items():
        ranks = filtered(start, product(block), STEPS)
        curves[label] = (STEPS, [ranks[step] for step in STEPS])
    alone, both = (curves[label][1] for label in blocks)
    told_apart = [(a, b) for a, b in zip(alone, both, strict=True) if abs(a - b) > APART]
    slower = sum(b > a for a, b in told_apart)
    collapsed = both[-1] < 1.5
    count = f"slower at {slower} of the {len(told_apart)} points where they differ"
    return Checked(
        "equation-10",
        "with steady gradients (I + α(A - Ā))ˡ collapses as (I + αA)ˡ does, only slower",
        f"effective rank after {STEPS[2]}, {STEPS[4]} and {STEPS[-1]} steps: "
        f"A {_shown(alone)}; A - Ā {_shown(both)}; {count}",
        held=collapsed and slower == len(told_apart) > 0,
        only_when=f"in that it collapses; it is {count}" if collapsed else "",
        numbers={"alone": alone[-1], "with_unobserved": both[-1], "slower_at": float(slower),
                 "alone_at_100": alone[4], "with_unobserved_at_100": both[4]},
        curves=curves,
    )  # fmt: skip


def _shown(ranks: list[float]) -> str:
    return ", ".join(f"{ranks[at]:.1f}" for at in (2, 4, -1))


def high_pass(matrix: sp.csr_array) -> Checked:
    """I - αĀ touches one direction, for the matrix of unobserved pairs is nearly of rank one."""
    kept = served(matrix)
    values = adjacency.largest(adjacency.unobserved(kept), 3)
    second = float(values[1] / values[0])
    factors = 1 - ALPHA * values[0], 1 + ALPHA * values[0]
    return Checked(
        "high-pass",
        "I - αĀ is a high-pass filter that balances the spectrum",
        f"the eigenvalues of Ā are ±{values[0]:.2f}, ±{values[1]:.3f}, ±{values[2]:.3f}, …: one "
        f"direction is multiplied by {factors[0]:.2f}, another by {factors[1]:.2f}, all others by "
        f"{1 - ALPHA * values[1]:.3f} to {1 + ALPHA * values[1]:.3f}",
        held=second > 0.5,
        only_when="for one direction, the mean; the others it leaves as they are"
        if math.isclose(values[0], 1, rel_tol=1e-6) and second < ALONE
        else "",
        numbers={"first": float(values[0]), "second_over_first": second},
    )
