"""Parts joined again, against a dictionary of pairs."""

from __future__ import annotations

import numpy as np
import pytest

from fullrank.data.ids import Ids
from fullrank.data.interactions import Interactions
from fullrank.data.joining import joined, over_items

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
