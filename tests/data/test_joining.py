"""Parts joined again, against a dictionary of pairs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from fullrank.data import load
from fullrank.data.ids import Ids
from fullrank.data.interactions import Interactions
from fullrank.data.joining import joined, over_items, renumbered

USERS, ITEMS = Ids.numbered(4, "u"), Ids.numbered(5, "i")


def part(pairs: dict[tuple[int, int], float], *, weights: bool, times: bool) -> Interactions:
    users, items = (np.array(column) for column in zip(*pairs, strict=True))
    values = np.array(list(pairs.values()))
    return Interactions.from_rows(
        USERS,
        ITEMS,
        users,
        items,
        weight=values if weights else None,
        timestamp=np.arange(len(values)) if times else None,
    )


def weights_of(data: Interactions) -> dict[tuple[int, int], float]:
    values = np.ones(len(data)) if data.weight is None else data.weight
    keys = zip(data.user_idx.tolist(), data.item_idx.tolist(), strict=True)
    return dict(zip(keys, values.tolist(), strict=True))


ONE, TWO = {(0, 1): 2.0, (3, 4): 5.0}, {(0, 2): 3.0, (2, 0): 0.5}


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("second", [True, False])
def test_a_pair_without_a_weight_counts_as_one(first: bool, second: bool) -> None:
    whole = joined(part(ONE, weights=first, times=True), part(TWO, weights=second, times=first))
    expected = {key: value if first else 1.0 for key, value in ONE.items()}
    expected |= {key: value if second else 1.0 for key, value in TWO.items()}
    assert weights_of(whole) == expected
    assert (whole.weight is not None) == (first or second)
    assert (whole.timestamp is not None) == first


def test_what_is_never_shown_stays() -> None:
    one = part(ONE, weights=False, times=False)
    one.never = part({(1, 1): 1.0}, weights=False, times=False)
    assert joined(one, part(TWO, weights=False, times=False)).never is one.never


def test_more_items_move_no_pair() -> None:
    one = part(ONE, weights=True, times=True)
    one.never = part({(1, 1): 1.0}, weights=False, times=False)
    more = over_items(one, Ids.numbered(9, "i"))
    assert weights_of(more) == weights_of(one)
    assert more.timestamp is not None
    assert one.timestamp is not None
    assert np.array_equal(more.timestamp, one.timestamp)
    assert more.n_items == 9
    assert more.never is not None
    assert more.never.n_items == 9
    assert weights_of(more.never) == {(1, 1): 1.0}


def test_how_often_a_pair_was_there_goes_along() -> None:
    users, items = np.array([0, 3, 0, 3, 3, 1]), np.array([1, 4, 1, 0, 4, 2])
    one = Interactions.from_rows(USERS, ITEMS, users, items)
    one.never = part({(1, 1): 1.0, (2, 2): 1.0}, weights=False, times=False)
    more = over_items(one, Ids.numbered(9, "i"))
    assert more.rows is not None
    assert (more.rows.tolist(), more.merged) == ([2, 1, 1, 2], 2)
    # The other way round, and without user 1.
    others = renumbered(
        one, Ids.numbered(3, "v"), ITEMS, np.array([2, -1, 1, 0]), np.array([4, 3, 2, 1, 0])
    )
    pairs = zip(others.user_idx.tolist(), others.item_idx.tolist(), strict=True)
    assert list(pairs) == [(0, 0), (0, 4), (2, 3)]
    assert others.rows is not None
    assert (others.rows.tolist(), others.merged) == ([2, 1, 2], 2)
    assert others.never is not None
    assert weights_of(others.never) == {(1, 2): 1.0}


@pytest.mark.slow
def test_a_folder_of_parts_keeps_how_often_a_pair_was_there(tmp_path: Path) -> None:
    pl.DataFrame({"user_id": ["b", "a"], "item_id": ["x", "y"]}).write_parquet(
        tmp_path / "train.parquet"
    )
    pl.DataFrame({"user_id": ["b", "a", "b"], "item_id": ["y", "x", "y"]}).write_parquet(
        tmp_path / "test.parquet"
    )
    test = load(tmp_path, validation=0).test
    assert test is not None
    assert test.rows is not None
    assert test.to_frame().rows() == [("a", "x"), ("b", "y")]
    assert test.rows.tolist() == [1, 2]
