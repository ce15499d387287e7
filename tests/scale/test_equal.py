"""Tables after an epoch are those of one worker, up to the order of sums."""

from __future__ import annotations

import numpy as np
import pytest
from plain import free_rows
from tasks import NAMES, SETTINGS, train_all

from fullrank.scale.group import Group


@pytest.fixture(scope="module")
def plain(small):
    return [free_rows(small.train, name, values) for name, values, _ in SETTINGS]


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 2, 3])
def test_workers_train_as_the_plain_path_does_in_float64(small, plain, size, request):
    if size == 1:
        answers = [train_all(Group(), Group(), small, True)]
    else:
        answers = request.getfixturevalue(NAMES[size]).run(train_all, small, True)
    for at, (wanted, setting) in enumerate(zip(plain, SETTINGS, strict=True)):
        if setting[2] == "local" and size > 1:
            continue
        for side in (0, 1):
            found = np.concatenate([answer[at][side] for answer in answers])
            assert found.dtype == np.float64
            np.testing.assert_allclose(
                found, wanted[side], rtol=0, atol=1e-12, err_msg=str(setting)
            )


@pytest.mark.slow
def test_in_float32_two_workers_are_one_up_to_the_order_of_sums(small, two):
    alone = train_all(Group(), Group(), small, False)
    answers = two.run(train_all, small, False)
    for at, setting in enumerate(SETTINGS):
        if setting[2] == "local":
            continue
        # The first step of Adagrad divides a gradient by itself, and with it its rounding error.
        most = 1e-4 if setting[1].get("optimizer") == "adagrad" else 1e-5
        for side in (0, 1):
            found = np.concatenate([answer[at][side] for answer in answers])
            assert found.dtype == np.float32
            np.testing.assert_allclose(
                found, alone[at][side], rtol=0, atol=most, err_msg=str(setting)
            )
