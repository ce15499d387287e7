"""Proposition 1 and equations 4 to 10: what gradient steps on observed pairs do to embeddings."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from fullrank.lab.statements.check import EXACT, Checked, apart, effective_rank, rows, unit, xavier

WIDTH = 16
USERS, ITEMS = 30, 40
STEPS = (0, 1, 3, 10, 30, 100, 300, 1000, 3000, 10000, 30000)


def graph(parts: int, seed: int = 0) -> Tensor:
    """(USERS, ITEMS) of zeros and ones, connected within each of ``parts`` blocks."""
    rng = np.random.default_rng(seed)
    matrix = np.zeros((USERS, ITEMS))
    for users, items in zip(np.array_split(np.arange(USERS), parts),
                            np.array_split(np.arange(ITEMS), parts), strict=True):  # fmt: skip
        for at, item in enumerate(items):  # a path through all, so that the block is connected
            matrix[users[at % len(users)], item] = matrix[users[(at + 1) % len(users)], item] = 1
        extra = rng.random((len(users), len(items))) < 0.1
        matrix[np.ix_(users, items)] = np.maximum(matrix[np.ix_(users, items)], extra)
    return torch.from_numpy(matrix)


def adjacency(block: Tensor) -> Tensor:
    """The symmetric matrix of users and items with ``block`` at its upper right."""
    users, items = block.shape
    upper = torch.cat((block.new_zeros(users, users), block), dim=1)
    return torch.cat((upper, torch.cat((block.T, block.new_zeros(items, items)), dim=1)))


def normalised(block: Tensor) -> Tensor:
    """``D^-½ A D^-½``."""
    roots = [block.sum(dim=axis).clamp_min(1).rsqrt() for axis in (1, 0)]
    return adjacency(roots[0][:, None] * block * roots[1])


def log_loss(table: Tensor, block: Tensor) -> Tensor:
    """``-Σ ln σ(h_uᵀ h_i)`` over observed pairs."""
    return -(block * logsigmoid(table[:USERS] @ table[USERS:].T)).sum()


def euclidean_loss(table: Tensor, block: Tensor) -> Tensor:
    """``½ Σ ‖h_u - h_i‖²`` over observed pairs."""
    return 0.5 * (block * torch.cdist(table[:USERS], table[USERS:]).square()).sum()


def bce_loss(table: Tensor, block: Tensor) -> Tensor:
    """Equation 2 over all pairs."""
    scores = table[:USERS] @ table[USERS:].T
    return -(block * logsigmoid(scores) + (1 - block) * logsigmoid(-scores)).sum()


def descent(loss: str, block: Tensor, rate: float) -> dict[int, Tensor]:
    """Tables after so many steps of plain gradient descent, by the closed form of the gradient."""
    table = xavier(USERS + ITEMS, WIDTH, seed=1)
    laplacian = torch.diag(adjacency(block).sum(dim=1)) - adjacency(block)
    kept = {}
    for step in range(max(STEPS) + 1):
        if step in STEPS:
            kept[step] = table
        if loss == "log":
            pull = block * torch.sigmoid(-(table[:USERS] @ table[USERS:].T))
            table = table + rate * adjacency(pull) @ table
        else:
            table = table - rate * laplacian @ table
    return kept


def proposition_1() -> Checked:
    """All rows alike when the loss of observed pairs has converged."""
    kept = {
        "log loss": descent("log", graph(1), 0.05),
        "Euclidean": descent("euclidean", graph(1), 0.05),
        "log loss, two components": descent("log", graph(2), 0.05),
    }
    curves = {
        label: ([max(step, 0.5) for step in STEPS], [effective_rank(each[s]) for s in STEPS])
        for label, each in kept.items()
    }
    tables = kept["log loss"]
    end = tables[STEPS[-1]]
    left = (log_loss(end, graph(1)) / log_loss(tables[0], graph(1))).item()
    least = (unit(end) @ unit(end).T).min().item()
    close = kept["Euclidean"][STEPS[-1]]
    apart_from_mean = apart(close, close.mean(dim=0).expand_as(close))
    ends = {label: each[1][-1] for label, each in curves.items()}
    return Checked(
        "proposition-1",
        "on a connected graph all rows become alike when the log loss of observed pairs converges",
        f"with {left:.0e} of the loss left after {STEPS[-1]:,} steps, an effective rank of "
        f"{ends['log loss']:.2f} of {WIDTH} and cosines down to {least:.2f}; of the Euclidean loss "
        f"{ends['Euclidean']:.2f}, all rows the same up to {apart_from_mean:.0e}",
        held=least > 0.99,
        only_when="for the Euclidean loss: the gradient of the log loss vanishes long before the "
        "rows are alike, as the section itself says further on"
        if apart_from_mean < EXACT
        else "",
        numbers={
            "effective_rank": ends["log loss"],
            "effective_rank_euclidean": ends["Euclidean"],
            "effective_rank_two_components": ends["log loss, two components"],
            "least_cosine": least,
            "loss_left": left,
            "width": WIDTH,
        },
        curves=curves,
    )


def _step_of(loss: object, table: Tensor, block: Tensor) -> Tensor:
    table = table.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(table, block), table)  # type: ignore[operator]
    return -gradient


def equation_4() -> Checked:
    """The gradient of the log loss is message passing with weights 1 - σ."""
    block, table = graph(1), rows(USERS + ITEMS, WIDTH, seed=2)
    weight = block * (1 - torch.sigmoid(table[:USERS] @ table[USERS:].T))
    off = apart(adjacency(weight) @ table, _step_of(log_loss, table, block))
    return Checked(
        "equation-4",
        "a gradient step of the log loss is H + α A H with A_ui = 1 - σ(r_ui)",
        f"relative difference from autograd {off:.0e}",
        held=off < EXACT,
        numbers={"difference": off},
    )


def equation_5() -> Checked:
    """That of the Euclidean loss has the degrees, too, which the paper leaves out."""
    block, table = graph(1), rows(USERS + ITEMS, WIDTH, seed=2)
    step = _step_of(euclidean_loss, table, block)
    linked = adjacency(block)
    off = apart(linked @ table, step)
    whole = apart((linked - torch.diag(linked.sum(dim=1))) @ table, step)
    return Checked(
        "equation-5",
        "steps of the Euclidean loss are (I + αA)ˡ H",
        f"relative difference {off:.2f}; of (I - α(D - A))ˡ H, with the degrees, {whole:.0e}. "
        "Equation 5 belongs to the loss -Σ h_uᵀ h_i",
        held=off < EXACT,
        only_when="with I - α(D - A) in place of I + αA" if whole < EXACT else "",
        numbers={"difference": off, "difference_with_degrees": whole},
    )


def equation_6() -> Checked:
    """Powers of I + αA keep the first eigenvector alone."""
    matrix, alpha, power = normalised(graph(1)), 0.5, 200
    values, vectors = torch.linalg.eigh(matrix)
    filtered = (vectors * (1 + alpha * values) ** power) @ vectors.T
    whole = torch.matrix_power(torch.eye(len(matrix), dtype=matrix.dtype) + alpha * matrix, power)
    off = apart(filtered, whole)
    ratio = ((1 + alpha * values[-2]) / (1 + alpha * values[-1])).item() ** power
    low, high = (1 + alpha * values[0]).item(), (1 + alpha * values[-1]).item()
    ascending = bool(((1 + alpha * values) ** power).diff().min() >= -EXACT)
    return Checked(
        "equation-6",
        "I + αA is a low-pass filter, and of its powers the largest eigenvalue alone remains",
        f"eigenvalues from {low:.2f} to {high:.2f}, ascending with those of A; at l = {power} the "
        f"second is {ratio:.0e} of the first; the sum is off by {off:.0e}",
        held=off < EXACT and ascending and ratio < 0.01,
        numbers={"difference": off, "second_over_first": ratio, "least": low, "largest": high},
    )


def equation_7() -> Checked:
    """Filtered rows have rank 1, on a connected graph."""
    powers = (1, 10, 100, 1000, 10000)
    curves = {}
    for parts, label in ((1, "one component"), (2, "two components")):
        matrix, table = normalised(graph(parts)), rows(USERS + ITEMS, WIDTH, seed=3)
        values, vectors = torch.linalg.eigh(matrix)
        factors = ((1 + 0.5 * values) / (1 + 0.5 * values[-1])).clamp_min(0)
        seen = [effective_rank((vectors * factors**power) @ (vectors.T @ table))
                for power in powers]  # fmt: skip
        curves[label] = (powers, seen)
        if parts == 1:
            end = (vectors * factors ** powers[-1]) @ (vectors.T @ table)
    lengths = end.norm(dim=1)
    even, same = (
        (each.std() / each.mean()).item()
        for each in (lengths / adjacency(graph(1)).sum(dim=1).sqrt(), lengths)
    )
    one, two = (curves[label][1][-1] for label in curves)
    return Checked(
        "equation-7",
        "rank(H⁽ˡ⁾) is 1 in the end, so that all nodes have the same row",
        f"effective rank {one:.3f} on a connected graph, {two:.3f} on two components; rows are "
        f"parallel and as long as the root of the degree (up to {even:.0e})",
        held=two < 1.01 and same < EXACT,
        only_when="on a connected graph, and then the rows are parallel, not the same"
        if one < 1.01 < two and even < EXACT < same
        else "",
        numbers={"effective_rank": one, "effective_rank_two_components": two,
                 "off_root_of_degree": even},
        curves=curves,
    )  # fmt: skip


def equation_9() -> Checked:
    """The gradient of BCE over all pairs."""
    block, table = graph(1), rows(USERS + ITEMS, WIDTH, seed=4)
    scores = torch.sigmoid(table[:USERS] @ table[USERS:].T)
    both = adjacency(block * (1 - scores) - (1 - block) * scores)
    off = apart(both @ table, _step_of(bce_loss, table, block))
    return Checked(
        "equation-9",
        "a gradient step of BCE is H + α (A - Ā) H with Ā_uj = σ(r_uj)",
        f"relative difference from autograd {off:.0e}",
        held=off < EXACT,
        numbers={"difference": off},
    )
