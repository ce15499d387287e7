"""Which numbers dropout leaves out."""

from __future__ import annotations

import numpy as np
import pytest

from fullrank.data.sampling import Batch
from fullrank.engine.dropout import kept, pair_keys


def stacked(steps, pairs, negatives=None, seed=0):
    rng = np.random.default_rng(seed)
    users, items = rng.integers(1000, size=(2, steps, pairs))
    return Batch(users, items, negatives)


def mixed(x):
    """splitmix64's last steps on whole numbers of Python."""
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    x = (x ^ x >> 27) * 0x94D049BB133111EB % 2**64
    return x ^ x >> 31


def test_bits_are_those_of_the_rule_in_whole_numbers():
    batch = stacked(1, 3, np.array([[[5, 1], [6, 2], [7, 3]]]))
    golden = 0x9E3779B97F4A7C15
    got = kept(pair_keys(batch)[0], 4, 0.3)
    for b, (user, item, first) in enumerate(
        zip(batch.user_idx[0], batch.item_idx[0], (5, 6, 7), strict=True)
    ):
        key = 0
        for part in (int(user), int(item), first):
            key = mixed((key + part + golden) % 2**64)
        for c in range(4):
            stays = mixed((key + (c + 1) * golden) % 2**64) >> 32 >= 0.3 * 2**32
            assert got[b, c] == pytest.approx(1 / 0.7 if stays else 0.0)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_the_share_is_left_out_in_every_column_and_the_mean_stays(share):
    left = kept(pair_keys(stacked(1, 20000))[0], 16, share)
    deviation = np.sqrt(share * (1 - share) / 20000)
    assert abs((left == 0).mean(0) - share).max() < 5 * deviation
    assert left.mean() == pytest.approx(1, abs=5 * deviation / (1 - share))
    together = np.corrcoef((left == 0).T)
    assert abs(together - np.eye(16)).max() < 5 / np.sqrt(20000)


def test_keys_do_not_depend_on_stacking_and_change_with_each_part():
    negatives = np.arange(2 * 40).reshape(2, 40, 1)
    batch = stacked(2, 40, negatives)
    keys = pair_keys(batch)
    for step in (0, 1):
        alone = Batch(*(each[step] for each in batch))
        assert np.array_equal(pair_keys(alone), keys[step])
    for part in range(3):
        moved = list(batch)
        moved[part] = moved[part] + 1
        assert (pair_keys(Batch(*moved)) != keys).all()
    shared = pair_keys(batch._replace(negative_idx=negatives[:, :1]))
    assert shared.shape == keys.shape
    assert np.array_equal(shared[:, 0], keys[:, 0])


def test_without_dropout_everything_stays():
    assert (kept(pair_keys(stacked(1, 5))[0], 7, 0.0) == 1).all()
