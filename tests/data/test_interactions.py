import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from fullrank.data import Columns, Ids, Interactions, k_core, random_split
from fullrank.errors import DataError

USERS, ITEMS = Ids.numbered(6), Ids.numbered(5)
PAIR = st.tuples(st.integers(0, 5), st.integers(0, 4), st.integers(0, 8), st.integers(-9, 9))


@given(st.lists(PAIR))
def test_from_rows_merges_as_a_dictionary_does(rows):
    user, item, weight, time = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    data = Interactions.from_rows(USERS, ITEMS, user, item, weight=weight / 2, timestamp=time)
    weights, times = {}, {}
    rows = [row for row in rows if row[2]]  # a pair of weight zero is no interaction
    for u, i, w, t in rows:
        weights[u, i] = weights.get((u, i), 0) + w / 2
        times[u, i] = min(times.get((u, i), t), t)
    pairs = list(zip(data.user_idx.tolist(), data.item_idx.tolist(), strict=True))
    assert pairs == sorted(weights)
    assert data.weight.tolist() == [weights[pair] for pair in pairs]
    assert data.timestamp.tolist() == [times[pair] for pair in pairs]
    assert data.merged == len(rows) - len(pairs)
    assert data.indptr.tolist() == [sum(u < row for u, _ in pairs) for row in range(7)]
    assert (data.item_idx.dtype, data.indptr.dtype) == (np.int32, np.int64)


@given(st.lists(PAIR))
def test_from_rows_without_weights_is_the_same_table(rows):
    user, item = np.array(rows, dtype=np.int64).reshape(-1, 4).T[:2]
    data = Interactions.from_rows(USERS, ITEMS, user.astype(np.int32), item.astype(np.int32))
    dense = np.zeros((6, 5))
    dense[user, item] = 1
    assert np.array_equal(data.csr().toarray(), dense)
    assert data.item_degree.tolist() == dense.sum(axis=0).tolist()
    assert data.user_degree.tolist() == dense.sum(axis=1).tolist()


@pytest.mark.parametrize("make", [lambda f: f, lambda f: f.to_pandas(), lambda f: f.to_arrow()])
def test_every_kind_of_frame_gives_the_same_table(events, make, cells):
    data = Interactions.from_frame(make(events))
    assert cells(data) == {
        ("a", "9"): (2.0, 1),
        ("a", "10"): (1.0, 3),
        ("b", "9"): (0.5, 7),
        ("b", "10"): (3.5, 4),
        ("c", "10"): (3.0, 2),
        ("aa", "9"): (1.0, 6),
    }
    assert data.users.values.to_list() == ["a", "b", "c", "aa"]
    assert data.items.values.to_list() == ["9", "10"]
    assert data.merged == 1


def test_the_order_of_the_rows_does_not_matter(events):
    data = Interactions.from_frame(events)
    other = Interactions.from_frame(events.reverse())
    assert other.fingerprint == data.fingerprint
    assert other.weight.tolist() == data.weight.tolist()


def test_typed_ids_keep_their_type():
    frame = pa.table({"user_id": pa.array([3, 1], pa.int16()), "item_id": ["x", "y"]})
    data = Interactions.from_frame(frame)
    assert data.users.values.dtype == pl.Int16
    assert data.users.values.to_list() == [1, 3]
    assert data.items.values.dtype == pl.String


def test_given_ids_number_the_rows_and_may_be_more_than_the_table_has(events):
    users = Ids(pl.Series(["z", "c", "b", "a", "aa"]))
    data = Interactions.from_frame(events, users=users)
    assert data.user_degree.tolist() == [0, 1, 2, 2, 1]


def test_a_threshold_drops_rows_and_weights(cells):
    frame = {"user_id": [1, 1, 2], "item_id": [5, 6, 5], "rating": [4.0, 3.0, 5.0]}
    columns = Columns(weight="rating", threshold=4)
    data = Interactions.from_frame(pl.DataFrame(frame), columns=columns)
    assert cells(data) == {(1, 5): (None, None), (2, 5): (None, None)}
    assert data.items.values.to_list() == [5]


@pytest.mark.parametrize("of", [sp.csr_array, sp.coo_matrix, sp.csc_matrix])
def test_a_sparse_matrix_of_ones_has_no_weights(of):
    data = Interactions.from_scipy(of(np.array([[0, 1, 1], [0, 0, 0], [1, 0, 0]])))
    assert (data.n_users, data.n_items, data.weight) == (3, 3, None)
    assert data.csr().toarray().tolist() == [[0, 1, 1], [0, 0, 0], [1, 0, 0]]


def test_a_sparse_matrix_of_weights_loses_stored_zeros():
    matrix = sp.coo_array(([2.0, 0.0, 0.5], ([0, 0, 1], [0, 1, 1])), shape=(2, 2))
    data = Interactions.from_scipy(matrix, users=Ids(pl.Series(["x", "y"])))
    assert data.weight.tolist() == [2.0, 0.5]
    assert data.users.values.to_list() == ["x", "y"]


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_a_sparse_matrix_with_a_bad_weight(bad):
    matrix = sp.coo_array(([1.0, bad], ([0, 1], [0, 1])), shape=(2, 2))
    with pytest.raises(DataError, match=r"sparse matrix, row 1, column 1: found weight"):
        Interactions.from_scipy(matrix)


def test_a_sparse_matrix_with_ids_that_do_not_fit():
    with pytest.raises(DataError, match=r"shape 2 x 2 with 3 user and 2 item ids; expected one id"):
        Interactions.from_scipy(sp.eye_array(2), users=Ids.numbered(3))


@pytest.mark.slow
@given(st.lists(PAIR, min_size=1), st.data())
def test_select_by_mask_or_position(rows, draw):
    user, item, weight, _ = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    data = Interactions.from_rows(USERS, ITEMS, user, item, weight=weight)
    drawn = draw.draw(st.lists(st.booleans(), min_size=len(data), max_size=len(data)))
    mask = np.array(drawn, dtype=np.bool_)
    part, same = data.select(mask), data.select(np.flatnonzero(mask)[::-1])
    assert part.user_idx.tolist() == data.user_idx[mask].tolist()
    assert part.item_idx.tolist() == data.item_idx[mask].tolist()
    assert part.weight.tolist() == data.weight[mask].tolist()
    assert same.fingerprint == part.fingerprint


def test_compact_drops_empty_rows_and_keeps_pairs(cells):
    users = Ids(pl.Series(["u", "v", "w"]))
    items = Ids(pl.Series([1, 2, 3]), pl.Series(["one", "two", "three"]))
    data = Interactions.from_rows(users, items, np.array([0, 2]), np.array([2, 0]))
    small = data.compact()
    assert cells(small) == cells(data)
    assert small.users.values.to_list() == ["u", "w"]
    assert small.items.titles.to_list() == ["one", "three"]


def test_fingerprints_differ_where_pairs_or_ids_do(events):
    data = Interactions.from_frame(events)
    fewer = Interactions.from_frame(events[:-1])
    wider = Interactions.from_frame(events, items=Ids(pl.Series(["9", "10", "11"])))
    assert len({data.fingerprint, fewer.fingerprint, wider.fingerprint}) == 3


def test_summary_counts(events):
    summary = Interactions.from_frame(events, items=Ids(pl.Series(["9", "10", "11"]))).summary()
    assert summary["interactions"] == 6
    assert summary["items"] == 3
    assert summary["items_with_interactions"] == 2
    assert summary["repeated_pairs_merged"] == 1
    assert summary["density"] == 0.5
    assert summary["median_items_per_user"] == 1.5
    assert summary["timestamps"]


def _frame(**columns):
    return pl.DataFrame({"user_id": [1, 2, 3], "item_id": [4, 5, 6]} | columns, strict=False)


@pytest.mark.parametrize(
    ("frame", "columns", "message"),
    [
        (_frame(item_id=[4, None, 6]), {}, "frame, row 2, column item_id: found a missing id"),
        (_frame(user_id=["a", "", "b"]), {}, "frame, row 2, column user_id: found a missing id"),
        (_frame(user_id=[1.0, 2.0, 3.5]), {}, "frame, column user_id: found ids of type Float64"),
        (_frame()[:0], {}, "frame: found no rows; expected at least one interaction"),
        (
            _frame(),
            {"user": "userid"},
            "found the columns user_id, item_id; expected a column 'userid' (did you mean 'user_id",
        ),
        (
            pl.DataFrame({"who": [1], "item_id": [2]}),
            {},
            "expected a column 'user_id' (or name yours: --user-column 'who')",
        ),
        (pl.DataFrame(), {}, "frame: found no columns; expected a column 'user_id'"),
        (_frame(w=[1, -1, 0]), {"weight": "w"}, "frame, row 2, column w: found -1; expected a num"),
        (_frame(weight=[1, 2, np.nan]), {}, "frame, row 3, column weight: found nan"),
        (_frame(weight=[np.inf, 2, 1]), {}, "frame, row 1, column weight: found inf"),
        (_frame(weight=[1, None, 1]), {}, "frame, row 2, column weight: found nothing; expected"),
        (_frame(weight=["1", "x", "1"]), {}, "row 2, column weight: found 'x'"),
        (_frame(timestamp=[1, None, 2]), {}, "row 2, column timestamp: found nothing"),
        (
            _frame(timestamp=[1.0, 2.0, np.nan]),
            {},
            "row 3, column timestamp: found nan; expected a",
        ),
        (_frame(timestamp=[[1], [2], [3]]), {}, "column timestamp: found values of type List"),
        (_frame(timestamp=["1", "2.5", "soon"]), {}, "row 3, column timestamp: found 'soon'"),
        (
            _frame(timestamp=["2024-01-01", "2024-13-01", "2024-01-02"]),
            {},
            "row 2, column timestamp: found '2024-13-01'; expected a number or an ISO 8601 date",
        ),
        (_frame(), {"threshold": 4}, "frame: found a threshold but no column of weights"),
        (
            _frame(weight=[1, 3, 2]),
            {"threshold": 4},
            "frame, column weight: found no value of at least 4; expected a threshold of at most 3",
        ),
    ],
)
def test_bad_tables(frame, columns, message):
    with pytest.raises(DataError) as caught:
        Interactions.from_frame(frame, columns=Columns(**columns))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_id_in_pandas_is_named():
    frame = pd.DataFrame({"user_id": ["a", None], "item_id": [1, 2]})
    with pytest.raises(DataError, match="frame, row 2, column user_id: found a missing id"):
        Interactions.from_frame(frame)


def test_no_table_at_all():
    with pytest.raises(DataError, match="frame: found a list; expected a polars, pandas or pyar"):
        Interactions.from_frame([(1, 2)])


def test_an_unknown_id_is_named_by_its_row_in_the_whole_table():
    frame = _frame(user_id=["a", "b", "x"], weight=[1, 5, 5])
    with pytest.raises(DataError, match="frame, row 3, column user_id: found the unknown id 'x'"):
        Interactions.from_frame(frame, columns=Columns(threshold=2), users=Ids(pl.Series(["b"])))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ([1_700_000_000_000_000_001, 2, 3], [1_700_000_000_000_000_001, 2, 3]),
        (["1700000000000000001", "2", "3"], [1_700_000_000_000_000_001, 2, 3]),
        (["1", "2.5", "3"], [1.0, 2.5, 3.0]),
        (["1970-01-01", "1970-01-02", "1970-01-03"], [0, 86_400_000_000, 172_800_000_000]),
        (["1970-01-01T00:00:01"] * 3, [1_000_000] * 3),
        (pl.Series([0, 1, 2]).cast(pl.Date), [0, 86_400_000_000, 172_800_000_000]),
        (pl.Series([0, 1, 2]).cast(pl.Datetime("ms", "UTC")), [0, 1_000, 2_000]),
    ],
)
def test_times(raw, expected):
    data = Interactions.from_frame(_frame(timestamp=raw))
    assert data.timestamp.tolist() == expected


@pytest.mark.parametrize("block", [1, 2, 7, 40])
@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize("offset", [0, 1_000_000])
def test_long_tables_are_numbered_block_by_block(monkeypatch, block, in_order, offset):
    rng = np.random.default_rng(block)
    users, items = np.divmod(np.sort(rng.choice(20 * 9, size=60, replace=False)), 9)
    order = np.arange(60) if in_order else rng.permutation(60)
    frame = pl.DataFrame({"user_id": users[order] + offset, "item_id": items[order] * 3})
    monkeypatch.setattr("fullrank.data.blocks.BLOCK", block)
    data = Interactions.from_frame(frame)
    assert data.users.values.to_list() == sorted(set((users + offset).tolist()))
    assert data.items.values.to_list() == sorted(set((items * 3).tolist()))
    back = data.to_frame()
    assert back["user_id"].to_list() == (users + offset).tolist()
    assert back["item_id"].to_list() == (items * 3).tolist()
    assert data.merged == 0
    assert Interactions.from_frame(pl.concat((frame, frame))).merged == 60
    unknown = pl.Series([offset - 1, offset + int(users[-1]), offset + 100])
    assert data.users.rows(unknown).tolist() == [-1, data.n_users - 1, -1]
    assert data.users.rows(pl.Series([offset + 100, offset + 101])).tolist() == [-1, -1]


def test_a_weight_that_is_zero_as_float32_is_no_interaction():
    frame = {"user_id": ["a", "b"], "item_id": ["x", "x"], "weight": [1e-300, 1.0]}
    data = Interactions.from_frame(pl.DataFrame(frame))
    assert data.weight.tolist() == [1.0]
    assert data.user_idx.tolist() == [1]
    frame["weight"] = [1e-300, 0.0]
    with pytest.raises(DataError, match="zeros alone"):
        Interactions.from_frame(pl.DataFrame(frame))


def test_the_rows_of_repeated_pairs_are_counted():
    repeated = Interactions.from_rows(Ids.numbered(2), Ids.numbered(3), [0, 0, 1, 0], [1, 1, 2, 0])
    assert (repeated.rows.tolist(), repeated.merged) == ([1, 2, 1], 1)
    chosen = repeated.select([1, 2])
    assert (chosen.rows.tolist(), chosen.merged) == ([2, 1], 1)
    assert repeated.select([0, 2]).merged == 0
    assert repeated.compact().rows.tolist() == [1, 2, 1]
    core = k_core(
        Interactions.from_rows(Ids.numbered(2), Ids.numbered(3), [0, 0, 1], [1, 1, 2]), 1, 1
    )
    assert core.merged == core.summary()["repeated_pairs_merged"] == 1
    assert random_split(core, test=0).how["repeated_pairs_merged"] == 1
    assert Interactions.from_rows(Ids.numbered(2), Ids.numbered(3), [0, 1], [1, 2]).rows is None
