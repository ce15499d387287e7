"""Leading singular triplets of a large sparse matrix by restarted block Lanczos."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

BLOCK = 64
"""Vectors that are multiplied at a time: wide enough for matrix products, narrow enough for many
powers of the matrix in the space searched."""
TOLERANCE = 1e-3
"""Largest residual ``‖Rᵀu - s v‖ / s`` of a triplet that is accepted."""
ZERO = 2.0**-15
"""Share of the largest singular value up to which another is zero: with vectors in float32 what
lies below is rounding, which a small power would raise to the length of all others."""
RESTARTS = 20
"""The search ends after as many; what is left is in the residual that comes back."""

Progress = Callable[[float], None]
"""Receives the share of the wanted triplets that have converged, after each restart."""


class Triplets(NamedTuple):
    """``R ≈ U diag(s) Vᵀ``, singular values descending; columns beyond the rank of R are zero."""

    users: Tensor
    """(n_users, r) float32 U"""
    values: Tensor
    """(r,) float64 s"""
    items: Tensor
    """(n_items, r) float32 V"""
    residual: float
    """The largest ``‖Rᵀu - s v‖ / s`` (or with R and Rᵀ changed over), measured at the end."""
    products: int
    """Vectors that R and Rᵀ were multiplied with; 0 where a library did it."""


def block_svd(
    matrix: sp.csr_array,
    rank: int,
    seed: int = 0,
    *,
    tolerance: float = TOLERANCE,
    progress: Progress | None = None,
) -> Triplets:
    """The leading ``rank`` triplets, each with ``‖Rᵀu - s v‖ ≤ tolerance · s``.

    Thick-restart block Lanczos on the Gram matrix A of the smaller side: a space is widened by A
    times its last block, Rayleigh and Ritz's problem is solved in it, and the best Ritz vectors
    begin the next space. Every block is made orthogonal to the whole space, so that products in
    float32 do; the small problems are solved in float64. The same bits for the same seed and number
    of threads.

    Source: Wu & Simon, SIAM J. Matrix Anal. Appl. 22(2), 2000, with blocks.
    """
    wide = matrix.shape[0] <= matrix.shape[1]
    one = sp.csr_array(matrix.astype(np.float32))
    other = sp.csr_array(one.T)
    left, right = (other, one) if wide else (one, other)  # A = right @ left, of the smaller side
    space = _Space(left, right, rank, seed)
    for _ in range(RESTARTS + 1):
        converged = space.search(tolerance)
        if progress is not None:
            progress(converged / rank)
        if converged == rank or space.whole:
            break
    short = space.vectors(rank)
    long, values = _opposite(left, short)
    residual = _residual(right, short, long, values)
    users, items = (short, long) if wide else (long, short)
    return Triplets(users, values, items, residual, space.products)


def space_size(rank: int, n: int) -> int:
    """Vectors of the space in which ``rank`` triplets of a side of ``n`` rows are searched."""
    return min(n, 2 * _blocks(rank) + 2 * BLOCK)


def _blocks(rank: int) -> int:
    """The least multiple of the width of a block: only a whole block says what it leaves out."""
    return -(-rank // BLOCK) * BLOCK


def svd_bytes(shape: tuple[int, int], rank: int) -> int:
    """Bytes that `block_svd` takes at its height.

    The space, a copy of it while it is turned, the small problem with its vectors, and the singular
    vectors of both sides.
    """
    size = space_size(rank, min(shape))
    return 4 * (2 * size * min(shape) + sum(shape) * rank) + 3 * 8 * size**2


class _Space:
    """An orthonormal basis Q, a vector a row, and ``T = Q A Qᵀ``."""

    def __init__(self, left: sp.csr_array, right: sp.csr_array, rank: int, seed: int) -> None:
        self.left, self.right, self.rank = left, right, rank
        n = right.shape[0]
        self.size = space_size(rank, n)
        self.basis = torch.zeros(self.size, n)
        self.small = torch.zeros(self.size, self.size, dtype=torch.float64)
        self.kept = 0
        self.products = 0
        self.generator = torch.Generator().manual_seed(seed % 2**63)
        self.next = self._orthonormal(self._random(min(BLOCK, self.size)), 0)[0]

    @property
    def whole(self) -> bool:
        """Whether the basis spans the whole side, so that nothing is left to search."""
        return self.size == self.basis.shape[1]

    def search(self, tolerance: float) -> int:
        """Widens the space to its size and restarts it; how many leading pairs have converged."""
        link = self._widen()
        values, vectors = torch.linalg.eigh(self.small)
        values, vectors = values.flip(0), vectors.flip(1)
        last = vectors[self.size - link.shape[1] :]
        residuals = (link.double() @ last).norm(dim=0)
        done = residuals[: self.rank] <= tolerance * values[: self.rank].clamp_min(0)
        done |= values[: self.rank] <= values[0] * torch.finfo(torch.float32).eps
        rank = _blocks(self.rank)
        self.kept = min(_blocks(rank + (self.size - rank) // 3), self.size - BLOCK)
        if self.whole:  # and need not be of whole blocks
            self.kept = self.rank
        self.basis[: self.kept] = vectors[:, : self.kept].T.float() @ self.basis
        self.small.zero_()
        self.small.diagonal()[: self.kept] = values[: self.kept]
        return int(done.sum())

    def vectors(self, rank: int) -> Tensor:
        """(n, rank) the leading Ritz vectors, after `search`."""
        return self.basis[:rank].T.contiguous()

    def _widen(self) -> Tensor:
        """Fills the basis; the (b, b) coupling of its last block to what lies outside."""
        at, near = self.kept, 0
        while at < self.size:
            block = self.next[: self.size - at]
            stop = at + len(block)
            self.basis[at:stop] = block
            product = self._gram(block)
            # All but the last two blocks are orthogonal to A Q_j already, up to rounding; after a
            # restart the first block is coupled to every vector that was kept.
            inner = self.basis[near:stop] @ product.T
            product -= inner.T @ self.basis[near:stop]
            self.small[near:stop, at:stop] = inner.double()
            self.next, link = self._orthonormal(product, stop)
            self.small[at:stop, near:stop] = self.small[near:stop, at:stop].T.clone()
            self.small[at:stop, at:stop] = (
                self.small[at:stop, at:stop] + self.small[at:stop, at:stop].T
            ) / 2
            at, near = stop, at
        return link

    def _gram(self, block: Tensor) -> Tensor:
        """(b, n): A times each row."""
        self.products += len(block)
        columns = np.ascontiguousarray(block.T.numpy())
        product = self.right @ (self.left @ columns)
        return torch.from_numpy(np.ascontiguousarray(product.T))

    def _orthonormal(self, block: Tensor, stop: int) -> tuple[Tensor, Tensor]:
        """Orthonormal rows N orthogonal to the basis up to ``stop``, and L: ``block ≈ Lᵀ N``."""
        known = self.basis[:stop]
        block = block - (block @ known.T) @ known
        link = torch.linalg.qr(block.T)
        made, factor = link.Q.T, link.R
        scale = self.small.diagonal().max().item()
        # Where A has nothing more to give, Q completes the block with any directions at all, which
        # lie in part in the space: once is not enough for them.
        lost = factor.diagonal().abs().min() <= 1e-5 * scale
        for _ in range(2 if lost else 1):
            made = made - (made @ known.T) @ known
            made = torch.linalg.qr(made.T).Q.T
        return made.contiguous(), factor

    def _random(self, count: int) -> Tensor:
        return torch.randn(count, self.basis.shape[1], generator=self.generator)


def _opposite(left: sp.csr_array, short: Tensor) -> tuple[Tensor, Tensor]:
    """The other side's vectors and the singular values, by their lengths: exact for small ones."""
    long = torch.from_numpy(left @ short.numpy())
    values = torch.zeros(long.shape[1], dtype=torch.float64)
    for start in range(0, len(long), 4096):
        values += long[start : start + 4096].double().square().sum(dim=0)
    values = values.sqrt()
    zero = values <= values.max() * ZERO
    values[zero] = 0
    long /= torch.where(zero, torch.inf, values).float()
    short[:, zero] = 0
    return long, values


def _residual(right: sp.csr_array, short: Tensor, long: Tensor, values: Tensor) -> float:
    """The largest ``‖R u - s v‖ / s``, by blocks of columns."""
    worst = 0.0
    for start in range(0, len(values), BLOCK):
        part = slice(start, start + BLOCK)
        got = torch.from_numpy(right @ np.ascontiguousarray(long[:, part].numpy()))
        error = (got - short[:, part] * values[part].float()).double().norm(dim=0)
        there = values[part] > 0
        worst = max(worst, (error[there] / values[part][there]).max().item() if there.any() else 0)
    return worst
