"""Factored LightGCN by several workers is that of one process, up to the order of sums."""

from __future__ import annotations

import numpy as np
import pytest
import smoothed
from plain import factored
from smoothed import SETTINGS
from tasks import NAMES

from fullrank.scale.group import Group


@pytest.fixture(scope="module")
def plain(small):
    return [factored(small.train, name, values) for name, values, _ in SETTINGS]


def by_workers(size, request, function, *arguments):
    if size == 1:
        return [function(Group(), Group(), *arguments)]
    return request.getfixturevalue(NAMES[size]).run(function, *arguments)


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("double", [True, False])
def test_workers_train_as_one_process_does(small, plain, size, double, request):
    answers = by_workers(size, request, smoothed.train_all, small, double)
    for at, ((wanted, before), setting) in enumerate(zip(plain, SETTINGS, strict=True)):
        if setting[2] == "local" and size > 1:
            continue
        for side in (0, 1):
            found = np.concatenate([answer[at][side] for answer in answers])
            assert found.dtype == (np.float64 if double else np.float32)
            assert np.abs(wanted[side] - before[side]).max() > 1e-2, "nothing was learned"
            most = 1e-12 if double else 1e-5
            np.testing.assert_allclose(found, wanted[side], rtol=0, atol=most, err_msg=str(setting))
