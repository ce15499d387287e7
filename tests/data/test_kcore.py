import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fullrank.data import Ids, Interactions, k_core
from fullrank.errors import DataError

PAIRS = st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=40)


def naive_core(pairs, k_user, k_item):
    while True:
        kept = {
            (user, item)
            for user, item in pairs
            if sum(u == user for u, _ in pairs) >= k_user
            and sum(i == item for _, i in pairs) >= k_item
        }
        if kept == pairs:
            return kept
        pairs = kept


@given(PAIRS, st.integers(1, 4), st.integers(1, 4))
def test_the_core_is_that_of_the_naive_loop(pairs, k_user, k_item):
    user, item = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2).T
    data = Interactions.from_rows(Ids.numbered(7), Ids.numbered(7), user, item)
    expected = naive_core(pairs, k_user, k_item)
    if not expected:
        with pytest.raises(DataError, match="found nothing left; expected smaller numbers"):
            k_core(data, k_user, k_item)
        return
    core = k_core(data, k_user, k_item)
    frame = core.to_frame()
    found = set(zip(frame["user_id"].cast(int), frame["item_id"].cast(int), strict=True))
    assert found == expected
    assert core.user_degree.min() >= k_user
    assert core.item_degree.min() >= k_item
