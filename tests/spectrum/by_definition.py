"""Figures of ``inspect`` by the definitions in their papers, float64: an SVD, or double loops."""

from __future__ import annotations

import math

import numpy as np
from scipy.integrate import quad
from scipy.optimize import brentq

ZERO = 1e-10
"""Share of σ₁ below which an SVD's value is the rounding error of a zero."""


def spectrum(x):
    values = np.linalg.svd(x, compute_uv=False)
    return np.where(values > ZERO * values[0], values, 0)


def entropy_rank(weights):
    shares = [w / sum(weights) for w in weights]
    return math.exp(-sum(p * math.log(p) for p in shares if p > 0))


def effective_rank(x):
    """Roy & Vetterli 2007."""
    return entropy_rank(spectrum(x))


def effective_rank_of_squares(x):
    return entropy_rank([s * s for s in spectrum(x)])


def participation_ratio(x):
    gram = x.T @ x
    return np.trace(gram) ** 2 / np.trace(gram @ gram)


def stable_rank(x):
    return np.linalg.norm(x, "fro") ** 2 / np.linalg.norm(x, 2) ** 2


def information_abundance(x):
    return np.linalg.norm(x, "nuc") / np.linalg.norm(x, 2)


def isoscore(x):
    """Algorithm 1 of Rudman et al., with the second moment of x in the place of a covariance."""
    d = x.shape[1]
    _, vectors = np.linalg.eigh(x.T @ x)
    turned = x @ vectors
    variance = np.array([np.mean(turned[:, k] ** 2) for k in range(d)])
    normalised = math.sqrt(d) * variance / np.linalg.norm(variance)
    defect = np.linalg.norm(normalised - np.ones(d)) / math.sqrt(2 * (d - math.sqrt(d)))
    share = (d - defect**2 * (d - math.sqrt(d))) ** 2 / d**2
    return (d * share - 1) / (d - 1)


def power_law(x):
    squares = np.array([s * s for s in spectrum(x) if s > 0])
    if len(squares) < 3:
        return math.nan, math.nan
    rank = np.arange(1, len(squares) + 1)
    logs = np.log(squares)
    weights = 1 / rank
    slope, start = np.polyfit(np.log(rank), logs, 1, w=np.sqrt(weights))
    left = np.sum(weights * (logs - start - slope * np.log(rank)) ** 2)
    middle = np.average(logs, weights=weights)
    whole = np.sum(weights * (logs - middle) ** 2)
    return -slope, (1 - left / whole if whole > 1e-20 else 1.0)


def marchenko_pastur_median(ratio):
    low, high = (1 - math.sqrt(ratio)) ** 2, (1 + math.sqrt(ratio)) ** 2

    def density(x):
        return math.sqrt(max((high - x) * (x - low), 0)) / (2 * math.pi * ratio * x)

    def below(x):
        return quad(density, low, x, limit=500, epsabs=1e-13, epsrel=1e-13)[0] - 0.5

    return brentq(below, low + 1e-9, high, xtol=1e-13)


def noise_edge(x):
    n, d = x.shape
    middle = np.median(spectrum(x) ** 2) / n
    scale = math.sqrt(middle / marchenko_pastur_median(d / n))
    return scale * (math.sqrt(n) + math.sqrt(d))


def unit(x):
    return np.array([row / np.linalg.norm(row) if row.any() else row for row in x])


def cosines(x):
    h = unit(x)
    found = [h[u] @ h[v] for u in range(len(h)) for v in range(u)]
    return np.mean(found), np.mean(np.square(found))


def uniformity(x):
    h = unit(x)
    terms = [math.exp(-2 * np.sum((h[u] - h[v]) ** 2)) for u in range(len(h)) for v in range(u)]
    return math.log(np.mean(terms))


FIGURES = {
    "effective_rank": effective_rank,
    "effective_rank_of_squares": effective_rank_of_squares,
    "participation_ratio": participation_ratio,
    "stable_rank": stable_rank,
    "information_abundance": information_abundance,
    "alpha_req": lambda x: power_law(x)[0],
    "alpha_req_r2": lambda x: power_law(x)[1],
    "isoscore": isoscore,
    "noise_edge": noise_edge,
    "above_noise": lambda x: int((spectrum(x) > noise_edge(x)).sum()),
}
FORMS = {"raw": lambda x: x, "centred": lambda x: x - x.mean(axis=0), "unit": unit}
