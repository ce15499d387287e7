"""Factored LightGCN by several workers is that of one process, up to the order of sums."""

from __future__ import annotations

import numpy as np
import pytest
import smoothed
from plain import factored
from smoothed import SETTINGS
from tasks import NAMES

from fullrank.errors import SettingError
from fullrank.scale import smoothing
from fullrank.scale.group import Group


@pytest.fixture(scope="module")
def plain(small):
    return [factored(small.train, name, values) for name, values, _ in SETTINGS]


def by_workers(size, request, function, *arguments):
    if size == 1:
        return [function(Group(), Group(), *arguments)]
    return request.getfixturevalue(NAMES[size]).run(function, *arguments)


@pytest.mark.slow
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


def test_more_vectors_than_there_are_or_fit_are_refused_in_one_line(small, monkeypatch):
    name, values, how = SETTINGS[0]
    alone = Group(), Group(), small
    with pytest.raises(SettingError, match="setting rank: found 121; expected at most 120"):
        smoothed.train(*alone, (name, {**values, "rank": 121}, how), False)
    monkeypatch.setattr(smoothing, "svd_bytes", lambda shape, rank: 2**60)
    with pytest.raises(SettingError, match="setting rank: found 20 singular vectors of 200 × 120"):
        smoothed.train(*alone, (name, values, how), False)
