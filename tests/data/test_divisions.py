"""Several divisions of one split: what each holds, and that seeds make them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from fullrank.data import Split, generate, leave_last_out, load, random_split, time_split
from fullrank.data.divisions import divisions
from fullrank.data.joining import joined
from fullrank.data.validation import draw_validation
from fullrank.errors import DataError, SettingError


@pytest.fixture(scope="module")
def data():
    return generate(400, 300, 8000, seed=3, timestamps=True)


def keys(part):
    return set((part.user_idx * np.int64(part.n_items) + part.item_idx).tolist())


def test_each_division_is_of_the_same_interactions(data):
    split = random_split(data, seed=4)
    made = divisions(split, 4)
    assert made[0] is split
    rest = keys(split.train) | keys(split.validation)
    for each in made:
        assert each.test is split.test
        assert keys(each.train) | keys(each.validation) == rest
        assert not keys(each.train) & keys(each.validation)
        assert len(each.validation) == pytest.approx(0.1 * len(rest), rel=0.1)
        assert each.train.timestamp is not None
    assert len({each.fingerprint for each in made}) == 4
    overlap = len(keys(made[1].validation) & keys(made[2].validation)) / len(made[1].validation)
    assert overlap == pytest.approx(0.1, abs=0.06)  # drawn anew, not from one another


def test_the_same_divisions_every_time_and_more_of_them_later(data):
    prints = [
        [each.fingerprint for each in divisions(random_split(data, seed=seed), n)]
        for seed, n in ((4, 2), (4, 4), (5, 4))
    ]
    assert prints[1][:2] == prints[0]
    assert not set(prints[1]) & set(prints[2])


def test_the_seed_and_the_fraction_are_those_that_the_split_states(data):
    split = random_split(data, seed=4)
    whole = joined(split.train, split.validation)

    def second(**how):
        stated = Split(split.name, split.train, split.validation, split.test, split.how | how)
        return divisions(stated, 2)[1].validation

    assert second(seed=9).fingerprint != second().fingerprint
    assert len(second(validation=0.3)) == pytest.approx(0.3 * len(whole), rel=0.05)
    assert len(second(validation=None)) == pytest.approx(len(split.validation), rel=0.1)


def test_drawn_in_the_way_of_the_split():
    split = load("demo", validation_like="test")
    whole = joined(split.train, split.validation)
    for each in divisions(split, 3)[1:]:
        drawn = draw_validation(whole, split.test, 0.1, each.how["seed"], "test")
        assert each.validation.fingerprint == drawn[1].fingerprint
        assert each.how["validation_like"] == "test"
        assert each.how["seed"] != split.how["seed"]


@pytest.mark.parametrize("kind", ["time", "like"])
def test_by_time_they_go_back(data, kind):
    made = divisions(
        time_split(data) if kind == "time" else load("demo", validation_like="time"), 3
    )
    for each in made:
        assert each.train.timestamp.max() < each.validation.timestamp.min()
    for later, earlier in itertools.pairwise(made):
        assert keys(earlier.train) | keys(earlier.validation) == keys(later.train)
        assert len(earlier.validation) == pytest.approx(0.1 * len(later.train), rel=0.1)


def test_what_cannot_be_divided(data):
    split = random_split(data)
    with pytest.raises(SettingError, match="repeats: found 0"):
        divisions(split, 0)
    with pytest.raises(DataError, match="no validation part"):
        divisions(Split("x", split.train, None, None), 2)
    with pytest.raises(SettingError, match="last interactions"):
        divisions(leave_last_out(data), 2)
    assert divisions(leave_last_out(data), 1)[0].how["kind"] == "last"
