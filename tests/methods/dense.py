"""Interactions as dense matrices in float64, and what the formulas of the methods take of them."""

from __future__ import annotations

import numpy as np
import torch

from fullrank import METHODS


def dense_of(data) -> np.ndarray:
    dense = data.csr().toarray().astype(np.float64)
    if data.weight is not None:
        dense[data.user_idx, data.item_idx] = data.weight
    return dense


def degrees(dense) -> tuple[np.ndarray, np.ndarray]:
    """Of users and items, 1 in the place of 0."""
    return tuple(np.where((s := dense.sum(axis)) > 0, s, 1.0) for axis in (1, 0))


def normalised(dense, user=0.5, item=0.5) -> np.ndarray:
    users, items = degrees(dense)
    return users[:, None] ** -user * dense * items**-item


def scores(name, data, **settings) -> np.ndarray:
    scorer = METHODS[name](**settings).solve(data, "cpu")
    return scorer.scores(torch.arange(data.n_users)).double().numpy()


def low_pass(dense, rank) -> np.ndarray:
    """``D_i^-½ V Vᵀ D_i^½``, item × item."""
    right = np.linalg.svd(normalised(dense))[2][:rank].T
    root = np.sqrt(degrees(dense)[1])
    return (right / root[:, None]) @ (right.T * root)
