"""Losses as loops over pairs in float64, and drawn batches for them."""

from __future__ import annotations

import math

import torch


def rows(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def dot(a: torch.Tensor, b: torch.Tensor) -> float:
    return sum(float(x) * float(y) for x, y in zip(a, b, strict=True))


def log_sigmoid(x: float) -> float:
    return -math.log1p(math.exp(-x))


def naive_log_positive(user, item):
    return -sum(log_sigmoid(dot(u, i)) for u, i in zip(user, item, strict=True)) / len(user)


def naive_penalised(user, item):
    norms = sum(dot(u, u) + dot(i, i) for u, i in zip(user, item, strict=True))
    return naive_log_positive(user, item) + 0.7 * norms / len(user)


def naive_euclidean(user, item):
    return sum(dot(u - i, u - i) for u, i in zip(user, item, strict=True)) / len(user)


def naive_bpr(user, item, negative):
    terms = [
        -log_sigmoid(dot(user[b], item[b]) - dot(user[b], negative[b, n]))
        for b in range(len(user))
        for n in range(negative.shape[1])
    ]
    return sum(terms) / len(user)


def naive_bce(user, item, negative):
    total = 0.0
    for b in range(len(user)):
        total -= log_sigmoid(dot(user[b], item[b]))
        for n in range(negative.shape[1]):
            total -= math.log(1 - 1 / (1 + math.exp(-dot(user[b], negative[b, n]))))
    return total / len(user)


def cosine(a, b):
    return dot(a, b) / math.sqrt(dot(a, a) * dot(b, b))


def naive_margin(user, item, negative):
    total = 0.0
    for b in range(len(user)):
        total += dot(user[b] - item[b], user[b] - item[b])
        for other in negative[b]:
            total += max(0.0, 9.0 - dot(user[b] - other, user[b] - other))
    return total / len(user)


def naive_ccl(user, item, negative):
    total = 0.0
    for b in range(len(user)):
        against = [max(0.0, cosine(user[b], other) - 0.2) for other in negative[b]]
        total += 1 - cosine(user[b], item[b]) + 7.0 * sum(against) / len(against)
    return total / len(user)


def naive_ccl_with_dropout(user, item, negative, kept):
    total = 0.0
    for b in range(len(user)):
        u = kept[b] * user[b] / math.sqrt(dot(user[b], user[b]))
        total += max(0.0, 1 - dot(u, item[b]) / math.sqrt(dot(item[b], item[b])))
        for other in negative[b]:
            like = dot(u, other) / math.sqrt(dot(other, other))
            total += 7.0 * max(0.0, like - 0.2) / len(negative[b])
    return total / len(user)


def naive_softmax(user, item, negative):
    total = 0.0
    for b in range(len(user)):
        own = math.exp(cosine(user[b], item[b]) / 0.4)
        others = sum(math.exp(cosine(user[b], other) / 0.4) for other in negative[b])
        total -= math.log(own / (own + others))
    return total / len(user)


def naive_info_nce(anchor, positive, others, temperature=0.3, similarity="cosine"):
    like = cosine if similarity == "cosine" else torch.dot
    total = 0.0
    for a, p in zip(anchor, positive, strict=True):
        below = sum(math.exp(like(a, o) / temperature) for o in others)
        total -= math.log(math.exp(like(a, p) / temperature) / below)
    return total / len(anchor)


def naive_cl_rec(user, item, negative):
    spread = naive_info_nce(user, user, user) + naive_info_nce(item, item, item)
    return naive_bpr(user, item, negative) + 0.4 * spread


def naive_adaptive(user, item, negative):
    total = 0.0
    for b in range(len(user)):
        for other in negative[b]:
            against = dot(user[b], other)
            weight = 1 - math.log10(1 - min(1 / (1 + math.exp(-against)), 0.99))
            total -= log_sigmoid(dot(user[b], item[b]) - weight * against)
    return total / len(user)


def naive_uniformity(side):
    unit = [x / math.sqrt(dot(x, x)) for x in side]
    terms = [
        math.exp(-2 * dot(unit[a] - unit[b], unit[a] - unit[b]))
        for a in range(len(unit))
        for b in range(a)
    ]
    return math.log(sum(terms) / len(terms))


def naive_alignment(user, item):
    return sum(2 - 2 * cosine(u, i) for u, i in zip(user, item, strict=True)) / len(user)


def naive_direct_au(user, item):
    spread = naive_uniformity(user) + naive_uniformity(item)
    return naive_alignment(user, item) + 1.5 / 2 * spread


def naive_log_det(user, item):
    total = naive_alignment(user, item)
    for side in (user, item):
        n, d = side.shape
        unit = side / side.norm(dim=1, keepdim=True)
        values = torch.linalg.eigvalsh(d / n * unit.T @ unit + 1e-4 * torch.eye(d)).tolist()
        total += 0.6 / 2 * sum(v - math.log(v) - 1 for v in values) / d
    return total


def batch(arity: int, negatives: int = 3) -> tuple[torch.Tensor, ...]:
    return (rows(6, 4), rows(6, 4, seed=1), rows(6, negatives, 4, seed=2))[:arity]
