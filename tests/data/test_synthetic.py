import numpy as np
import pytest

from fullrank.data import generate, hold_out, load
from fullrank.data.titles import titles
from fullrank.errors import SettingError


def recall(scores, train, test, k=20):
    scores = np.where(train.csr().toarray() > 0, -np.inf, scores)
    top = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    hits = np.take_along_axis(test.csr().toarray(), top, axis=1).sum(axis=1)
    return np.mean(hits[test.user_degree > 0] / test.user_degree[test.user_degree > 0])


@pytest.mark.slow
def test_taste_can_be_learned_from_the_demo():
    split = load("demo", validation=0)
    dense = split.train.csr().toarray()
    popularity = np.broadcast_to(dense.sum(axis=0), dense.shape)
    scale = np.maximum(dense.sum(axis=1, keepdims=True), 1) * np.maximum(dense.sum(axis=0), 1)
    left, size, right = np.linalg.svd(dense / np.sqrt(scale), full_matrices=False)
    personal = (left[:, :24] * size[:24]) @ right[:24] * np.sqrt(dense.sum(axis=0))
    popular = recall(popularity, split.train, split.test)
    learned = recall(personal, split.train, split.test)
    assert popular > 0.05
    assert learned > 2 * popular


def test_activity_and_popularity_have_long_tails():
    data = generate(3000, 2000, 90_000)
    for degree in (data.user_degree, data.item_degree):
        ordered = np.sort(degree)[::-1]
        assert ordered[: len(ordered) // 10].sum() > 0.25 * len(data)
        assert np.median(degree) < 0.8 * degree.mean()
    assert data.user_degree.max() < 0.3 * data.n_items


def test_items_of_a_community_share_users():
    data = generate(2000, 600, 40_000, communities=6)
    community = data.items.titles.str.extract(r"\(([^/)]+?)(?: /|\))")
    assert community.n_unique() == 6
    taken = data.csr().toarray()
    together = (taken.T @ taken) / np.sqrt(np.outer(taken.sum(axis=0), taken.sum(axis=0)) + 1)
    same = community.to_numpy()[:, None] == community.to_numpy()[None, :]
    np.fill_diagonal(together, np.nan)
    assert np.nanmean(together[same]) > 1.5 * np.nanmean(together[~same])


@pytest.mark.parametrize(("users", "items", "n"), [(1, 2, 1), (3, 4, 6), (50, 40, 1000)])
def test_exactly_as_many_pairs_as_asked_for(users, items, n):
    data = generate(users, items, n)
    assert (data.n_users, data.n_items, len(data), data.merged) == (users, items, n, 0)


def test_seeds_and_blocks(monkeypatch):
    one, same, other = (generate(200, 100, 3000, seed=seed) for seed in (1, 1, 2))
    assert one.fingerprint == same.fingerprint
    assert one.fingerprint != other.fingerprint
    monkeypatch.setattr("fullrank.data.synthetic.CHUNK", 64)
    assert len(generate(200, 100, 3000)) == 3000


def test_ids_titles_and_times_as_asked_for():
    rich = generate(20, 30, 100, timestamps=True)
    assert rich.users.values[17] == "u17"
    assert rich.items.values[3] == "i3"
    assert rich.timestamp.dtype == np.int64
    assert rich.timestamp.min() >= 1_577_836_800
    assert rich.timestamp.max() < 1_735_689_600
    lean = generate(20, 30, 100, titles=False, string_ids=False)
    assert lean.users.values.to_list() == list(range(20))
    assert (lean.items.titles, lean.timestamp) == (None, None)


def test_titles_are_distinct_and_name_both_communities():
    first, second = np.arange(2000) % 7, np.where(np.arange(2000) % 3, -1, 3)
    names = titles(first, second)
    assert names.n_unique() == 2000
    of_third = names[3].partition("(")[2].partition(" /")[0]
    assert names[0] == f"The Amber Anchor (Alpine Ballads / {of_third})"
    assert "/" not in names[1]
    assert names[1999].partition(" (")[0].endswith(" 4")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 5, 1), "setting n_users: found 0; expected 1 or more"),
        ((5, 1, 1), "setting n_items: found 1; expected 2 or more"),
        ((4, 4, 9), "setting n_interactions: found 9; expected at most 8, half of all pairs"),
    ],
)
def test_impossible_sizes(arguments, message):
    with pytest.raises(SettingError, match=message):
        generate(*arguments)


def test_the_demo_is_the_same_for_everybody():
    split = load("demo")
    assert (split.train.n_users, split.train.n_items) == (2000, 1500)
    assert sum(len(part) for part in split.parts.values()) == 60_000
    other = load("demo", seed=9)
    assert other.test.fingerprint == split.test.fingerprint
    assert other.validation.fingerprint != split.validation.fingerprint
    kept, _ = hold_out(generate(2000, 1500, 60_000, timestamps=True), 0.2, 0)
    assert load("demo", validation=0).train.fingerprint == kept.fingerprint
