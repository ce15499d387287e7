"""Weights as given, by their logarithm and not at all."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fullrank.data.ids import Ids
from fullrank.data.interactions import Interactions
from fullrank.data.weighting import WAYS, Weighting

WEIGHTS = [1e-30, 0.5, 3.0, 7.0, 1e30]


def data(weights: list[float] | None = WEIGHTS) -> Interactions:
    users, items = np.array([0, 0, 1, 2, 2]), np.array([0, 1, 1, 0, 2])
    made = Interactions.from_rows(
        Ids.numbered(3, "u"), Ids.numbered(3, "i"), users, items,
        weight=None if weights is None else np.array(weights), timestamp=np.arange(5),
    )  # fmt: skip
    made.never = Interactions.from_rows(made.users, made.items, np.array([1]), np.array([2]))
    return made


def test_logarithm_is_relative_to_the_median() -> None:
    train = data()
    read = Weighting.of("log", train).read(train)
    expected = [math.log1p(each / 3.0) for each in WEIGHTS]
    assert read.weight is not None
    np.testing.assert_allclose(read.weight, expected, rtol=1e-6)
    assert (read.weight > 0).all()


@pytest.mark.parametrize("way", WAYS)
def test_nothing_but_weights_changes(way: str) -> None:
    train = data()
    read = Weighting.of(way, train).read(train)
    assert np.array_equal(read.indptr, train.indptr)
    assert np.array_equal(read.item_idx, train.item_idx)
    assert np.array_equal(read.to_frame()["timestamp"], train.to_frame()["timestamp"])
    assert read.never is train.never
    assert (read is train) == (way == "given")
    assert (read.weight is None) == (way == "none")


@pytest.mark.parametrize("way", WAYS)
def test_another_part_is_read_by_the_median_of_train(way: str) -> None:
    train, other = data(), data([3.0, 6.0, 9.0, 12.0, 15.0])
    metadata = Weighting.of(way, train).metadata
    read = Weighting.stored_in(metadata).read(other)
    if way == "log":
        assert read.weight is not None
        np.testing.assert_allclose(read.weight, np.log1p([1, 2, 3, 4, 5]), rtol=1e-6)


@pytest.mark.parametrize("way", WAYS)
def test_without_weights_nothing_is_read(way: str) -> None:
    train = data(None)
    assert Weighting.of(way, train) == Weighting()
    assert Weighting.of("log", data()).read(train) is train
