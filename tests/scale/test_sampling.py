from __future__ import annotations

import numpy as np
import pytest
from drawn import OPTIONS, SIZE, STEPS, all_shares, own_shares

from fullrank.data import Interactions
from fullrank.data.sampling import PairSampler
from fullrank.errors import FitError
from fullrank.scale.group import Group
from fullrank.scale.sampling import ShardSampler
from fullrank.scale.sources import InMemory


def whole_batches(data, options, start, chunk, monkeypatch):
    monkeypatch.setattr("fullrank.data.sampling.CHUNK", chunk)
    rule = options["rule"]
    sampler = PairSampler(data, rule, **{k: v for k, v in options.items() if k != "rule"})
    return list(sampler.batches(np.random.default_rng(5), STEPS, SIZE, start=start))


def assert_same(shares, batches, options):
    """The workers' parts of each batch are the batch, in the order of its pairs."""
    for parts, batch in zip(zip(*shares, strict=True), batches, strict=True):
        users = np.concatenate([part[0] for part in parts])
        owner = np.repeat(np.arange(len(parts)), [len(part[0]) for part in parts])
        assert [len(part[0]) for part in parts] == parts[0][3].tolist()
        order = np.argsort(owner_of(batch.user_idx, users, owner), kind="stable")
        np.testing.assert_array_equal(users, batch.user_idx[order])
        np.testing.assert_array_equal(
            np.concatenate([part[1] for part in parts]), batch.item_idx[order]
        )
        if options["negatives"] and options["shared"]:
            for part in parts:
                np.testing.assert_array_equal(part[2][None], batch.negative_idx)
        elif options["negatives"]:
            negatives = np.concatenate([part[2] for part in parts])
            np.testing.assert_array_equal(negatives, batch.negative_idx[order])


def owner_of(wanted, users, owner):
    known = dict(zip(users, owner, strict=True))
    return np.array([known[user] for user in wanted])


@pytest.fixture(scope="module")
def ragged(small) -> Interactions:
    """Users with many pairs, and the last third of the users with none."""
    train = small.train
    return train.select(np.flatnonzero(train.user_idx < 2 * train.n_users // 3))


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("chunk", [160, 1 << 17])
def test_one_worker_draws_the_batches_of_the_plain_sampler(ragged, options, chunk, monkeypatch):
    monkeypatch.setattr("fullrank.scale.sampling.CHUNK", chunk)
    shares = [own_shares(Group(), Group(), ragged, options, 0, chunk)]
    assert_same(shares, whole_batches(ragged, options, 0, chunk, monkeypatch), options)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "start"), [("two", 0), ("three", 0), ("three", 3)])
def test_workers_draw_the_batches_of_the_plain_sampler(ragged, name, start, request, monkeypatch):
    answers = request.getfixturevalue(name).run(all_shares, ragged, start, 240)
    for at, options in enumerate(OPTIONS):
        shares = [answer[at] for answer in answers]
        assert_same(shares, whole_batches(ragged, options, start, 240, monkeypatch), options)


def test_nothing_to_draw_is_refused(small):
    empty = InMemory.of({"train": small.train.select(np.arange(0))})
    whole = empty.block("train", 0, small.train.n_users)
    with pytest.raises(FitError, match="no interactions"):
        ShardSampler(whole, Group(), "users")
