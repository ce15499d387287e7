"""Training steps in compiled code: the structs of ``kernels/`` and what calls them.

Arrays are given as NumPy; the tables are written in place.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from ctypes import (
    POINTER,
    Structure,
    byref,
    c_double,
    c_float,
    c_int32,
    c_int64,
    c_uint64,
    c_void_p,
)
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fullrank.native.build import kernel, pointer
from fullrank.native.hops import Edges

VECTOR = 16
"""Widths that are a multiple of this are whole vectors on every machine."""

_RULES = {"sgd": 0, "adagrad": 1, "adam": 2, "keep": 3}
"""``keep`` moves nothing and puts the gradient of each row in ``square``."""
_BALANCES = {"none": 0, "directspec": 1, "directspec+": 2}
PAIRWISE = {"log-positive": 0, "euclidean-positive": 1}
"""Objectives of observed pairs, as the kernels number them."""
_CONTRASTS = {"bpr": 0, "bce": 1, "ccl": 2}


@dataclass(frozen=True)
class Moves:
    """How rows move: the rule, the penalty on rows, and the rule's constants."""

    rule: Literal["sgd", "adagrad", "adam", "keep"] = "sgd"
    lr: float = 1.0
    decay: float = 0.0
    """Times the row is added to its gradient, for each time that the batch has it; N negatives of a
    pair count as one."""
    eps: float = 0.0
    beta1: float = 0.0
    beta2: float = 0.0


@dataclass(frozen=True)
class Side:
    """The table of one side, (n, d) float32, and the optimiser's arrays for it."""

    table: NDArray[np.float32]
    state: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    """``square`` for Adagrad; ``square``, ``mean`` and ``count`` for Adam."""


class _Table(Structure):
    _fields_ = [
        ("rows", POINTER(c_float)),
        ("n", c_int64),
        ("square", POINTER(c_float)),
        ("mean", POINTER(c_float)),
        ("count", POINTER(c_float)),
    ]


class _Update(Structure):
    _fields_ = [
        ("rule", c_int64),
        ("lr", c_float),
        ("decay", c_float),
        ("eps", c_float),
        ("beta1", c_float),
        ("beta2", c_float),
    ]


class _FactoredConfig(Structure):
    _fields_ = [
        ("rank", c_int64),
        *((name, c_float) for name in ("identity", "hop")),
        *((name, POINTER(c_float)) for name in ("even", "odd")),
        *((name, POINTER(c_float) * 2) for name in ("basis", "low")),
        ("indptr", POINTER(c_int64) * 2),
        ("indices", POINTER(c_int32) * 2),
        ("weights", POINTER(c_float) * 2),
    ]


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


class _PairConfig(Structure):
    _fields_ = [
        *((name, c_int64) for name in ("batch", "dim", "threads", "balance", "objective")),
        *((name, c_float) for name in ("alpha", "tau", "tau_near", "shrink")),
        ("near", c_int64),
        ("n", c_int64 * 2),
        ("n_neighbours", c_int64 * 2),
        ("indptr", POINTER(c_int64) * 2),
        ("indices", POINTER(c_int32) * 2),
        ("factored", _FactoredConfig),
    ]


class _NegativeConfig(Structure):
    _fields_ = [
        *((name, c_int64) for name in ("batch", "dim", "negatives", "threads", "objective")),
        ("n", c_int64 * 2),
        *((name, c_float) for name in ("margin", "weight")),
        ("dropout", c_double),
    ]


class PairSteps:
    """Steps on observed pairs alone, balanced or not: what `fr_pair_run` does.

    Args:
        shape: Users, items, d.
        batch: B.
        threads: Threads that share a step. The result does not depend on their number.
        objective: ``log-positive`` or ``euclidean-positive``.
        balance: ``none``, ``directspec`` or ``directspec+``.
        values: ``alpha``, ``tau``, ``tau_near``, ``shrink``, as far as the balance has them.
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
        graph: Sequence[tuple[NDArray[np.int64], NDArray[np.int32]]] | None = None,
        by_distance: bool = False,
        low_rank: LowRank | None = None,
    ) -> None:
        n_users, n_items, dim = shape
        config = _PairConfig(batch, dim, threads, _BALANCES[balance], PAIRWISE[objective])
        for name, value in (values or {}).items():
            setattr(config, name, value)
        config.near = by_distance
        config.n[:] = (n_users, n_items)
        config.n_neighbours[:] = (n_users, n_items) if graph is None else (n_items, n_users)
        self._graph = graph
        for side, (indptr, indices) in enumerate(graph or ()):
            config.indptr[side] = pointer(indptr, np.int64, c_int64)
            config.indices[side] = pointer(indices, np.int32, c_int32)
        self._low_rank = low_rank
        if low_rank is not None:
            config.factored = _factored(low_rank)
        self._handle = _opened(self, "pair", config)

    def run(
        self, sides: tuple[Side, Side], moves: Moves, users: NDArray[Any], items: NDArray[Any]
    ) -> NDArray[np.float64]:
        """Makes a step of each row of ``users`` and ``items``, (steps, B) int64 each.

        Returns:
            (steps,) the loss of each step, before its update.
        """
        losses = np.empty(len(users))
        arguments = (_tables(sides), byref(_update(moves)))
        kernel("pair_run")(
            self._handle,
            c_int64(len(users)),
            *arguments,
            pointer(users, np.int64, c_int64),
            pointer(items, np.int64, c_int64),
            pointer(losses, np.float64, c_double),
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
        grads = np.empty_like(rows)
        work = kernel("pair_gradients")
        work.restype = c_double
        loss = work(
            self._handle,
            pointer(rows, np.float32, c_float),
            pointer(users, np.int64, c_int64),
            pointer(items, np.int64, c_int64),
            pointer(grads, np.float32, c_float),
        )
        return loss, grads


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
        n_users, n_items, dim = shape
        config = _NegativeConfig(batch, dim, negatives, threads, _CONTRASTS[objective])
        config.n[:] = (n_users, n_items)
        for name, value in (values or {}).items():
            setattr(config, name, value)
        self._kind = "shared" if shared else "negative"
        self._handle = _opened(self, self._kind, config)

    def run(
        self,
        sides: tuple[Side, Side],
        moves: Moves,
        users: NDArray[Any],
        items: NDArray[Any],
        negatives: NDArray[Any],
        keys: NDArray[np.uint64] | None = None,
    ) -> NDArray[np.float64]:
        """Makes a step of each row of the arguments.

        Args:
            sides: The two tables.
            moves: How their rows move.
            users: (steps, B) int64.
            items: (steps, B) int64.
            negatives: (steps, B, N) int64, or (steps, 1, N) where they are shared.
            keys: (steps, B), of the pairs, for dropout; without them there is none.

        Returns:
            (steps,) the loss of each step, before its update.
        """
        losses = np.empty(len(users))
        kernel(f"{self._kind}_run")(
            self._handle,
            c_int64(len(users)),
            _tables(sides),
            byref(_update(moves)),
            pointer(users, np.int64, c_int64),
            pointer(items, np.int64, c_int64),
            pointer(negatives, np.int64, c_int64),
            None if keys is None else pointer(keys, np.uint64, c_uint64),
            pointer(losses, np.float64, c_double),
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
        sides = (
            Side(tables[0], {"square": grads[0]}),
            Side(tables[1], {"square": grads[1]}),
        )
        batch = users[None], items[None], negatives[None], None if keys is None else keys[None]
        (loss,) = self.run(sides, Moves("keep"), *batch)
        return float(loss), grads


def _factored(low_rank: LowRank) -> _FactoredConfig:
    config = _FactoredConfig(len(low_rank.even), low_rank.identity, low_rank.hop)
    config.even = pointer(low_rank.even, np.float32, c_float)
    config.odd = pointer(low_rank.odd, np.float32, c_float)
    for side in (0, 1):
        config.basis[side] = pointer(low_rank.bases[side], np.float32, c_float)
        config.low[side] = pointer(low_rank.low[side], np.float32, c_float)
        edges = low_rank.edges[side]
        config.indptr[side] = pointer(edges.indptr, np.int64, c_int64)
        config.indices[side] = pointer(edges.indices, np.int32, c_int32)
        config.weights[side] = pointer(edges.weights, np.float32, c_float)
    return config


def _opened(owner: object, kind: str, config: Structure) -> c_void_p:
    make = kernel(f"{kind}_open")
    make.restype = c_void_p
    handle = c_void_p(make(byref(config)))
    if not handle:
        raise MemoryError("no room for the work space of a training step")
    weakref.finalize(owner, kernel(f"{kind}_close"), handle)
    return handle


def _tables(sides: tuple[Side, Side]) -> Any:
    tables = (_Table * 2)()
    for table, side in zip(tables, sides, strict=True):
        table.n = len(side.table)
        table.rows = pointer(side.table, np.float32, c_float)
        for name, array in side.state.items():
            setattr(table, name, pointer(array, np.float32, c_float))
    return tables


def _update(moves: Moves) -> _Update:
    return _Update(_RULES[moves.rule], moves.lr, moves.decay, moves.eps, moves.beta1, moves.beta2)
