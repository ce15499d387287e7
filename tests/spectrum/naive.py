"""Slow, obvious float64 references: double loops and literal matrix formulas."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def unit(x: Tensor) -> Tensor:
    return torch.stack([row / math.sqrt(float(row @ row)) if row.any() else row for row in x])


def algorithm_1(h: Tensor, alpha: float, power: int, iterations: int) -> Tensor:
    for _ in range(iterations):
        h = h - alpha * torch.linalg.matrix_power(h @ h.T, power) @ h
    return h


def direct_spec(h: Tensor, alpha: float) -> Tensor:
    rows = []
    for u in range(len(h)):
        pull = sum((h[u] @ h[v]) * h[v] for v in range(len(h)))
        rows.append(h[u] - alpha * pull)
    return torch.stack(rows)


def direct_spec_plus(h: Tensor, gamma: Tensor, alpha: float) -> Tensor:
    rows = []
    for u in range(len(h)):
        weight = torch.stack([torch.exp(gamma[u, v] * (h[u] @ h[v])) for v in range(len(h))])
        weight = weight / weight.sum()
        rows.append(h[u] - alpha * sum(weight[v] * h[v] for v in range(len(h))))
    return torch.stack(rows)


def effective_rank(x: Tensor) -> float:
    sigma = torch.linalg.svdvals(x.double()).tolist()
    shares = [value / sum(sigma) for value in sigma]
    return math.exp(-sum(p * math.log(p) for p in shares if p > 0))


def correlation(x: Tensor) -> float:
    h = unit(x.double())
    return sum(float(h[u] @ h[v]) ** 2 for u in range(len(h)) for v in range(len(h)))


def uniformity(x: Tensor, t: float) -> float:
    pairs = [
        math.exp(-t * float((x[u] - x[v]).square().sum()))
        for u in range(len(x))
        for v in range(u + 1, len(x))
    ]
    return math.log(sum(pairs) / len(pairs))


def alignment(user: Tensor, item: Tensor) -> float:
    total = 0.0
    for u, v in zip(user.tolist(), item.tolist(), strict=True):
        total += sum((a - b) ** 2 for a, b in zip(u, v, strict=True))
    return total / len(user)
