"""iALS: weighted squared loss over all pairs, least squares in turn."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import torch
from pydantic import Field

from fullrank.data.interactions import Interactions
from fullrank.data.memory import check_memory
from fullrank.errors import SettingError
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

    dim: int = Field(128, ge=2, lt=2**31)
    """Width of the embeddings."""
    regularization: float = Field(0.05, ge=0)
    """λ of the penalty."""
    confidence: float = Field(10.0, gt=0)
    """Weight of an observed pair."""
    iterations: int = Field(15, ge=1, lt=2**31)
    """Sweeps over both sides."""

    def solve(self, data: Interactions, device: str) -> DotScorer:
        """By the package ``implicit``.

        Raises:
            SettingError: the package is not installed, or the tables do not fit into memory.
        """
        del device
        try:
            from implicit.als import AlternatingLeastSquares
            from threadpoolctl import threadpool_limits
        except ImportError:
            remedy = "pip install 'fullrank[ials]'"
            raise SettingError("method ials", "no package implicit", remedy) from None
        n = data.n_users + data.n_items
        check_memory("setting dim", 4 * n * self.dim, f"{n:,} × {self.dim:,} embeddings")
        check_memory("setting dim", 4 * self.dim**2, f"matrices of {self.dim:,} × {self.dim:,}")
        matrix = sp.csr_matrix(data.csr().astype(np.float32))
        with threadpool_limits(
            1, "blas"
        ):  # its own threads and those of BLAS are in each other's way
            model = AlternatingLeastSquares(
                factors=self.dim,
                regularization=self.regularization,
                alpha=self.confidence,
                iterations=self.iterations,
                random_state=self.seed % 2**32,
                num_threads=torch.get_num_threads(),
                use_gpu=False,
            )
            model.fit(matrix, show_progress=False)
        tables = (torch.from_numpy(np.asarray(t)) for t in (model.user_factors, model.item_factors))
        return DotScorer(*tables)
