"""Methods that are computed at once: the references that an honest comparison shows."""

from __future__ import annotations

import numpy as np
import scipy.linalg
import scipy.sparse as sp
import torch

from fullrank.data.interactions import Interactions
from fullrank.encoders import truncated_svd
from fullrank.errors import FitError, SettingError
from fullrank.methods.encoding import normalised
from fullrank.methods.settings import (
    EASESettings,
    IALSSettings,
    ItemKNNSettings,
    SolvedSettings,
    SpectralSettings,
)
from fullrank.serving import DotScorer, ItemScorer, SpectralScorer

ROWS = 1024
"""Items whose similarities to all others are made at a time."""


def popularity(settings: SolvedSettings, data: Interactions, device: str) -> DotScorer:
    """Everybody gets the items with the most interactions."""
    del settings
    users = torch.ones(data.n_users, 1)
    items = torch.from_numpy(data.item_degree.astype(np.float32))[:, None]
    return DotScorer(users.to(device), items.to(device))


def item_knn(settings: ItemKNNSettings, data: Interactions, device: str) -> ItemScorer:
    """``s_ij = |U_i ∩ U_j| / (√(|U_i| |U_j|) + λ)``, the k largest of each row.

    Source: Sarwar et al., WWW 2001; shrinkage: Bell & Koren, KDD Cup 2007.
    """
    del device
    matrix = sp.csr_array(data.csr().astype(np.float32))
    items = sp.csr_array(matrix.T)
    norm = np.sqrt(np.maximum(data.item_degree, 1)).astype(np.float32)
    blocks = []
    for start in range(0, data.n_items, ROWS):
        common = sp.csr_array(items[start : start + ROWS] @ matrix)
        row = np.repeat(np.arange(common.shape[0]), np.diff(common.indptr)) + start
        common.data /= norm[row] * norm[common.indices] + settings.shrinkage
        common.data[row == common.indices] = 0
        blocks.append(_largest(common, settings.neighbours))
    return ItemScorer(data, sp.csr_array(sp.vstack(blocks)))


def ease(settings: EASESettings, data: Interactions, device: str) -> ItemScorer:
    """``B = I - P / diag(P)``, ``P = (XᵀX + λ I)⁻¹``: linear regression of items on items.

    Source: Steck, WWW 2019, equation 8.

    Raises:
        FitError: the dense item × item matrices do not fit into the memory of this machine.
    """
    del device
    n = data.n_items
    needed, there = 3 * 8 * n**2, available_memory()
    if there is not None and needed > there:
        found = f"{there / 2**30:.1f} GiB of free memory"
        wanted = f"{needed / 2**30:.1f} GiB for three {n:,} × {n:,} matrices; say another method"
        raise FitError("method ease", found, wanted)
    matrix = data.csr().astype(np.float64)
    gram = np.asarray((matrix.T @ matrix).todense(), order="F")
    gram[np.diag_indices(n)] += settings.ridge
    factor, failed = scipy.linalg.lapack.dpotrf(gram, lower=1, overwrite_a=1, clean=0)
    if not failed:
        factor, failed = scipy.linalg.lapack.dpotri(factor, lower=1, overwrite_c=1)
    if failed:
        raise FitError("method ease", "a matrix that cannot be inverted", "a larger ridge")
    diagonal = factor.diagonal().copy()
    weights = np.empty((n, n), dtype=np.float32)
    for start in range(0, n, ROWS):  # the lower triangle is the whole: P is symmetric
        rows = slice(start, start + ROWS)
        upto = min(start + ROWS, n)
        block = np.zeros((upto - start, n))
        block[:, :upto] = factor[rows, :upto]
        block[:, start:] = np.where(
            np.arange(start, n) > np.arange(start, upto)[:, None],
            factor[start:, rows].T,
            block[:, start:],
        )
        weights[rows] = block / -diagonal
    weights[np.diag_indices(n)] = 0
    return ItemScorer(data, weights)


def ials(settings: IALSSettings, data: Interactions, device: str) -> DotScorer:
    """Alternating least squares on weighted interactions, by the package ``implicit``.

    Source: Hu et al., ICDM 2008.

    Raises:
        SettingError: the package is not installed.
    """
    del device
    try:
        from implicit.als import AlternatingLeastSquares
        from threadpoolctl import threadpool_limits
    except ImportError:
        remedy = "pip install 'fullrank[ials]'"
        raise SettingError("method ials", "no package implicit", remedy) from None
    matrix = sp.csr_matrix(data.csr().astype(np.float32))
    with threadpool_limits(1, "blas"):  # its own threads and those of BLAS are in each other's way
        model = AlternatingLeastSquares(
            factors=settings.dim,
            regularization=settings.regularization,
            alpha=settings.confidence,
            iterations=settings.iterations,
            random_state=settings.seed % 2**32,
            num_threads=torch.get_num_threads(),
            use_gpu=False,
        )
        model.fit(matrix, show_progress=False)
    tables = (torch.from_numpy(np.asarray(t)) for t in (model.user_factors, model.item_factors))
    return DotScorer(*tables)


def spectral(settings: SpectralSettings, data: Interactions, device: str) -> SpectralScorer:
    """The truncated reconstruction of the normalised interactions, and one exact hop beside it.

    With ``R = D_u^-β X D_i^-β ≈ U S Vᵀ``, users score items by ``R V Vᵀ + γ R RᵀR``.

    Source: Shen et al., CIKM 2021 (GF-CF: an ideal low-pass and a linear filter), with the
    exponent of Peng et al., CIKM 2022 (SGFCF's generalised normalisation).
    """
    del device
    most = min(data.n_users, data.n_items) - 1
    if settings.rank > most:
        raise SettingError("setting rank", str(settings.rank), f"at most {most}")
    matrix = normalised(data, settings.beta)
    vectors = truncated_svd(matrix, settings.rank, settings.seed).items.numpy()
    scale = (np.maximum(data.item_degree, 1.0) ** -settings.beta).astype(np.float32)
    float32 = sp.csr_array(matrix.astype(np.float32))
    return SpectralScorer(data, vectors, float32, scale, settings.beta, settings.smoothing)


def available_memory() -> int | None:
    """Bytes that this process could still take, where the system says."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:  # noqa: PTH123
            fields = dict(line.split(":", 1) for line in file)
        return int(fields["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return None


def _largest(block: sp.csr_array, k: int) -> sp.csr_array:
    """The k largest entries of each row."""
    row = np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))
    order = np.lexsort((block.indices, -block.data, row))
    place = np.arange(len(order)) - block.indptr[row]
    kept = order[(place < k) & (block.data[order] > 0)]
    return sp.csr_array((block.data[kept], (row[kept], block.indices[kept])), shape=block.shape)
