from __future__ import annotations

import numpy as np
import pytest
from tasks import SETTINGS, slowed, train_some

from fullrank.scale.loop import straggler


@pytest.mark.parametrize(
    ("seconds", "slow"),
    [
        ([2.0, 1.0, 1.1], None),
        ([2.3, 1.0, 1.1], 0),
        ([1.0, 5.0], 1),
        ([0.01, 0.4], None),
        ([9.0], None),
    ],
)
def test_a_straggler_takes_much_longer_than_the_median_of_the_others(seconds, slow):
    line = straggler(seconds)
    assert line is None if slow is None else f"worker {slow} computes" in line


@pytest.mark.slow
def test_a_straggler_is_named_by_the_first_worker(small, two):
    first, second = two.run(slowed, small)
    assert first
    assert all("worker 1 computes for" in line for line in first)
    assert second == []


def test_local_balance_sends_no_rows_round(small, two):
    """It is another filter than that of the whole batch, and no gather has rows of a batch."""
    (name, values, _), number = SETTINGS[-1], len(SETTINGS) - 1
    local = two.run(train_some, small, number, "local")
    whole = two.run(train_some, small, number, "global")
    assert name == "directspec+"
    steps = 2 * (len(small.train) // values["batch_size"])
    for own, every in zip(local, whole, strict=True):
        assert "reduce_scatter" not in own[1]
        assert every[1]["reduce_scatter"]["calls"] == steps // 2
        assert np.abs(own[0] - every[0]).max() > 1e-4
        assert own[1]["all_to_all"]["calls"] == every[1]["all_to_all"]["calls"] == steps
