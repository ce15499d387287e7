"""iALS: weighted squared loss over all pairs, least squares in turn."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import torch
from pydantic import Field

from fullrank.data.interactions import Interactions
from fullrank.data.memory import check_memory
from fullrank.errors import FitError, SettingError
from fullrank.methods.base import ClosedFormMethod
from fullrank.methods.space import Span
from fullrank.serving.scorers import DotScorer


class IALS(ClosedFormMethod):
    """Alternating least squares."""

    name = "ials"
    summary = "weighted squared loss over all pairs, least squares in turn"
    source = "Hu et al., ICDM 2008, by the package implicit"
    space = {
        "dim": (64, 128, 256),
        "regularization": Span(1e-3, 10.0, log=True),
        "confidence": Span(1.0, 100.0, log=True),
    }

    dim: int = Field(default=128, ge=2, lt=2**31)
    """Width of the embeddings."""
    regularization: float = Field(default=0.05, ge=0)
    """λ of the penalty."""
    confidence: float = Field(default=10.0, gt=0)
    """Weight α of an observed pair; of one with a weight w, 1 + α w (Hu et al., equation 2)."""
    iterations: int = Field(default=15, ge=1, lt=2**31)
    """Sweeps over both sides."""

    @property
    def uses_weights(self) -> bool:
        """Confidences grow with them."""
        return True

    def solve(self, data: Interactions, device: str) -> DotScorer:
        """By the package ``implicit``.

        Raises:
            SettingError: the package is not installed, or the tables do not fit into memory.
        """
        del device
        try:
            from implicit.als import AlternatingLeastSquares
            from implicit.recommender_base import ModelFitError
            from threadpoolctl import threadpool_limits
        except ImportError:
            remedy = "pip install 'fullrank[ials]'"
            raise SettingError("method ials", "no package implicit", remedy) from None
        n = data.n_users + data.n_items
        check_memory("setting dim", 4 * n * self.dim, f"{n:,} × {self.dim:,} embeddings")
        check_memory("setting dim", 4 * self.dim**2, f"matrices of {self.dim:,} × {self.dim:,}")
        matrix = confidences(data, self.confidence)
        with threadpool_limits(
            1, "blas"
        ):  # its own threads and those of BLAS are in each other's way
            model = AlternatingLeastSquares(
                factors=self.dim,
                regularization=self.regularization,
                alpha=1.0 if data.weight is not None else self.confidence,
                iterations=self.iterations,
                random_state=self.seed % 2**32,
                num_threads=torch.get_num_threads(),
                use_gpu=False,
            )
            try:
                model.fit(matrix, show_progress=False)
            except ModelFitError:
                expected = "finite ones: smaller confidence or regularization"
                raise FitError("method ials", "factors that are not finite", expected) from None
        tables = (torch.from_numpy(np.asarray(t)) for t in (model.user_factors, model.item_factors))
        return DotScorer(*tables)


def confidences(data: Interactions, alpha: float) -> sp.csr_matrix:
    """(n_users, n_items) float32: ``1 + α w`` of weighted pairs; 1, for α to multiply, of others.

    The package takes what it is given, times its own α, as the confidence of a pair, and 1 as that
    of every other.
    """
    matrix = data.csr().astype(np.float32)
    if data.weight is not None:
        matrix.data = np.float32(1) + np.float32(alpha) * data.weight
    return sp.csr_matrix(matrix)
