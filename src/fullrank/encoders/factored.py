"""LightGCN without propagation while training: its effect on the propagated rows, factored.

The encoder is linear, Z = P E with ``P = c (I + Â + … + Â^K)``, so gradient descent on E is
gradient descent on Z with the gradient smoothed by ``P² = P Pᵀ``. Of P² only the columns of the
batch are needed. On the singular pairs R̃ = U S Vᵀ of the graph it splits into an even part within
each side and an odd part across the sides. The identity and the first hop are kept exact and
sparse; the rest, on the leading r pairs, adds up in two r × d matrices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.polynomial import polynomial
from torch import Tensor

from fullrank import native
from fullrank.encoders.base import Encoder, FreeRows, Rows, TensorBatch, Update
from fullrank.encoders.propagation import Hops, propagate
from fullrank.encoders.spectral import Svd


@dataclass(frozen=True)
class SpectralFilter:
    """P² as the identity, one hop, and what is left on some singular values s."""

    identity: float
    hop: float
    even: Tensor
    """(r,) the even part of P² at s, less the identity."""
    odd: Tensor
    """(r,) the odd part of P² at s, less the hop."""

    @classmethod
    def of(cls, values: Tensor, layers: int, scale: float) -> SpectralFilter:
        """The filter of ``scale · (1 + x + … + x^layers)``, squared."""
        power = np.ones(layers + 1) * scale
        squared = polynomial.polymul(power, power)
        even, odd = squared.copy(), squared.copy()
        even[1::2] = 0
        odd[0::2] = 0
        even[0] = odd[1] = 0
        s = values.double().cpu().numpy()
        parts = (torch.from_numpy(polynomial.polyval(s, part)).to(values) for part in (even, odd))
        return cls(float(squared[0]), float(squared[1]), *parts)


class FactoredLightGCN(Encoder):
    """Rows ``z = t + u M``, trained by plain gradient descent as `LightGCN` would train them.

    At full rank a step does exactly what one of `LightGCN` does. A step touches the batch's rows,
    their neighbours and M; nothing grows with the graph.

    Args:
        user_table: (n_users, d) raw rows E₀; training starts from their propagation.
        item_table: (n_items, d).
        hops: The graph.
        svd: Its leading singular pairs.
        layers: Hops K ≥ 1.
        average: Divide by K + 1.

    Source: fullrank; the linear algebra is that of LightGCN, He et al., SIGIR 2020, equation 8.
    """

    def __init__(
        self,
        user_table: Tensor,
        item_table: Tensor,
        hops: Hops,
        svd: Svd,
        layers: int = 3,
        average: bool = False,
    ) -> None:
        scale = 1 / (layers + 1) if average else 1.0
        users, items = propagate(hops, (user_table, item_table), layers)
        self.user_table, self.item_table = users * scale, items * scale
        self.hops = hops
        self.singular_vectors = tuple(part.to(user_table) for part in (svd.users, svd.items))
        self.filter = SpectralFilter.of(svd.values.to(user_table), layers, scale)
        rank, dim = len(svd.values), user_table.shape[1]
        self.user_low = user_table.new_zeros(rank, dim)
        self.item_low = user_table.new_zeros(rank, dim)
        self._leaves: list[Tensor] = []

    @property
    def parameters(self) -> dict[str, Tensor]:
        """The sparse parts t and the low-rank parts M."""
        return {
            "user_table": self.user_table,
            "item_table": self.item_table,
            "user_low": self.user_low,
            "item_low": self.item_low,
        }

    @property
    def free_rows(self) -> FreeRows:
        """The sparse parts, with their low-rank part."""
        return FreeRows(self._low_rank)

    def rows(self, batch: TensorBatch) -> Rows:
        """The rows of the batch."""
        items = batch.item_idx
        if batch.negative_idx is not None:
            items = torch.cat((items, batch.negative_idx.flatten()))
        user = self._expanded(0, batch.user_idx).requires_grad_()
        item = self._expanded(1, items).requires_grad_()
        self._leaves = [user, item]
        size, negative = len(batch.user_idx), None
        if batch.negative_idx is not None:
            negative = item[size:].view(*batch.negative_idx.shape, -1)
        return Rows(torch.stack((user, item[:size])), negative)

    def updates(self, batch: TensorBatch, rows: Rows, decay: float) -> list[Update]:
        """The gradient, smoothed by P²."""
        del rows, decay  # the settings refuse a penalty here
        idx = [batch.user_idx, batch.item_idx]
        if batch.negative_idx is not None:
            idx[1] = torch.cat((idx[1], batch.negative_idx.flatten()))
        grads = [leaf.grad for leaf in self._leaves if leaf.grad is not None]
        if len(grads) < 2:
            return []
        sizes = len(self.user_table), len(self.item_table)
        _, hopped = self.hops.spread((idx[0], idx[1]), (grads[0], grads[1]), sizes)
        inner = [self.singular_vectors[side][idx[side]].T @ grads[side] for side in (0, 1)]
        even, odd = self.filter.even[:, None], self.filter.odd[:, None]
        made = []
        for side, name in enumerate(("user", "item")):
            made.append(Update(f"{name}_table", idx[side], self.filter.identity * grads[side]))
            made.append(Update(f"{name}_table", None, self.filter.hop * hopped[side]))
            low = even * inner[side] + odd * inner[1 - side]
            made.append(Update(f"{name}_low", None, low))
        return made

    @torch.no_grad()
    def tables(self) -> tuple[Tensor, Tensor]:
        """All rows: plain tables, as matrix factorisation has."""
        users = torch.addmm(self.user_table, self.singular_vectors[0], self.user_low)
        items = torch.addmm(self.item_table, self.singular_vectors[1], self.item_low)
        return users, items

    def _low_rank(self) -> native.LowRank:
        edges = self.hops.edges
        if edges is None:
            raise RuntimeError("compiled steps need compiled hops")
        return native.LowRank(
            self.filter.identity,
            self.filter.hop,
            self.filter.even.numpy(),
            self.filter.odd.numpy(),
            (self.singular_vectors[0].numpy(), self.singular_vectors[1].numpy()),
            (self.user_low.numpy(), self.item_low.numpy()),
            (edges[0], edges[1]),
        )

    def _expanded(self, side: int, idx: Tensor) -> Tensor:
        table, low = (
            (self.user_table, self.user_low) if side == 0 else (self.item_table, self.item_low)
        )
        return torch.addmm(table[idx], self.singular_vectors[side][idx], low)
