"""iALS: weighted squared loss over all pairs, least squares in turn."""

from __future__ import annotations

import numpy as np
import torch
from pydantic import Field

from fullrank.data.interactions import Interactions
from fullrank.data.memory import check_memory
from fullrank.encoders import WholeLoss, least_squares_bytes, wide
from fullrank.errors import FitError
from fullrank.methods.closed_form.ials_search import SWEEPS, Search
from fullrank.methods.closed_form.popular import POPULARITY, ByPopularity
from fullrank.methods.closed_form.sweeps import Sweeps, Table
from fullrank.methods.space import Span
from fullrank.serving.scorers import DotScorer
from fullrank.training.progress import Reporter, share_of

MOST_CONFIDENCE = 300.0
"""Of an observed pair, where none is given: on the sparsest data more brings nothing."""


class IALS(ByPopularity):
    """Alternating least squares."""

    name = "ials"
    summary = "weighted squared loss over all pairs, least squares in turn"
    source = "Hu et al., ICDM 2008; penalties as in Rendle et al., RecSys 2022"
    space = {
        "dim": (64, 128, 256),
        "regularization": Span(3e-4, 0.1, log=True),
        "confidence": Span(1.0, 300.0, log=True),
        "popularity": POPULARITY,
    }

    dim: int = Field(default=256, ge=2, lt=2**31)
    """Width of the embeddings."""
    regularization: float | None = Field(default=None, ge=0)
    """λ of the penalty, for each unit of a row's total confidence to the power ``exponent``. If
    absent, the best for pairs that are withheld for that from the users in training."""
    confidence: float | None = Field(default=None, gt=0)
    """α: an observed pair of weight w has the confidence 1 + α w, w = 1 without weights, and every
    other pair 1 (Hu et al., equation 2). If absent, α times the mean weight is the number of pairs
    that there could be for each observed one, to the power ⅔ (at most 300)."""
    exponent: float = Field(default=1.0, ge=0, le=1)
    """ν: how much more the rows with many pairs are penalised, λ C^ν ‖x‖² where C is the sum of a
    row's confidences over all pairs; 0 penalises all rows alike, 1 each as its share of the loss
    (Rendle et al., equation 5)."""
    iterations: int = Field(default=12, ge=1, lt=2**31)
    """Sweeps over both sides."""

    @property
    def uses_weights(self) -> bool:
        """Confidences grow with them."""
        return True

    def solve(self, data: Interactions, device: str) -> DotScorer:
        """As `solve_reported`, in silence."""
        return self.solve_reported(data, device, None)

    def solve_reported(
        self, data: Interactions, device: str, reporter: Reporter | None
    ) -> DotScorer:
        """Users by items, then items by users, each row exactly, ``iterations`` times.

        Raises:
            SettingError: the tables do not fit into memory.
            FitError: rows that are not finite, or a penalty that leaves none above zero.
        """
        del device
        n = data.n_users + data.n_items
        check_memory("setting dim", 12 * n * self.dim, f"{n:,} × {self.dim:,} embeddings")
        needed = least_squares_bytes(self.dim)
        check_memory("setting dim", needed, f"matrices of {self.dim:,} × {self.dim:,}")
        first, loss, tried = self.first_items(data.n_items), self.loss(data), 0
        with share_of(reporter) as progress:
            if self.regularization is None:
                search = Search(data, loss, first, self.dim, self.seed)
                share = SWEEPS / (SWEEPS + self.iterations)
                loss = loss._replace(regularization=search.best(lambda s: progress(share * s)))
                tried = search.tried
            else:
                share = 0.0
            sweeps = Sweeps(data, loss, first, self.dim)
            for sweep in range(self.iterations):
                sweeps.run(loss.regularization)
                checked(sweeps.items)
                progress(share + (1 - share) * (sweep + 1) / self.iterations)
        users, items = map(torch.from_numpy, sweeps.tables())
        scorer = DotScorer(users, items)
        known = {"confidence": loss.confidence, "regularization": loss.regularization}
        known |= {"tried": tried} if tried else {}
        scorer.metadata["ials"] = known
        return self.weighed_tables(scorer, data)

    def loss(self, data: Interactions) -> WholeLoss:
        """What is minimised on some data; with λ = 0 where it is to be found."""
        return WholeLoss(
            self._confidence(data) if self.confidence is None else self.confidence,
            self.regularization or 0.0,
            self.exponent,
        )

    def _confidence(self, data: Interactions) -> float:
        weight = 1.0 if data.weight is None else float(data.weight.astype(np.float64).mean())
        each = float(data.n_users * data.n_items / max(1, len(data)))
        return float(min(MOST_CONFIDENCE, each ** (2 / 3)) / weight)

    def first_items(self, n: int) -> Table:
        """(n, wide) the item table before the first sweep: rows of length 1, about."""
        generator = torch.Generator().manual_seed(self.seed % 2**63)
        drawn = torch.randn(n, self.dim, generator=generator) / self.dim**0.5
        return wide(drawn.numpy())


def checked(table: Table) -> Table:
    """The table.

    Raises:
        FitError: it has no number above zero, or one that is not finite.
    """
    largest = float(np.abs(table).max(initial=0))
    if largest == 0:
        raise FitError("method ials", "embeddings of zero", "a smaller regularization")
    if not np.isfinite(largest):
        expected = "finite ones: smaller confidence or a larger regularization"
        raise FitError("method ials", "embeddings that are not finite", expected)
    return table
