"""What the kernels refuse: rows outside their tables, arrays that do not fit one another, sizes."""

from __future__ import annotations

import numpy as np
import pytest

from fullrank import DataError, native
from fullrank.native import NegativeSteps, OptimizerStep, PairSteps, ParameterTable

pytestmark = pytest.mark.skipif(not native.available(), reason=native.state())

USERS, ITEMS, DIM, BATCH = 7, 5, 6, 4
LOW, HIGH = -1, 2**40
INDPTR = np.array([0, 2, 4, 5])
INDICES = np.array([0, 3, 1, 4, 2], dtype=np.int32)


def table(n, d=DIM):
    return np.linspace(-1, 1, n * d, dtype=np.float32).reshape(n, d)


def parameter_tables(**state):
    return ParameterTable(table(USERS)), ParameterTable(table(ITEMS), state)


def rows(n, *shape):
    return np.arange(np.prod(shape), dtype=np.int64).reshape(shape) % n


def with_one(array, value):
    array = array.copy()
    array.flat[array.size - 2] = value
    return array


def pair_run(*, users=None, items=None, step=None, tables=None, **options):
    steps = PairSteps((USERS, ITEMS, DIM), BATCH, 2, objective="log-positive", **options)
    drawn = [rows(USERS, 3, BATCH) if users is None else users]
    drawn += [rows(ITEMS, 3, BATCH) if items is None else items]
    return steps.run(tables or parameter_tables(), step or OptimizerStep(lr=0.1), *drawn)


def negative_run(name="bpr", *, users=None, items=None, negatives=None, shared=False, **more):
    steps = NegativeSteps((USERS, ITEMS, DIM), BATCH, 3, 2, name, shared=shared)
    shape = (3, 1, 3) if shared else (3, BATCH, 3)
    drawn = [rows(USERS, 3, BATCH) if users is None else users]
    drawn += [rows(ITEMS, 3, BATCH) if items is None else items]
    drawn += [rows(ITEMS, *shape) if negatives is None else negatives]
    return steps.run(more.get("tables") or parameter_tables(), OptimizerStep(lr=0.1), *drawn)


@pytest.mark.parametrize("value", [LOW, -(2**63), HIGH])
def test_a_row_outside_its_table_is_named(value):
    users, items = rows(USERS, 3, BATCH), rows(ITEMS, 3, BATCH)
    with pytest.raises(DataError, match=rf"users\[10\]: found {value}; expected 0 to 6"):
        pair_run(users=with_one(users, value))
    with pytest.raises(DataError, match=rf"items\[10\]: found {value}; expected 0 to 4"):
        pair_run(items=with_one(items, value))
    for options in ({}, {"name": "ccl"}, {"name": "ccl", "shared": True}):
        with pytest.raises(DataError, match=rf"users\[10\]: found {value}; expected 0 to 6"):
            negative_run(users=with_one(users, value), **options)
        with pytest.raises(DataError, match=rf"items\[10\]: found {value}; expected 0 to 4"):
            negative_run(items=with_one(items, value), **options)
        drawn = rows(ITEMS, *((3, 1, 3) if options.get("shared") else (3, BATCH, 3)))
        with pytest.raises(DataError, match=rf"negatives\[{drawn.size - 2}\]: found {value}"):
            negative_run(negatives=with_one(drawn, value), **options)


def test_the_first_row_beyond_is_refused_and_the_last_is_not():
    items = rows(ITEMS, 3, BATCH)
    pair_run(items=with_one(items, ITEMS - 1))
    with pytest.raises(DataError, match=rf"found {ITEMS}; expected 0 to {ITEMS - 1}"):
        pair_run(items=with_one(items, ITEMS))


def test_a_refused_run_leaves_the_tables_alone():
    tables = parameter_tables()
    with pytest.raises(DataError):
        pair_run(users=with_one(rows(USERS, 3, BATCH), HIGH), tables=tables)
    assert np.array_equal(tables[0].table, table(USERS))
    assert np.array_equal(tables[1].table, table(ITEMS))


def test_rows_of_given_gradients_are_looked_at():
    steps = PairSteps((USERS, ITEMS, DIM), BATCH, 1, objective="log-positive")
    given = np.zeros((2, BATCH, DIM), dtype=np.float32)
    users, items = rows(USERS, BATCH), rows(ITEMS, BATCH)
    with pytest.raises(DataError, match=r"users\[2\]: found -1"):
        steps.gradients(given, with_one(users, -1), items)
    with pytest.raises(DataError, match=r"items\[2\]: found 5"):
        steps.gradients(given, users, with_one(items, 5))
    with pytest.raises(ValueError, match=r"rows: found shape \(2, 4, 5\); expected \(2, 4, 6\)"):
        steps.gradients(given[..., :5].copy(), users, items)


@pytest.mark.parametrize("threads", [1, 2])
def test_unpack_and_observed_refuse_what_is_not_there(threads):
    pairs = np.arange(20)
    for entries in (with_one(rows(20, 9000), LOW), with_one(rows(20, 9000), 20)):
        with pytest.raises(DataError, match=r"\[8998\]: found (-1|20); expected 0 to 19"):
            native.unpack(pairs, entries, threads)
    users, items = rows(3, 300), rows(5, 300)
    for value in (LOW, 3):
        with pytest.raises(DataError, match=rf"users\[298\]: found {value}; expected 0 to 2"):
            native.observed(INDPTR, INDICES, with_one(users, value), items)
    for broken in ([0, 9, 4, 5], [0, -2, 4, 5], [0, 4, 2, 5]):
        with pytest.raises(DataError, match=r"indptr\[[12]\]: found "):
            native.observed(np.array(broken), INDICES, users, items)
    with pytest.raises(ValueError, match="items: found shape"):
        native.observed(INDPTR, INDICES, users, items[:-1])
    huge = np.full(300, 2**32 + 3)  # whose lower half is an item that users 0 have
    assert not native.observed(INDPTR, INDICES, np.zeros(300, dtype=np.int64), huge).any()


def packed(rows, dim=DIM):
    return native.PackedItems(table(rows, dim), 1)


def top_k(users=None, k=2, **more):
    users = np.arange(3) if users is None else users
    return native.top_k(table(3), packed(5), users, k, 2, **more)


def test_top_k_refuses_what_is_not_there():
    for value in (LOW, 3, HIGH):
        with pytest.raises(DataError, match=rf"users\[1\]: found {value}; expected 0 to 2"):
            top_k(np.array([0, value, 1]))
    with pytest.raises(DataError, match=r"users\[2\]: found 2; expected 0 to 1"):
        top_k(excluded=[(INDPTR[:3], INDICES)])
    for broken in ([0, 9, 4, 5], [-1, 2, 4, 5], [0, 4, 2, 5]):
        with pytest.raises(DataError, match=r"excluded indptr\[[012]\]: found "):
            top_k(excluded=[(np.array(broken), INDICES)])
    for column in (-1, 5, 2**31 - 1):
        with pytest.raises(DataError, match=rf"excluded items\[\d\]: found {column}"):
            top_k(excluded=[(INDPTR, np.full(5, column, dtype=np.int32))])
    for k in (0, -1, 2**31):
        with pytest.raises(ValueError, match=rf"k: found {k}; expected 1 to"):
            top_k(k=k)
    with pytest.raises(ValueError, match=r"user table: found shape \(3, 8\); expected \(3, 6\)"):
        native.top_k(table(3, 8), packed(5), np.arange(3), 2, 1)
    with pytest.raises(ValueError, match="candidates: found shape"):
        top_k(candidates=np.ones(4, dtype=bool))


def test_descending_excluded_items_of_many_do_not_write_outside():
    items = packed(3000)
    falling = np.array([2900, 10], dtype=np.int32)
    with pytest.raises(DataError, match=r"excluded items\[1\]: found 10; expected \d+ to 2999"):
        native.top_k(table(1), items, np.zeros(1, dtype=np.int64), 2, 1,
                     excluded=[(np.array([0, 2]), falling)])  # fmt: skip


def test_top_k_of_little():
    items, scores, bad = top_k(k=8)
    assert (items[:, 5:] == -1).all()
    assert np.isneginf(scores[:, 5:]).all()
    assert bad is None
    assert np.array_equal(np.sort(items[:, :5]), np.tile(np.arange(5), (3, 1)))
    assert top_k(np.empty(0, dtype=np.int64))[0].shape == (0, 2)
    items, scores, _ = native.top_k(table(3), packed(0), np.arange(3), 2, 1)
    assert (items == -1).all()
    items, scores, _ = native.top_k(table(3, 0), packed(5, 0), np.arange(3), 2, 1)
    assert np.array_equal(items, [[0, 1]] * 3)
    assert (scores == 0).all()


@pytest.mark.parametrize("size", [0, -1, 2**31])
def test_sizes_of_steps_have_bounds(size):
    for shape, batch, negatives in (
        ((USERS, ITEMS, size), BATCH, 1),
        ((USERS, ITEMS, DIM), size, 1),
        ((USERS, ITEMS, DIM), BATCH, size),
    ):
        with pytest.raises(DataError, match=rf": found {size}; expected 1 to 2147483647"):
            NegativeSteps(shape, batch, negatives, 1, "bpr")
        if negatives == 1:
            with pytest.raises(DataError, match=rf": found {size}; expected 1 to 2147483647"):
                PairSteps(shape, batch, 1, objective="log-positive")
    with pytest.raises(DataError, match=r"batch: found 4097; expected 1 to 4096"):
        PairSteps((9, 9, 4), 4097, 1, objective="log-positive", by_distance=True)
    for dropout in (-0.1, 1.0, float("nan")):
        with pytest.raises(ValueError, match="dropout: found"):
            NegativeSteps((USERS, ITEMS, DIM), BATCH, 1, 1, "ccl", {"dropout": dropout})


def test_no_step_and_no_row():
    none = np.empty((0, BATCH), dtype=np.int64)
    assert pair_run(users=none, items=none).shape == (0,)
    empty = ParameterTable(table(0)), ParameterTable(table(ITEMS))
    steps = PairSteps((0, ITEMS, DIM), BATCH, 1, objective="log-positive")
    with pytest.raises(DataError, match=r"users\[0\]: found 0; expected none"):
        steps.run(empty, OptimizerStep(), rows(1, 1, BATCH), rows(ITEMS, 1, BATCH))


def test_tables_and_states_must_fit():
    step = OptimizerStep("adagrad", 0.1)
    wide = ParameterTable(table(USERS, DIM + 1)), ParameterTable(table(ITEMS))
    with pytest.raises(ValueError, match=r"user table: found shape \(7, 7\); expected \(7, 6\)"):
        pair_run(tables=wide)
    with pytest.raises(ValueError, match="square of the user table: found none"):
        pair_run(step=step)
    kept = (
        ParameterTable(table(USERS), {"square": table(USERS)}),
        ParameterTable(table(ITEMS), {"square": table(4)}),
    )
    with pytest.raises(ValueError, match=r"square of the item table: found shape \(4, 6\)"):
        pair_run(step=step, tables=kept)
    doubled = ParameterTable(table(USERS).astype(np.float64)), ParameterTable(table(ITEMS))
    with pytest.raises(TypeError, match="user table: found float64"):
        pair_run(tables=doubled)
    strided = ParameterTable(np.asfortranarray(table(USERS))), ParameterTable(table(ITEMS))
    with pytest.raises(TypeError, match="user table: found float32, strides"):
        pair_run(tables=strided)
    sealed = table(ITEMS)
    sealed.flags.writeable = False
    with pytest.raises(ValueError, match="item table: found a read-only array"):
        pair_run(tables=(ParameterTable(table(USERS)), ParameterTable(sealed)))
    with pytest.raises(ValueError, match=r"users: found shape \(3, 5\); expected \(3, 4\)"):
        pair_run(users=rows(USERS, 3, 5))


def edges(n_rows=3, **parts):
    given = {"indptr": INDPTR, "indices": INDICES, "weights": np.ones(5, dtype=np.float32)}
    return native.Edges(**(given | parts))


def test_edges_are_looked_at_when_they_are_made():
    for broken, place in (([0, 4, 2, 5], r"\[2\]"), ([0, 2, 4, 6], ""), ([1, 2, 4, 5], "")):
        with pytest.raises(DataError, match=f"indptr of the edges{place}: found"):
            edges(indptr=np.array(broken))
    with pytest.raises(DataError, match=r"indices of the edges\[1\]: found -1"):
        edges(indices=with_one(INDICES[:3], -1).repeat([1, 1, 3]))
    with pytest.raises(ValueError, match=r"weights: found shape \(4,\); expected \(5,\)"):
        edges(weights=np.ones(4, dtype=np.float32))


def test_hops_refuse_what_is_not_there():
    made, of, grad = edges(), table(5), table(2)
    for value in (LOW, 3, HIGH):
        at = np.array([value, 1])
        with pytest.raises(DataError, match=rf"rows\[0\]: found {value}; expected 0 to 2"):
            made.gather(of, 2, rows=at)
        with pytest.raises(DataError, match=rf"rows\[0\]: found {value}; expected 0 to 2"):
            made.scatter_add(at, grad, table(5), 2)
    with pytest.raises(ValueError, match="table: found 4 rows; expected 5 or more"):
        made.gather(table(4), 1)
    with pytest.raises(ValueError, match="into: found 4 rows; expected 5 or more"):
        made.scatter_add(np.arange(2), grad, table(4), 1)
    with pytest.raises(ValueError, match=r"base: found shape \(2, 6\); expected \(3, 6\)"):
        made.gather(of, 1, base=table(2))
    with pytest.raises(ValueError, match=r"grad: found shape \(2, 6\); expected \(3, 6\)"):
        made.scatter_add(np.arange(3), grad, table(5), 1)


def test_hops_of_little():
    assert edges().gather(table(5, 0), 2).shape == (3, 0)
    assert edges().gather(table(5), 2, rows=np.empty(0, dtype=np.int64)).shape == (0, DIM)
    none = edges(indptr=np.zeros(4, dtype=np.int64), indices=INDICES[:0],
                 weights=np.empty(0, dtype=np.float32))  # fmt: skip
    assert np.array_equal(none.gather(table(0), 2), np.zeros((3, DIM)))


def test_a_graph_of_near_rows_must_fit():
    graph = (INDPTR, INDICES), (np.array([0, 1, 2, 3, 4, 5]), np.zeros(5, dtype=np.int32))
    shape = 3, 5, DIM
    options = {"objective": "log-positive", "balance": "directspec+", "by_distance": True}
    PairSteps(shape, BATCH, 1, graph=graph, **options)
    with pytest.raises(ValueError, match="graph: found 5 rows and 1 columns; expected 3 and 5"):
        PairSteps(shape, BATCH, 1, graph=graph[::-1], **options)
    with pytest.raises(ValueError, match="graph: found 3 rows and 5 columns; expected 3 and 4"):
        PairSteps((3, 4, DIM), BATCH, 1, graph=graph, **options)


def test_no_more_threads_than_cores(monkeypatch):
    monkeypatch.setenv(native.CORES, "3")
    assert native.cores() == 3
    assert [native.abi.team_size(n) for n in (-1, 0, 1, 3, 4, 9999)] == [1, 1, 1, 3, 3, 3]
    monkeypatch.delenv(native.CORES)
    assert native.cores() >= 1
