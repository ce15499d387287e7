"""The hint of a missing column names the option and the column that is meant."""

import polars as pl
import pytest

from fullrank import Columns, DataError, Interactions
from fullrank.data.column_hints import likely


@pytest.mark.parametrize(
    ("available", "columns", "hint"),
    [
        (
            ["Customer No", "SKU", "when"],
            {},
            "'user_id' (or name yours: --user-column 'Customer No' --item-column 'SKU')",
        ),
        (
            ["Customer No", "SKU", "when"],
            {"user": "Customer No"},
            "'item_id' (or name yours: --item-column 'SKU')",
        ),
        (
            ["when", "SKU", "Customer No"],  # neither is the first
            {"item": "SKU"},
            "'user_id' (or name yours: --user-column 'Customer No')",
        ),
        (
            ["userId", "movieId", "rating", "timestamp"],
            {"user": "userId"},
            "'item_id' (or name yours: --item-column 'movieId')",
        ),
        (
            ["rating", "a", "b"],
            {},
            "'user_id' (or name yours: --user-column 'a' --item-column 'b')",
        ),
        (
            ["a", "b", "ITEM_ID"],
            {"user": "a"},
            "'item_id' (or name yours: --item-column 'ITEM_ID')",
        ),
        (["a", "b"], {"user": "a"}, "'item_id' (or name yours: --item-column 'b')"),
        (["user_id", "item_ids"], {}, "'item_id' (did you mean 'item_ids'?)"),
        (
            ["user_id", "item_id", "stars"],
            {"weight": "points"},
            "'points' (or name yours: --weight-column 'stars')",
        ),
        (
            ["user_id", "item_id", "when"],
            {"weight": "w", "timestamp": "t"},
            "'w' (or name yours: --timestamp-column 'when')",
        ),
        (["user_id"], {}, "'item_id'"),
        (["user_id", "time"], {}, "'item_id'"),
        (
            ["user_id", "item_id", "a", "Rating (1-5)"],
            {"threshold": 4.0},
            "'weight' (or name yours: --weight-column 'Rating (1-5)')",
        ),
        (
            ["user_id", "item_id", "a"],
            {"threshold": 4.0},
            "'weight' (or name yours: --weight-column NAME)",
        ),
    ],
)
def test_the_hint(available, columns, hint):
    frame = pl.DataFrame({name: [1] for name in available})
    with pytest.raises(DataError) as refused:
        Interactions.from_frame(frame, columns=Columns(**columns))
    assert str(refused.value).endswith(f"; expected a column {hint}")


def test_a_column_of_another_role_is_not_named():
    assert likely("user_id", ["rating", "day"]) is None
    assert likely("user_id", ["rating", "x", "client_id"]) == "client_id"
