import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fullrank import Recommender
from fullrank.data import (
    Ids,
    Interactions,
    Split,
    generate,
    hold_out,
    leave_last_out,
    random_split,
    splits,
    time_split,
)
from fullrank.errors import DataError, SettingError

ROWS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 7), st.integers(0, 4)), max_size=60)


@pytest.fixture(scope="module")
def data():
    return generate(400, 300, 8000, seed=3, timestamps=True)


def table(rows):
    user, item, time = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    return Interactions.from_rows(Ids.numbered(6), Ids.numbered(8), user, item, timestamp=time)


def pairs(part):
    """Pairs of rows with their times, as a set; empty for no part."""
    if part is None:
        return set()
    columns = (part.user_idx.tolist(), part.item_idx.tolist(), part.timestamp.tolist())
    return set(zip(*columns, strict=True))


def check_parts(split, whole):
    parts = [pairs(split.train), pairs(split.validation), pairs(split.test)]
    assert sum(map(len, parts)) == len(whole)
    assert set.union(*parts) == pairs(whole)
    for part in split.parts.values():
        assert part.users is whole.users
        assert part.items is whole.items


@given(ROWS, st.floats(0, 0.99), st.integers(0, 100))
def test_hold_out_divides_and_leaves_each_user_one(rows, fraction, seed):
    data = table(rows)
    kept, held = hold_out(data, fraction, seed)
    assert pairs(kept) | pairs(held) == pairs(data)
    assert not pairs(kept) & pairs(held)
    assert ((kept.user_degree > 0) == (data.user_degree > 0)).all()
    expected = np.minimum(fraction * data.user_degree, np.maximum(data.user_degree - 1, 0))
    assert (np.abs(held.user_degree - expected) < 1).all()


def test_hold_out_gives_the_fraction_on_average():
    degree = np.repeat([2, 3, 5, 11], 5000)
    indptr = np.concatenate(([0], np.cumsum(degree)))
    item_idx = np.concatenate([np.arange(each, dtype=np.int32) for each in degree])
    data = Interactions(Ids.numbered(20000), Ids.numbered(11), indptr, item_idx)
    _, held = hold_out(data, 0.3, 1)
    means = held.user_degree.reshape(4, 5000).mean(axis=1)
    assert means == pytest.approx([0.6, 0.9, 1.5, 3.3], abs=0.03)
    # Each of the eleven items of the last users is as likely to be given as any other.
    last = held.item_idx[held.user_idx >= 15000]
    assert np.bincount(last, minlength=11) / 5000 == pytest.approx(np.full(11, 0.3), abs=0.03)


def test_blocks_do_not_show_in_the_parts(monkeypatch, data):
    monkeypatch.setattr(splits, "BLOCK", 100)
    kept, held = hold_out(data, 0.25, 5)
    assert len(kept) + len(held) == len(data)
    assert not pairs(kept) & pairs(held)
    assert np.abs(held.user_degree - 0.25 * data.user_degree).max() < 1


def test_random_split(data):
    split = random_split(data, test=0.2, validation=0.1, seed=7)
    check_parts(split, data)
    assert len(split.test) == pytest.approx(0.2 * len(data), rel=0.03)
    assert len(split.validation) == pytest.approx(0.08 * len(data), rel=0.06)


def test_the_same_seed_gives_the_same_split_and_another_one_does_not(data):
    one, same, other = (random_split(data, seed=seed) for seed in (1, 1, 2))
    assert one.fingerprint == same.fingerprint
    assert one.fingerprint != other.fingerprint
    assert len(one.fingerprint) == 16
    generator = random_split(data, seed=np.random.default_rng(1))
    assert generator.fingerprint == one.fingerprint


def test_a_fingerprint_is_of_each_part_and_its_name(data):
    split = random_split(data)
    assert list(split.parts) == ["train", "validation", "test"]
    parts = split.train, split.validation, split.test
    others = [(0, 1, None), (0, None, 1), (0, None, 2), (0, 2, 1), (1, 0, 2), (0, 1, 1)]
    made = [splits.Split("x", *(at if at is None else parts[at] for at in o)) for o in others]
    assert len({each.fingerprint for each in (split, *made)}) == 7


def test_parts_that_are_not_asked_for(data):
    split = random_split(data, test=0, validation=0)
    assert (split.validation, split.test) == (None, None)
    assert split.train is data
    assert list(split.summary()) == ["name", "fingerprint", "how", "train"]
    assert time_split(data, test=0, validation=0.2).test is None
    assert leave_last_out(data, validation=False).validation is None


@given(ROWS.filter(lambda rows: len({time for *_, time in rows}) > 3), st.floats(0.05, 0.4))
def test_time_split_respects_time(rows, fraction):
    data = table(rows)
    try:
        split = time_split(data, test=fraction, validation=fraction)
    except DataError as error:
        assert "no interaction before the cutoff" in str(error)  # noqa: PT017
        return
    check_parts(split, data)
    assert split.test.timestamp.min() == split.how["test_from"]
    assert max(split.train.timestamp) < min(split.validation.timestamp)
    assert max(split.validation.timestamp) < min(split.test.timestamp)


def test_time_split_sizes(data):
    split = time_split(data, test=0.25, validation=0.2)
    assert len(split.test) == pytest.approx(0.25 * len(data), rel=0.01)
    assert len(split.validation) == pytest.approx(0.15 * len(data), rel=0.01)


@given(ROWS, st.booleans())
def test_leave_last_out_takes_the_latest_of_each_user(rows, validation):
    data = table(rows)
    needed = 3 if validation else 2
    if data.user_degree.max(initial=0) < needed:
        with pytest.raises(DataError, match=f"expected a user with {needed} or more"):
            leave_last_out(data, validation=validation)
        return
    split = leave_last_out(data, validation=validation)
    check_parts(split, data)
    for user in range(6):
        ordered = sorted((time, item) for u, item, time in pairs(data) if u == user)
        enough = len(ordered) >= needed
        assert pairs_of(split.test, user) == (ordered[-1:] if enough else [])
        assert pairs_of(split.validation, user) == (ordered[-2:-1] if enough and validation else [])


def pairs_of(part, user):
    return sorted((time, item) for u, item, time in pairs(part) if u == user)


@pytest.mark.parametrize("fraction", [-0.1, 1, 1.5, float("nan")])
@pytest.mark.parametrize("split", [random_split, time_split])
def test_fractions_out_of_range(data, split, fraction):
    with pytest.raises(SettingError, match=f"setting test: found {fraction}; expected a fraction"):
        split(data, test=fraction)
    with pytest.raises(SettingError, match="setting validation: found"):
        split(data, validation=fraction)


@pytest.mark.parametrize("split", [time_split, leave_last_out])
def test_splits_by_time_need_times(split):
    data = generate(20, 20, 60)
    with pytest.raises(
        DataError, match="split of log by time: found no timestamps; expected a col"
    ):
        split(data, name="log")


def test_one_time_for_all_cannot_be_cut():
    data = table([(0, 1, 3), (1, 1, 3), (1, 2, 3)])
    with pytest.raises(DataError, match="no interaction before the cutoff, 3 being the earliest"):
        time_split(data)


def test_a_pair_that_comes_again_after_the_cut_stays_in_train():
    """User a has x before the cut and after it; only y is new."""
    frame = pl.DataFrame(
        {
            "user_id": ["a", "b", "a", "a"],
            "item_id": ["x", "x", "y", "x"],
            "timestamp": [1, 2, 8, 9],
        }
    )
    split = time_split(Interactions.from_frame(frame), test=0.3, validation=0)
    assert split.train.to_frame().select("user_id", "item_id").rows() == [("a", "x"), ("b", "x")]
    assert split.test.to_frame().select("user_id", "item_id").rows() == [("a", "y")]


def test_what_was_done_is_plain_values_whoever_asked_for_it(data, tmp_path):
    made = random_split(data, test=np.float32(0.25), validation=np.float64(0.5), seed=np.int64(3))
    same = random_split(data, test=0.25, validation=0.5, seed=3)
    assert made.how == same.how
    assert made.fingerprint == same.fingerprint
    assert made.how["seed"] == 3
    model = Recommender("popularity").fit(made)
    model.save(tmp_path / "model")  # which a number of NumPy's would stop, after a long fit perhaps
    assert Recommender.load(tmp_path / "model").evaluate(k=5).protocol["split"] == same.how
    own = Split("mine", made.train, None, None, {"folds": (np.int64(1), np.array([2, 3]))})
    assert own.how == {"folds": [1, [2, 3]]}


def test_parts_share_their_users_and_items(data):
    """Else a row number of test is another user in train: in masks, and in a model once saved."""
    rows = data.user_idx, data.item_idx
    others = Interactions.from_rows(Ids.numbered(data.n_users, "x"), data.items, *rows)
    for parts in ((None, others), (others, None)):
        with pytest.raises(DataError, match="part of a split: found other users than train"):
            Split("mine", data, *parts)
    fewer = Interactions.from_rows(data.users, Ids.numbered(data.n_items + 1), *rows)
    with pytest.raises(DataError, match="found other items than train"):
        Split("mine", data, None, fewer)
    again = Interactions.from_rows(Ids(data.users.values), Ids(data.items.values), *rows)
    assert Split("mine", data, None, again).test is again
