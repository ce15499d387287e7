"""Embeddings from singular vectors of the graph: a few frequencies, no layers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullrank.encoders.base import Encoder, Rows, TensorBatch, Update
from fullrank.encoders.block_svd import ZERO, Progress, Triplets, block_svd

DENSE = 1 << 22
"""Entries of a matrix that may be written out in full."""


class Svd(NamedTuple):
    """``R ≈ U diag(s) Vᵀ``, singular values descending."""

    users: Tensor
    """(n_users, r) U"""
    values: Tensor
    """(r,) s"""
    items: Tensor
    """(n_items, r) V"""


def most_pairs(shape: tuple[int, ...]) -> int:
    """How many singular triplets `truncated_svd` can give of a matrix of this shape."""
    most = min(shape)
    return most if shape[0] * shape[1] <= DENSE else most - 1


def truncated_svd(matrix: sp.csr_array, rank: int, seed: int = 0) -> Svd:
    """The leading ``rank`` singular triplets, float32, the sign of each fixed.

    Raises:
        ValueError: there are not as many, or all of a large matrix are asked for.
    """
    found = singular_triplets(matrix, rank, seed)
    return Svd(found.users, found.values.float(), found.items)


def singular_triplets(
    matrix: sp.csr_array, rank: int, seed: int = 0, *, progress: Progress | None = None
) -> Triplets:
    """The leading ``rank`` singular triplets, the sign of each fixed, and how exact they are.

    Of a small matrix in float64, by the implicitly restarted Lanczos method, or by a dense
    decomposition where nearly all are asked for, which that method cannot give; of a large one by
    `block_svd`.

    Raises:
        ValueError: there are not as many, or all of a large matrix are asked for.
    """
    most = most_pairs(matrix.shape)
    if not 1 <= rank <= most:
        raise ValueError(f"rank: found {rank}; expected 1 to {most}")
    if matrix.shape[0] * matrix.shape[1] > DENSE:
        found = block_svd(matrix, rank, seed, progress=progress)
        sign = _sign(found.users.numpy())
        for side in (found.users, found.items):
            side *= torch.from_numpy(sign)
        return found
    wide = matrix.astype(np.float64)
    u, s, v = _of_small(wide, rank, seed)
    sign = _sign(u)
    error = np.linalg.norm(wide.T @ u - v * s, axis=0)
    there = s > s.max(initial=0) * ZERO
    users, items = (_float32(each * sign) for each in (u, v))
    residual = float((error[there] / s[there]).max(initial=0))
    return Triplets(users, torch.from_numpy(np.where(there, s, 0.0)), items, residual, 0)


def _of_small(matrix: sp.csr_array, rank: int, seed: int) -> tuple[Any, Any, Any]:
    """U, s and V in float64."""
    most = min(matrix.shape)
    if rank > most // 2:
        dense = torch.from_numpy(matrix.toarray())
        # Of torch's own LAPACK: as exact as numpy's, and many times as fast where an environment
        # variable holds numpy's to the kernels of an old processor.
        u, s, vt = (part.numpy() for part in torch.linalg.svd(dense, full_matrices=False))
        return u[:, :rank], s[:rank], vt[:rank].T
    start = np.random.default_rng(seed).uniform(-1, 1, most)
    u, s, vt = scipy.sparse.linalg.svds(matrix, k=rank, v0=start)
    order = np.argsort(-s)
    return u[:, order], s[order], vt[order].T


def _sign(vectors: NDArray[Any]) -> NDArray[Any]:
    """The signs that make the largest entry of each column positive."""
    sign: NDArray[Any] = np.sign(
        vectors[np.abs(vectors).argmax(axis=0), np.arange(vectors.shape[1])]
    )
    sign[sign == 0] = 1
    return sign


def _float32(values: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))


def smooth_vectors(matrix: sp.csr_array, low: int, high: int, seed: int = 0) -> Eigenvectors:
    """Eigenvectors of ``M Mᵀ``: the ``low`` of largest value, then the ``high`` of smallest.

    On the rows of the normalised graph, large values are low frequencies.

    Raises:
        ValueError: there are not as many.
    """
    n = matrix.shape[0]
    if not 1 <= low + high <= n:
        raise ValueError(f"eigenvectors: found {low} + {high}; expected up to {n}")
    wide = matrix.astype(np.float64)
    if n**2 <= DENSE:
        gram = torch.from_numpy((wide @ wide.T).toarray())
        values, vectors = (part.numpy() for part in torch.linalg.eigh(gram))
        kept = np.r_[np.arange(n)[::-1][:low], np.arange(high)]
        values, vectors = values[kept], vectors[:, kept]
    else:
        product = scipy.sparse.linalg.LinearOperator(
            (n, n), matvec=lambda x: wide @ (wide.T @ x), dtype=np.float64
        )
        start = np.random.default_rng(seed).uniform(-1, 1, n)
        eigsh = scipy.sparse.linalg.eigsh
        found = [eigsh(product, k=low, which="LA", v0=start)] if low else []
        if high:
            found.append(eigsh(product, k=high, which="SA", v0=start, tol=1e-4))
        values = np.concatenate([each[0] for each in found])
        vectors = np.concatenate([each[1] for each in found], axis=1)
    return Eigenvectors(
        torch.from_numpy(values.clip(0, 1).astype(np.float32)),
        torch.from_numpy(np.ascontiguousarray(vectors, dtype=np.float32)),
    )


class Eigenvectors(NamedTuple):
    """Some eigenvalues and the vectors of each."""

    values: Tensor
    """(m,)"""
    vectors: Tensor
    """(n, m)"""


class SpectralEncoder(Encoder):
    """``V f(Λ) W`` on each side, with the eigenvectors V of a graph fixed and W (m, d) learned.

    With ``W = Vᵀ E`` this is the filter ``V f(Λ) Vᵀ`` on free rows E, step by step: gradient
    descent on E never leaves what W can say.

    Args:
        bases: (n_users, m) and (n_items, k): eigenvectors times the filter.
        weights: (m, d) and (k, d).

    Source: GDE, Peng et al., SIGIR 2022, equation 9.
    """

    def __init__(self, bases: tuple[Tensor, Tensor], weights: tuple[Tensor, Tensor]) -> None:
        self.bases = bases
        self.user_weights, self.item_weights = weights
        self._leaves: list[Tensor] = []

    @property
    def parameters(self) -> dict[str, Tensor]:
        """What the eigenvectors are combined with."""
        return {"user_weights": self.user_weights, "item_weights": self.item_weights}

    def rows(self, batch: TensorBatch) -> Rows:
        """The filtered rows of the batch."""
        user_weights, item_weights = self._leaves = [
            weights.detach().requires_grad_() for weights in self.parameters.values()
        ]
        users, items = self.bases
        pair = torch.stack(
            (users[batch.user_idx] @ user_weights, items[batch.item_idx] @ item_weights)
        )
        negative = None
        if batch.negative_idx is not None:
            negative = items[batch.negative_idx] @ item_weights
        return Rows(pair, negative)

    def updates(self, batch: TensorBatch, rows: Rows, decay: float) -> list[Update]:
        """Dense gradients of the two small tables."""
        del rows
        made = []
        for (name, weights), leaf in zip(self.parameters.items(), self._leaves, strict=True):
            if leaf.grad is not None:
                leaf.grad.add_(weights, alpha=decay * len(batch.user_idx))
                made.append(Update(name, None, leaf.grad))
        return made

    @torch.no_grad()
    def tables(self) -> tuple[Tensor, Tensor]:
        """All rows."""
        users, items = self.bases
        return users @ self.user_weights, items @ self.item_weights
