"""Validation parts that are drawn like the test part, or last in time."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fullrank.data import Ids, Interactions, generate, hold_out, load, random_split
from fullrank.data.bins import bin_of, edges_of
from fullrank.data.splits import quota_of
from fullrank.data.validation import draw_validation, hold_out_by_share, margin_of
from fullrank.errors import DataError, SettingError


@pytest.fixture(scope="module")
def data():
    return generate(3000, 400, 90_000, seed=5, timestamps=True)


def planted(data, power, seed=0):
    """Rest and test: of each user a fifth, popular items rather (power > 0) or unpopular ones."""
    rng = np.random.default_rng(seed)
    held = np.zeros(len(data), dtype=bool)
    weight = data.item_degree.astype(float) ** power
    for start, stop in zip(data.indptr[:-1], data.indptr[1:], strict=True):
        n, p = (stop - start) // 5, weight[data.item_idx[start:stop]]
        if n:
            held[start + rng.choice(stop - start, n, replace=False, p=p / p.sum())] = True
    return data.select(~held), data.select(held)


def profile(rest, part, size):
    """Share of a part in each bin over its share in all."""
    bins = bin_of(size, edges_of(size))
    taken = np.bincount(bins, weights=part.item_degree)
    held = np.bincount(bins, weights=rest.item_degree + part.item_degree)
    return taken / held / (len(part) / (len(rest) + len(part)))


@pytest.mark.parametrize("power", [0.5, -0.5])
def test_the_planted_skew_is_in_validation_too(data, power):
    rest, test = planted(data, power)
    train, chosen, how = draw_validation(rest, test, 0.1, 3, "test")
    size = data.item_degree
    wanted, found = profile(rest, test, size), profile(train, chosen, size)
    uniform = profile(*hold_out(rest, 0.1, 3), size)
    assert abs(np.log(wanted)).max() > 0.3  # there is something to draw
    assert found == pytest.approx(wanted, rel=0.08)
    assert abs(uniform / wanted - 1).max() > 0.25
    assert (wanted[-1] > 1.1) == (found[-1] > 1.1) == (power > 0)
    assert how["validation_like"] == "test"
    assert len(how["test_share_by_popularity"]) == len(wanted)


def test_a_user_gives_as_many_as_in_a_uniform_draw(data):
    rest, test = planted(data, 0.5)
    train, chosen, _ = draw_validation(rest, test, 0.1, 3, "test")
    _, uniform = hold_out(rest, 0.1, 3)
    assert (chosen.user_degree == uniform.user_degree).all()
    assert len(train) + len(chosen) == len(rest)
    assert not train.csr().multiply(chosen.csr()).nnz
    assert ((train.user_degree > 0) == (rest.user_degree > 0)).all()


def test_the_seed_makes_the_draw(data):
    rest, test = planted(data, 0.5)
    one, same, other = (draw_validation(rest, test, 0.1, s, "test")[1] for s in (1, 1, 2))
    assert one.fingerprint == same.fingerprint != other.fingerprint


def test_only_the_margin_of_the_test_part_counts(data):
    """Another test part with the same share in each bin gives the same validation part."""
    rest, test = planted(data, 0.5)
    edges, share = margin_of(rest, test)
    _, chosen, _ = draw_validation(rest, test, 0.1, 3, "test")
    _, again = hold_out_by_share(rest, 0.1, edges, share, 3)
    assert chosen.fingerprint == again.fingerprint


def test_equal_shares_are_a_uniform_draw(data):
    """Each item is drawn as often as by `hold_out`, whatever its popularity."""
    edges = np.array([0.0, 200.0, 500.0])
    _, held = hold_out_by_share(data, 0.2, edges, np.full(3, 0.4), 0)
    bins = np.searchsorted(edges, data.item_degree, side="right") - 1
    share = np.bincount(bins, held.item_degree) / np.bincount(bins, data.item_degree)
    assert share == pytest.approx(np.full(3, len(held) / len(data)), rel=0.06)


def test_the_margin_by_hand():
    """Two items with 8 + 2, one with 1 + 1 interactions: shares .2 and .5, edges as in the rest."""
    rest = np.repeat([0, 1, 2], [8, 8, 1])
    test = np.repeat([0, 1, 2], [2, 2, 1])
    ids = Ids.numbered(20), Ids.numbered(3)
    users = np.concatenate((np.arange(8), np.arange(8), [0])), np.array([8, 9, 8, 9, 1])
    parts = [Interactions.from_rows(*ids, u, i) for u, i in zip(users, (rest, test), strict=True)]
    edges, share = margin_of(*parts)
    assert share.sum() == pytest.approx(5 / 22)  # too few items for bins of their own
    assert edges.tolist() == [0.0]


def test_edges_of_the_rest_never_fall():
    """Items of 1, 3 and 8 interactions, of which 0, 0 and 7 are in the test part: 8 / 8 < 3."""
    degrees = {"rest": np.repeat([1, 3, 1], [10, 10, 5]), "test": np.repeat([0, 0, 7], [10, 10, 5])}
    ids = Ids.numbered(8), Ids.numbered(25)
    parts = []
    for name, degree in degrees.items():
        users = np.concatenate([np.arange(n) + (name == "test") for n in degree])
        parts.append(Interactions.from_rows(*ids, users, np.repeat(np.arange(25), degree)))
    edges, share = margin_of(*parts)
    assert edges.tolist() == [0, 3, 3]
    assert share.tolist() == [0, 0, 7 / 8]


def naive_draw(data, fraction, edges, share, seed):
    """`hold_out_by_share` in loops over users and entries; positions of the entries."""
    rng = np.random.default_rng(seed)
    quota = quota_of(data.user_degree, fraction, rng)
    noise = rng.gumbel(size=len(data))
    bins = [max(b for b, e in enumerate(edges) if e <= data.item_degree[i]) for i in data.item_idx]
    wanted = [bins.count(b) * share[b] for b in range(len(edges))]
    wanted = [each * quota.sum() / sum(wanted) for each in wanted]
    weight = [math.log(each) for each in share]
    for _ in range(10):
        held = []
        for user in range(data.n_users):
            own = range(data.indptr[user], data.indptr[user + 1])
            held += sorted(own, key=lambda e: -(noise[e] + weight[bins[e]]))[: quota[user]]
        found = [sum(bins[e] == b for e in held) for b in range(len(edges))]
        pairs = list(zip(wanted, found, strict=True))
        if all(abs(f - w) <= max(0.5 * math.sqrt(w), 1) for w, f in pairs):
            break
        weight = [
            x + math.log(max(w, 0.5) / max(f, 0.5)) for x, (w, f) in zip(weight, pairs, strict=True)
        ]
    return sorted(held)


@pytest.mark.parametrize("seed", range(12))
def test_the_draw_is_that_of_the_loop(seed):
    """Of small tables, in which a bin may get nothing in a round."""
    data = generate(40, 30, 300 + 20 * seed, seed=seed)
    edges = np.array([0, 6, 12, 20])
    share = np.random.default_rng(seed).permutation([0.01, 0.05, 0.3, 0.9])
    kept, held = hold_out_by_share(data, 0.3, edges, share, seed)
    expected = np.array(naive_draw(data, 0.3, edges, share, seed))
    assert held.user_idx.tolist() == data.user_idx[expected].tolist()
    assert held.item_idx.tolist() == data.item_idx[expected].tolist()
    assert len(kept) + len(held) == len(data)


def test_a_uniform_part_is_that_of_hold_out(data):
    for part, expected in zip(
        draw_validation(data, None, 0.1, 3), hold_out(data, 0.1, 3), strict=False
    ):
        assert part.fingerprint == expected.fingerprint


def test_last_in_time(data):
    rest, test = hold_out(data, 0.2, 0)
    train, chosen, how = draw_validation(rest, test, 0.1, 0, "time")
    assert train.timestamp.max() < how["validation_from"] == chosen.timestamp.min()
    assert len(chosen) == pytest.approx(0.1 * len(rest), rel=0.01)
    with pytest.raises(DataError, match="no timestamps"):
        draw_validation(generate(30, 20, 100), None, 0.1, 0, "time")
    still = Interactions.from_rows(
        Ids.numbered(2), Ids.numbered(2), [0, 1], [0, 1], timestamp=[5, 5]
    )
    with pytest.raises(DataError, match="no interaction before the cutoff"):
        draw_validation(still, None, 0.1, 0, "time")


@pytest.mark.slow
def test_load_draws_it(tmp_path, data):
    path = tmp_path / "events.parquet"
    data.to_frame().write_parquet(path)
    split = load(path, validation_like="test", seed=4)
    assert split.how["validation_like"] == "test"
    plain = load(path, seed=4)
    assert "validation_like" not in plain.how
    assert len(split.test) == pytest.approx(len(plain.test), rel=0.01)
    timed = load("demo", validation_like="time")
    assert timed.test.fingerprint == load("demo").test.fingerprint
    assert timed.train.timestamp.max() < timed.validation.timestamp.min()
    assert load(path, validation_like="time", how="time").how["kind"] == "time"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"validation_like": "tset"}, "found 'tset'; expected 'test'"),
        ({"validation_like": "test", "validation": 0}, "with validation 0"),
        ({"validation_like": "test", "test": 0}, "without a test part"),
        ({"validation_like": "test", "how": "time"}, "a split by time"),
        ({"validation_like": "time", "how": "last"}, "a split by users and time"),
    ],
)
def test_what_cannot_be_drawn(options, words):
    with pytest.raises(SettingError, match=words):
        load("demo", **options)


@pytest.mark.slow
def test_a_folder_that_is_split(tmp_path, data):
    rest, test = planted(data, 0.5)
    for name, part in {"train": rest, "test": test}.items():
        part.to_frame().write_parquet(tmp_path / f"{name}.parquet")
    split = load(tmp_path, validation_like="test")
    assert split.how["validation_like"] == "test"
    whole = random_split(data)
    for name, part in whole.parts.items():
        part.to_frame().write_parquet(tmp_path / f"{name}.parquet")
    with pytest.raises(SettingError, match="it is drawn already"):
        load(tmp_path, validation_like="test")
