"""Nights on real data, cut by kills, beside a reader that always finds a model."""

from __future__ import annotations

import os

import pytest
from week import week


@pytest.mark.slow
@pytest.mark.skipif("FULLRANK_DATA" not in os.environ, reason="real data")
def test_no_moment_without_a_model_to_serve(tmp_path):
    found = week(nights=3, kills=2, seed=1, folder=tmp_path)
    assert found["reader"]["failures"] == []
    assert found["reader"]["loads"] > 20
    assert found["reader"]["versions_seen"] >= 2
    assert found["killed"] >= 1
    assert all(codes[-1] in (0, 3) for codes in found["exit_codes"])
    assert found["unfinished_left"] == []
    assert found["current"] in found["versions_left"]
