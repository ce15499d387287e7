import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fullrank.data import Ids
from fullrank.errors import DataError

BIG = st.integers(-(2**63), 2**63 - 1)
NEAR = st.integers(-50, 50)
TEXT = st.text(min_size=1, max_size=4) | st.integers(0, 300).map(str) | st.sampled_from(["07", "7"])


@given(st.lists(BIG, min_size=1) | st.lists(NEAR, min_size=1), st.lists(BIG | NEAR))
def test_integers_are_ordered_by_value_and_found(raw, query):
    ids = Ids.of(pl.Series(raw, dtype=pl.Int64))
    assert ids.values.to_list() == sorted(set(raw))
    position = {value: row for row, value in enumerate(sorted(set(raw)))}
    found = ids.rows(pl.Series(raw + query, dtype=pl.Int64))
    assert found.tolist() == [position.get(value, -1) for value in raw + query]


@pytest.mark.slow
@given(st.lists(TEXT, min_size=1), st.lists(TEXT))
def test_strings_are_ordered_by_length_then_alphabet_and_found(raw, query):
    ids = Ids.of(pl.Series(raw, dtype=pl.String))
    ordered = sorted(set(raw), key=lambda text: (len(text.encode()), text.encode()))
    assert ids.values.to_list() == ordered
    assert ids.values.dtype == pl.String
    position = {value: row for row, value in enumerate(ordered)}
    found = ids.rows(pl.Series(raw + query, dtype=pl.String))
    assert found.tolist() == [position.get(value, -1) for value in raw + query]


def test_unsigned_ids_beyond_int64():
    raw = [2**64 - 1, 2**63, 2**63 + 1, 0]
    ids = Ids.of(pl.Series(raw, dtype=pl.UInt64))
    assert ids.values.to_list() == sorted(raw)
    assert ids.rows(pl.Series(raw, dtype=pl.UInt64)).tolist() == [3, 1, 2, 0]


@pytest.mark.parametrize(
    ("raw", "query", "expected"),
    [
        (["007", "7"], ["7", "007", "0007", " 7", "+7", ""], [0, 1, -1, -1, -1, -1]),
        (["7"], [7, 8], [0, -1]),
        ([7, 8], ["7", "007", "7.0", " 8", "x"], [0, -1, -1, -1, -1]),
        ([7, 8], [7.0, 8.5], [-1, -1]),
        ([1, 2, 3], [2, None, 9], [1, -1, -1]),
        (["a", "b"], ["b", None], [1, -1]),
        ([1, 2], [], []),
    ],
)
def test_another_type_matches_by_exact_text(raw, query, expected):
    assert Ids.of(pl.Series(raw)).rows(query).tolist() == expected


def test_a_negative_number_is_not_an_unsigned_id():
    ids = Ids.of(pl.Series([1, 255], dtype=pl.UInt8))
    assert ids.rows([-1, 255, 256]).tolist() == [-1, 1, -1]


def test_categories_are_strings():
    ids = Ids.of(pl.Series(["x", "y", "x"], dtype=pl.Categorical))
    assert ids.values.dtype == pl.String
    assert ids.rows(pl.Series(["y"], dtype=pl.Categorical)).tolist() == [1]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ([1, None], "users, row 2, column id: found a missing id; expected an id in every row"),
        (["a", "", "b"], "users, row 2, column id: found a missing id"),
        ([1.5], "users, column id: found ids of type Float64; expected strings or integers"),
        ([[1]], "found ids of type List"),
    ],
)
def test_what_cannot_be_an_id(raw, message):
    with pytest.raises(DataError) as caught:
        Ids.of(pl.Series(raw), name="users")
    assert message in str(caught.value)


def test_union_keeps_every_id_and_the_first_title():
    one = Ids(pl.Series(["b", "a"]), pl.Series(["B", "A"]))
    two = Ids(pl.Series(["c", "b"]), pl.Series(["C", "other"]))
    both = Ids.union([one, two, Ids(pl.Series([7]))])
    assert both.values.to_list() == ["7", "a", "b", "c"]
    assert both.titles is not None
    assert both.titles.to_list() == [None, "A", "B", "C"]


def test_titles_match_ids_of_another_type_and_the_first_one_stays():
    table = pl.DataFrame({"id": ["3", "x", "1", "3"], "title": ["three", "?", "one", "again"]})
    named = Ids(pl.Series([1, 2, 3])).with_titles(table)
    assert named.titles is not None
    assert named.titles.to_list() == ["one", None, "three"]


def test_digest_tells_order_but_not_type():
    assert Ids(pl.Series([1, 2])).digest == Ids(pl.Series(["1", "2"])).digest
    assert Ids(pl.Series([1, 2])).digest != Ids(pl.Series([2, 1])).digest
    assert Ids(pl.Series(["1", "2"])) != Ids(pl.Series([1, 2]))


def test_selected_and_raw_ids_keep_the_order_of_the_rows():
    ids = Ids(pl.Series(["a", "b", "c"]), pl.Series(["A", "B", "C"]))
    chosen = ids.select(np.array([2, 0]))
    assert chosen.values.to_list() == ["c", "a"]
    assert chosen.titles is not None
    assert chosen.titles.to_list() == ["C", "A"]
    assert ids.raw(np.array([1, 1])).to_list() == ["b", "b"]


@pytest.mark.parametrize("dtype", [pl.String, pl.Int64, pl.UInt8])
def test_no_ids_are_numbered_as_none(dtype):
    ids = Ids.of(pl.Series([], dtype=dtype))
    assert len(ids) == 0
    assert ids.rows(["1", "x"]).tolist() == [-1, -1]


def test_a_query_of_a_type_without_text_is_refused():
    with pytest.raises(DataError, match="values of type Duration"):
        Ids(["a"]).rows(pl.Series([None], dtype=pl.Duration))
