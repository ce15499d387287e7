"""Slots filled from pools of random numbers as the naive loops fill them; random draws."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from ruled_loops import World, filled

from fullrank import Ids, Rules
from fullrank.rules.draws import counts_of, keys_of
from fullrank.rules.labels import Labels
from fullrank.rules.slots import Calibration, Filling, Limit, fill

USERS, ITEMS, POOL = 12, 40, 15


def world(seed: int) -> World:
    """Half of the items are without categories, scores have ties, and some users no history."""
    rng = np.random.default_rng(seed)
    unit = rng.standard_normal((ITEMS, 3))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    names = list("abcd")
    categories = [
        None if rng.random() < 0.5 else [names[j] for j in rng.choice(4, rng.integers(3), False)]
        for _ in range(ITEMS)
    ]
    return World(
        np.round(rng.random((USERS, ITEMS)), 1).tolist(),
        [1.0] * ITEMS,
        [rng.choice(ITEMS, rng.integers(6), False).tolist() for _ in range(USERS)],
        {"categories": categories, "brand": [f"{rng.integers(5)}" for _ in range(ITEMS)]},
        (unit @ unit.T).tolist(),
        rng.random((USERS, ITEMS)).tolist(),
    )


@pytest.mark.parametrize("seed", range(15))
@pytest.mark.parametrize(
    "given",
    [
        {"calibration": 0.6},
        {"diversity": 0.5},
        {"at_most": {"categories": 1, "brand": 2}},
        {"exploration": 0.5, "at_most": {"brand": 2}},
        {"calibration": 0.3, "diversity": 0.3, "at_most": {"brand": 2}, "exploration": 0.3},
    ],
)
def test_slots_are_filled_as_by_the_loops(seed, given):
    k, rules, known = 6, Rules(**given), world(seed)
    items = Ids.numbered(ITEMS, "i").with_attributes(
        pl.DataFrame({"id": [f"i{row}" for row in range(ITEMS)], **known.attributes})
    )
    scores = np.array(known.scores, dtype=np.float32)
    order = np.lexsort((np.broadcast_to(np.arange(ITEMS), scores.shape), -scores))[:, :POOL]
    pool = order.astype(np.int32)
    pool[3, 4:], pool[5] = -1, -1  # few candidates, and none
    labels = Labels.of(items, "categories", "")
    shares = labels.shares().toarray()
    history = np.stack([shares[own].sum(axis=0) for own in known.history])
    history /= np.maximum(history.sum(axis=1, keepdims=True), 1e-12)
    alike = np.array(known.alike)
    how = Filling(
        k,
        rules.diversity,
        (lambda one, others: alike[one[:, None], others]) if rules.diversity else None,
        [Limit(Labels.of(items, n, "").of_items(pool), m) for n, m in rules.at_most.items()],
        Calibration(history, labels.of_items(pool), rules.calibration)
        if rules.calibration
        else None,
        int(rules.exploration * k + 0.5),
        np.take_along_axis(np.array(known.keys), np.maximum(pool, 0).astype(np.int64), axis=1),
    )
    places = np.maximum(pool, 0).astype(np.int64)
    of_pool = np.where(pool >= 0, np.take_along_axis(scores, places, axis=1), -np.inf)
    got = fill(pool, of_pool.astype(np.float32), how)
    for user in range(USERS):
        own = [int(item) for item in pool[user] if item >= 0]
        known.scores[user] = scores[user].tolist()
        wanted = filled(known, rules, user, own, known.scores[user], k)
        slots = got.slots[user]
        assert [int(pool[user, slot]) for slot in slots if slot >= 0] == wanted
        assert (slots >= 0).sum() == len(wanted)


def test_draws_are_of_a_user_an_item_and_a_seed():
    users = pl.Series([f"u{row}" for row in range(200)])
    items = np.tile(np.arange(300, dtype=np.int32), (200, 1))
    keys = keys_of(1, users, items)
    assert 0 <= keys.min() < 0.001
    assert 0.999 < keys.max() < 1
    assert abs(keys.mean() - 0.5) < 0.005
    correlation = np.corrcoef(keys)
    np.fill_diagonal(correlation, 0)
    assert np.abs(correlation).max() < 0.3
    assert np.abs(np.corrcoef(keys.T) - np.eye(300)).max() < 0.35
    assert np.array_equal(keys_of(1, users[7:9], items[:2, 5:]), keys[7:9, 5:])
    assert np.array_equal(
        keys_of(1, pl.Series([3]), items[:1]), keys_of(1, pl.Series(["3"]), items[:1])
    )
    assert abs(np.corrcoef(keys.ravel(), keys_of(2, users, items).ravel())[0, 1]) < 0.02


def test_a_part_of_a_drawn_slot_is_one_for_that_part_of_the_users():
    users = pl.Series([f"u{row}" for row in range(4000)])
    for mean, low, high in ((0.4, 0, 1), (3.6, 3, 4), (0.01, 0, 1)):
        counts = counts_of(mean, 2, users)
        assert set(counts.tolist()) == {low, high}
        assert counts.mean() == pytest.approx(mean, abs=0.025)
        assert np.array_equal(counts_of(mean, 2, users[70:90]), counts[70:90])
        assert not np.array_equal(counts_of(mean, 3, users), counts)
    for k in (5, 10, 20, 100):
        for share in range(k + 1):
            assert (counts_of(share / k * k, 0, users[:50]) == share).all()
