"""Training steps in compiled code: the structs of ``kernels/`` and what calls them.

Arrays are given as NumPy; the tables are written in place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ctypes import byref, c_double, c_int64
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullrank.native import abi
from fullrank.native.hops import Edges
from fullrank.native.tables import OptimizerStep, ParameterTable, Tables, pack_structs

VECTOR = 16
"""Widths that are a multiple of this are whole vectors on every machine."""

_BALANCES = {"none": 0, "directspec": 1, "directspec+": 2}
PAIRWISE = {"log-positive": 0, "euclidean-positive": 1}
"""Objectives of observed pairs, as the kernels number them."""
_CONTRASTS = {"bpr": 0, "bce": 1, "ccl": 2}

Csr = tuple[NDArray[np.int64], NDArray[np.int32]]


@dataclass(frozen=True)
class LowRank:
    """What a step on rows ``t + u M`` has to know beside the tables t: see ``factored.h``."""

    identity: float
    """Factor of the gradient on the row itself."""
    hop: float
    """Factor of the gradient on the row's neighbours."""
    even: NDArray[np.float32]
    """(r,) the filter within a side."""
    odd: NDArray[np.float32]
    """(r,) the filter across the sides."""
    bases: tuple[NDArray[np.float32], NDArray[np.float32]]
    """(n_users, r) and (n_items, r)."""
    low: tuple[NDArray[np.float32], NDArray[np.float32]]
    """(r, d) each, M, written in place; d whole vectors of the machine, see `VECTOR`."""
    edges: tuple[Edges, Edges]
    """Weighted neighbours of the users, and of the items."""

    def pack_structs(self, n: tuple[int, int], dim: int) -> abi.FactoredConfig:
        """The struct of rows over tables (n[0], d) and (n[1], d).

        Raises:
            ValueError: arrays that do not fit the tables or one another.
        """
        if dim % VECTOR:
            raise ValueError(f"dim: found {dim}; expected a multiple of {VECTOR}")
        rank = len(self.even)
        config = abi.FactoredConfig(rank, self.identity, self.hop)
        config.even = abi.array("even", self.even, np.float32, (rank,))
        config.odd = abi.array("odd", self.odd, np.float32, (rank,))
        for side, edges in enumerate(self.edges):
            basis, low = self.bases[side], self.low[side]
            config.basis[side] = abi.array("basis", basis, np.float32, (n[side], rank))
            config.low[side] = abi.array("low", low, np.float32, (rank, dim), written=True)
            if edges.n_rows != n[side] or edges.n_columns > n[1 - side]:
                found = f"{edges.n_rows} rows and {edges.n_columns} columns"
                raise ValueError(f"edges: found {found}; expected {n[side]} and {n[1 - side]}")
            config.indptr[side], config.indices[side], config.weights[side] = edges.arrays()
        return config


class PairSteps:
    """Steps on observed pairs alone, balanced or not: what `fr_pair_run` does.

    Args:
        shape: Users, items, d.
        batch: B.
        threads: Threads that share a step. The result does not depend on their number.
        objective: ``log-positive`` or ``euclidean-positive``.
        balance: ``none``, ``directspec`` or ``directspec+``.
        values: ``alpha``, ``tau``, ``tau_near``, ``shrink``, ``distinct``, as far as the balance
            has them.
        graph: For a ``tau_near``: CSR (indptr, indices) of user → items and item → users; None
            for a distance below 2, where a row is near to itself alone.
        by_distance: Whether ``tau_near`` is used.
        low_rank: For rows that are smoothed over a graph; free rows if absent.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        batch: int,
        threads: int,
        *,
        objective: str,
        balance: str = "none",
        values: Mapping[str, float] | None = None,
        graph: Sequence[Csr] | None = None,
        by_distance: bool = False,
        low_rank: LowRank | None = None,
    ) -> None:
        n_users, n_items, self._dim = shape
        self._n, self._batch = (n_users, n_items), batch
        threads = abi.team_size(threads)
        config = abi.PairConfig(batch, self._dim, threads, _BALANCES[balance], PAIRWISE[objective])
        for name, value in (values or {}).items():
            setattr(config, name, value)
        config.near = by_distance
        config.n[:] = self._n
        config.n_neighbours[:] = self._n if graph is None else self._n[::-1]
        for side, (indptr, indices) in zip((0, 1), graph, strict=True) if graph else ():
            _check_graph(side, indptr, indices, self._n)
            config.indptr[side] = abi.array("graph", indptr, np.int64, indptr.shape)
            config.indices[side] = abi.array("graph", indices, np.int32, indices.shape)
        if low_rank is not None:
            config.factored = low_rank.pack_structs(self._n, self._dim)
        self._kept = graph, low_rank  # the kernels have their addresses
        self._handle = abi.opened(self, "pair", config)

    def run(
        self, tables: Tables, step: OptimizerStep, users: NDArray[Any], items: NDArray[Any]
    ) -> NDArray[np.float64]:
        """Makes a step of each row of ``users`` and ``items``, (steps, B) int64 each.

        Returns:
            (steps,) the loss of each step, before its update.
        """
        steps = len(users)
        losses = np.empty(steps)
        structs, update = pack_structs(tables, step, self._n, self._dim)
        abi.call(
            "pair_run",
            self._handle,
            c_int64(steps),
            structs,
            byref(update),
            abi.array("users", users, np.int64, (steps, self._batch)),
            abi.array("items", items, np.int64, (steps, self._batch)),
            abi.array("losses", losses, np.float64, (steps,)),
        )
        return losses

    def gradients(
        self, rows: NDArray[Any], users: NDArray[Any], items: NDArray[Any]
    ) -> tuple[float, NDArray[np.float32]]:
        """The loss of rows that were made elsewhere, and its gradient with respect to them.

        Args:
            rows: (2, B, d) float32, of users and items.
            users: (B,) int64, whose rows they are, for a ``tau_near``.
            items: (B,) int64.

        Returns:
            The loss, and (2, B, d).
        """
        shape = 2, self._batch, self._dim
        grads, loss = np.empty(shape, dtype=np.float32), c_double()
        abi.call(
            "pair_gradients",
            self._handle,
            abi.array("rows", rows, np.float32, shape),
            abi.array("users", users, np.int64, (self._batch,)),
            abi.array("items", items, np.int64, (self._batch,)),
            abi.array("grads", grads, np.float32, shape),
            byref(loss),
        )
        return loss.value, grads


class NegativeSteps:
    """Steps of pairs against sampled items: what `fr_negative_run` and `fr_shared_run` do.

    Args:
        shape: Users, items, d.
        batch: B.
        negatives: N.
        threads: Threads that share a step. The result does not depend on their number.
        objective: ``bpr``, ``bce`` or ``ccl``.
        values: ``margin``, ``weight`` and ``dropout`` of ``ccl``.
        shared: Whether the pairs of a batch have the same N negatives; ``ccl`` alone.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        batch: int,
        negatives: int,
        threads: int,
        objective: str,
        values: Mapping[str, float] | None = None,
        *,
        shared: bool = False,
    ) -> None:
        if shared and objective != "ccl":
            raise ValueError(f"found shared negatives with {objective!r}, expected 'ccl'")
        n_users, n_items, self._dim = shape
        self._n, self._batch = (n_users, n_items), batch
        self._drawn = (1 if shared else batch, negatives)
        threads = abi.team_size(threads)
        config = abi.NegativeConfig(batch, self._dim, negatives, threads, _CONTRASTS[objective])
        config.n[:] = self._n
        for name, value in (values or {}).items():
            setattr(config, name, value)
        if not 0 <= config.dropout < 1:
            raise ValueError(f"dropout: found {config.dropout}; expected 0 or more, below 1")
        self._kind = "shared" if shared else "negative"
        self._handle = abi.opened(self, self._kind, config)

    def run(
        self,
        tables: Tables,
        step: OptimizerStep,
        users: NDArray[Any],
        items: NDArray[Any],
        negatives: NDArray[Any],
        keys: NDArray[np.uint64] | None = None,
    ) -> NDArray[np.float64]:
        """Makes a step of each row of the arguments.

        Args:
            tables: Users and items; written in place.
            step: How the optimiser updates their rows.
            users: (steps, B) int64.
            items: (steps, B) int64.
            negatives: (steps, B, N) int64, or (steps, 1, N) where they are shared.
            keys: (steps, B), of the pairs, for dropout; without them there is none.

        Returns:
            (steps,) the loss of each step, before its update.
        """
        steps = len(users)
        losses, pairs = np.empty(steps), (steps, self._batch)
        structs, update = pack_structs(tables, step, self._n, self._dim)
        abi.call(
            f"{self._kind}_run",
            self._handle,
            c_int64(steps),
            structs,
            byref(update),
            abi.array("users", users, np.int64, pairs),
            abi.array("items", items, np.int64, pairs),
            abi.array("negatives", negatives, np.int64, (steps, *self._drawn)),
            None if keys is None else abi.array("keys", keys, np.uint64, pairs),
            abi.array("losses", losses, np.float64, (steps,)),
        )
        return losses

    def gradients(
        self,
        tables: tuple[NDArray[np.float32], NDArray[np.float32]],
        users: NDArray[Any],
        items: NDArray[Any],
        negatives: NDArray[Any],
        keys: NDArray[np.uint64] | None = None,
    ) -> tuple[float, tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """The loss of a batch, and its gradient with respect to the tables, zero for other rows.

        Args:
            tables: (n_users, d) and (n_items, d) float32, of as many rows as the steps are for.
            users: (B,) int64 rows of the first.
            items: (B,) int64 rows of the second.
            negatives: (B, N) int64 rows of the second, or (1, N) where they are shared.
            keys: (B,), of the pairs, for dropout.
        """
        grads = np.zeros_like(tables[0]), np.zeros_like(tables[1])
        users_and_items = (
            ParameterTable(tables[0], {"square": grads[0]}),
            ParameterTable(tables[1], {"square": grads[1]}),
        )
        batch = users[None], items[None], negatives[None], None if keys is None else keys[None]
        (loss,) = self.run(users_and_items, OptimizerStep("keep"), *batch)
        return float(loss), grads


def _check_graph(
    side: int, indptr: NDArray[np.int64], indices: NDArray[np.int32], n: tuple[int, int]
) -> None:
    found = len(indptr) - 1, abi.check_csr("the graph", indptr, indices)
    if found[0] != n[side] or found[1] > n[1 - side]:
        shape = f"{found[0]} rows and {found[1]} columns"
        raise ValueError(f"graph: found {shape}; expected {n[side]} and {n[1 - side]}")
