"""What an evaluation leaves out, counted: users, items and pairs that no list can speak of."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullrank.data.checks import row_numbers
from fullrank.data.interactions import Interactions
from fullrank.errors import DataError
from fullrank.serving.cold import Trained


def counts_of(
    test: Interactions, trained: Trained, masked: Sequence[Interactions]
) -> dict[str, int]:
    """Counts for the protocol block: items that were not trained, test pairs that cannot be hit."""
    return {
        "untrained_items": int((~trained.items).sum()),
        "test_pairs": len(test),
        "test_rows": len(test) if test.rows is None else int(test.rows.sum()),
        "test_pairs_of_untrained_items": int((~trained.items[test.item_idx]).sum()),
        "test_pairs_masked": int(_in_any(test, masked).sum()),
    }


def apart_from_validation(test: Interactions, validation: Interactions | None) -> bool:
    """Whether to mask a validation part: not where it is what is evaluated.

    Warns there, for training stopped by it or settings were chosen by it.
    """
    if validation is None or not len(validation):
        return validation is not None
    inside = int(_in_any(test, [validation]).sum())
    if inside < len(test):
        return True
    warnings.warn(
        f"each of the {inside:,} test pairs is in the validation part: figures of pairs that "
        "chose settings or epochs are too good; expected a test part that nothing was chosen by",
        stacklevel=4,
    )
    return False


def warn_of_zeros(block: Mapping[str, Any], masked: Sequence[str]) -> None:
    """Warns where every test pair is masked, so that no list can hold one."""
    if block["test_pairs_masked"] == block["test_pairs"]:
        warnings.warn(
            f"each of the {block['test_pairs']:,} test pairs is in {' or '.join(masked)} too, "
            "which is masked: every figure of hits is 0",
            stacklevel=4,
        )


def with_test_items(
    test: Interactions, users: NDArray[np.integer[Any]] | None
) -> tuple[NDArray[np.int64], int]:
    """Row numbers of the requested users who have test items, and how many have none.

    Raises:
        DataError: they are no row numbers (a mask, say), or none of these users has test items.
    """
    requested = np.arange(test.n_users) if users is None else users
    requested = row_numbers("user rows", requested, test.n_users).astype(np.int64)
    rows = requested[test.user_degree[requested] > 0]
    if not len(rows):
        raise DataError("test interactions", "no user with test items", "at least one")
    return rows, len(requested) - len(rows)


def rows_of_users(test: Interactions) -> NDArray[np.int64]:
    """(n_users,) test items of each user, a repeated pair as often as the data have it."""
    if test.rows is None:
        return test.user_degree
    counted = np.bincount(test.user_idx, weights=test.rows, minlength=test.n_users)
    return counted.astype(np.int64)


def _in_any(test: Interactions, parts: Sequence[Interactions]) -> NDArray[np.bool_]:
    """(n,) which test pairs are also in one of some parts.

    Of a part only the pairs from the first to the last user of ``test`` are read.
    """
    found = np.zeros(len(test), dtype=np.bool_)
    if not len(test):
        return found
    wanted = test.user_idx * np.int64(test.n_items) + test.item_idx
    some = np.flatnonzero(test.user_degree)
    users = np.arange(some[0], some[-1] + 1)
    for part in parts:
        pairs = slice(part.indptr[users[0]], part.indptr[users[-1] + 1])
        if pairs.start < pairs.stop:
            owner = np.repeat(users, part.user_degree[users])
            keys = owner * np.int64(test.n_items) + part.item_idx[pairs]
            found |= keys.take(np.searchsorted(keys, wanted), mode="clip") == wanted
    return found
