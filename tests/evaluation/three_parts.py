"""Three disjoint parts of drawn interactions."""

from __future__ import annotations


def split(rng, n_users, n_items, density=0.1):
    """Three disjoint 0/1 tables; the user of row 0 has no test items, where there are others."""
    part = rng.choice(4, (n_users, n_items), p=[1 - 3 * density, density, density, density])
    train, validation, test = (part == number for number in (1, 2, 3))
    if n_users > 1:
        test[0] = False
    test[-1, -1], train[-1, -1], validation[-1, -1] = True, False, False
    test[-1, 0], train[-1, 0], validation[-1, 0] = False, True, False
    return train, validation, test
