"""What comes from outside is checked once, in one pass, before compiled code sees it."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp

import fullrank as fr
from fullrank import DataError
from fullrank.data import Ids, Interactions

USERS, ITEMS = Ids.numbered(3, "u"), Ids.numbered(4, "i")
INDPTR, ITEM_IDX = np.array([0, 2, 2, 4]), np.array([1, 3, 0, 2], dtype=np.int32)


def rows(user, item, **more):
    return Interactions.from_rows(USERS, ITEMS, np.array(user), np.array(item), **more)


def test_items_numbered_from_one_are_refused_with_the_reason():
    with pytest.raises(DataError, match=r"item_idx: found row 4 at position 1; .* 0 to 3 .*from 0"):
        rows([0, 1], [1, 4])
    with pytest.raises(DataError, match=r"user_idx: found row 3 .* 0 to 2"):
        rows([1, 2, 3], [0, 0, 0])


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("wrong", [-1, 4, 2**31, 2**40])
def test_rows_out_of_range(wrong, ordered):
    """In either way through `from_rows`: pairs in order, and pairs to be sorted."""
    user = [0, 1, 2] if ordered else [2, 1, 0]
    with pytest.raises(DataError, match=f"item_idx: found row {wrong} at position 2"):
        rows(user, [0, 0, wrong])
    with pytest.raises(DataError, match=f"user_idx: found row {wrong}"):
        Interactions.from_rows(USERS, ITEMS, np.array([0, 0, wrong]), np.array([2, 1, 0]))


@pytest.mark.parametrize(
    "bad",
    [np.array([0.0, 1.0]), np.array([True, False]), np.array(["0", "1"]), np.array([[0], [1]])],
)
def test_rows_that_are_no_integers(bad):
    with pytest.raises(DataError, match=r"item_idx: found .* integers in one dimension"):
        Interactions.from_rows(USERS, ITEMS, np.array([0, 1]), bad)


def test_lengths_and_values():
    with pytest.raises(DataError, match="2 user rows and 1 item rows"):
        rows([0, 1], [1])
    with pytest.raises(DataError, match=r"weights: found .*shape \(1,\)"):
        rows([0, 1], [1, 1], weight=np.array([1.0]))
    for wrong in (np.nan, np.inf, -1.0, 1e39):
        with pytest.raises(DataError, match="weights, position 1"):
            rows([0, 1], [1, 1], weight=np.array([1.0, wrong]))
    with pytest.raises(DataError, match="timestamps, position 1: found 9223372036854775808"):
        rows([0, 1], [1, 1], timestamp=np.array([1, 2**63], dtype=np.uint64))
    with pytest.raises(DataError, match="timestamps, position 0: found nan"):
        rows([0, 1], [1, 1], timestamp=np.array([np.nan, 1.0]))


def test_lists_and_unsigned_rows_do():
    made = rows([2, 0, 2], [3, 1, 3])
    unsigned = Interactions.from_rows(
        USERS, ITEMS, np.array([2, 0, 2], dtype=np.uint64), np.array([3, 1, 3], dtype=np.uint8)
    )
    listed = Interactions.from_rows(USERS, ITEMS, [2, 0, 2], [3, 1, 3])
    assert made.fingerprint == unsigned.fingerprint == listed.fingerprint
    assert made.merged == unsigned.merged == 1


def test_the_constructor_takes_what_is_in_order_and_copies_it():
    items = ITEM_IDX.copy()
    made = Interactions(USERS, ITEMS, INDPTR, items)
    items[:] = 99
    np.testing.assert_array_equal(made.item_idx, ITEM_IDX)
    assert made.fingerprint == rows([0, 0, 2, 2], [1, 3, 0, 2]).fingerprint


@pytest.mark.parametrize(
    ("indptr", "items", "words"),
    [
        (INDPTR, [3, 1, 0, 2], "interactions of user row 0: found item row 1 after 3"),
        (INDPTR, [1, 3, 2, 2], "interactions of user row 2: found item row 2 after 2"),
        (INDPTR, [1, 4, 0, 2], "item_idx: found row 4"),
        (INDPTR, [1, -3, 0, 2], "item_idx: found row -3"),
        (INDPTR, [1.0, 3.0, 0.0, 2.0], "item_idx: found float64"),
        ([0, 2, 4], ITEM_IDX, "indptr: found int64 of shape"),
        ([0, 2, 1, 4], ITEM_IDX, "indptr"),
        ([0, 2, 2, 5], ITEM_IDX, "indptr: found starts from 0 to 5"),
        ([1, 2, 2, 4], ITEM_IDX, "indptr: found starts from 1"),
        ([0.0, 2.0, 2.0, 4.0], ITEM_IDX, "indptr: found float64"),
    ],
)
def test_the_constructor_refuses_what_is_not_in_order(indptr, items, words):
    with pytest.raises(DataError, match=words):
        Interactions(USERS, ITEMS, np.array(indptr), np.array(items))


@pytest.mark.parametrize("kind", [sp.csr_array, sp.csr_matrix])
@pytest.mark.parametrize(
    ("column", "at", "value"), [("indices", 0, 9), ("indices", 1, -1), ("indptr", 1, 99)]
)
def test_a_sparse_matrix_of_damaged_parts(kind, column, at, value):
    matrix = kind(np.eye(3, dtype=np.float32))
    getattr(matrix, column)[at] = value
    with pytest.raises(DataError, match="sparse matrix"):
        Interactions.from_scipy(matrix)


@pytest.mark.parametrize("kind", [sp.csr_array, sp.csc_array, sp.bsr_array])
def test_row_pointers_of_a_sparse_matrix_that_end_at_zero(kind):
    matrix = kind(np.eye(3, dtype=np.float32))
    matrix.indptr[1:] = [10**6, 10**6, 0]  # for SciPy there is nothing to check in it
    with pytest.raises(DataError, match="row pointers that fall"):
        Interactions.from_scipy(matrix)


def test_sparse_columns_in_any_order_are_sorted():
    data, indices, indptr = np.ones(4), np.array([3, 1, 2, 0]), np.array([0, 2, 2, 4])
    matrix = sp.csr_array((data, indices, indptr), shape=(3, 4))
    np.testing.assert_array_equal(Interactions.from_scipy(matrix).item_idx, ITEM_IDX)


@pytest.mark.parametrize("matrix", [np.ones(3), sp.coo_array([[1j]]), "no matrix", None])
def test_what_is_no_matrix(matrix):
    with pytest.raises(DataError, match="sparse matrix"):
        Interactions.from_scipy(matrix)


def test_entries_to_select():
    data = Interactions(USERS, ITEMS, INDPTR, ITEM_IDX)
    np.testing.assert_array_equal(data.select(np.array([3, 0])).item_idx, [1, 2])
    for wrong in ([-1], [4], [1, 1], [0.5], np.ones(3, dtype=bool), np.ones(5, dtype=bool)):
        with pytest.raises(DataError, match="entries: found"):
            data.select(np.array(wrong))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["a", "b", "a"], "ids, position 2: found 'a' again; expected distinct ids"),
        ([4, 5, 5], "ids, position 2: found 5 again"),
        (["a", None], "a missing id"),
        (["a", ""], "a missing id"),
        ([1.5, 2.5], "ids of type Float64"),
        ([["a"], ["b"]], "ids of type List"),
        (["a", 3], "mixed or other values"),
    ],
)
def test_ids_are_distinct_strings_or_integers(values, words):
    with pytest.raises(DataError, match=words):
        Ids(pl.Series(values, strict=False) if values == ["a", None] else values)


def test_ids_from_lists_and_their_titles():
    assert Ids(["b", "a"]) == Ids(pl.Series(["b", "a"]))
    assert list(Ids([7, 3], ["seven", None]).titles) == ["seven", None]
    with pytest.raises(DataError, match="titles: found 1 titles of 2 ids"):
        Ids([7, 3], ["seven"])
    assert len(Ids([])) == 0


@pytest.mark.parametrize("wrong", [[-1], [3], [0.0]])
def test_rows_to_name(wrong):
    for name in (USERS.raw, USERS.select):
        with pytest.raises(DataError, match="rows: found"):
            name(np.array(wrong))
    with pytest.raises(DataError, match="position 1: found 'u0' again"):
        USERS.select(np.array([0, 0]))


def test_ids_of_another_kind_are_refused():
    with pytest.raises(DataError, match=r"users or items of type list; expected fullrank\.Ids"):
        fr.Interactions.from_rows(["a"], ITEMS, np.array([0]), np.array([0]))


@pytest.mark.parametrize(
    "kind", ["i1", "u4", "i4", "u8", "i8", "?", "f2", "f4", "f8", ">i4", ">f8"]
)
def test_times_of_any_type_of_numbers_are_kept_as_two(kind, tmp_path):
    made = rows([0, 1, 2, 0], [0, 1, 2, 3], timestamp=np.array([1, 0, 1, 1]).astype(kind))
    assert made.timestamp.dtype == (np.float64 if "f" in kind else np.int64)
    assert made.timestamp.tolist() == [1, 1, 0, 1]
    fr.Recommender("popularity").fit(made).save(tmp_path / "m")
    kept = fr.Recommender.load(tmp_path / "m").train.timestamp
    assert (kept.dtype, kept.tolist()) == (made.timestamp.dtype, made.timestamp.tolist())
