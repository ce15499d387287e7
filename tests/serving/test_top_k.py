from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from fullrank import native
from fullrank.errors import DataError, FitError, SettingError
from fullrank.evaluation import evaluate
from fullrank.serving import DotScorer, top_k
from fullrank.serving.top_k import CHUNK_SIZES

ONE_USER_A_BLOCK = 1


def whole_tables(rng, n_users, n_items, low=-3, high=4):
    """Integer-valued tables: float32 products of them are exact, and many are equal."""
    draw = lambda n: torch.from_numpy(rng.integers(low, high, (n, 4))).float()  # noqa: E731
    return draw(n_users), draw(n_items)


def nothing(n_users, n_items):
    return np.zeros((n_users, n_items), dtype=bool)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_users=st.integers(1, 9),
    n_items=st.integers(1, 700),
    k=st.integers(1, 30),
    spread=st.integers(0, 3),
    hidden=st.sampled_from([0.0, 0.1, 0.9, 1.0]),
    users_a_block=st.integers(1, 10),
)
def test_equals_a_sort_of_every_row(
    best_of, interactions_of, seed, n_users, n_items, k, spread, hidden, users_a_block
):
    rng = np.random.default_rng(seed)
    user_table, item_table = whole_tables(rng, n_users, n_items, -spread, spread + 1)
    first, second = rng.random((2, n_users, n_items)) < hidden / 2
    candidates = rng.random(n_items) >= hidden / 2
    ranking = top_k(
        DotScorer(user_table, item_table),
        np.arange(n_users),
        k,
        exclude=[interactions_of(first), interactions_of(second)],
        candidates=candidates,
        block_bytes=4 * n_items * users_a_block,
    )
    scores = (user_table @ item_table.T).numpy()
    expected = np.array(best_of(scores, first | second | ~candidates, k))
    np.testing.assert_array_equal(ranking.items, expected)
    filled = np.take_along_axis(scores, np.maximum(expected, 0), axis=1)
    np.testing.assert_array_equal(ranking.scores, np.where(expected < 0, -np.inf, filled))
    assert ranking.items.dtype == np.int32
    assert ranking.scores.dtype == np.float32


@pytest.mark.parametrize("size", CHUNK_SIZES)
@pytest.mark.parametrize("beyond", [0, 1, 17])
def test_every_chunk_size_with_and_without_a_rest(best_of, scorer_of, size, beyond):
    k = 3
    n_items = 4 * k * size + beyond
    scores = np.random.default_rng(size).integers(0, 40, (20, n_items)).astype(np.float32)
    ranking = top_k(scorer_of(scores), np.arange(20), k)
    np.testing.assert_array_equal(ranking.items, best_of(scores, nothing(20, n_items), k))


def test_float_scores_are_ranked_as_they_are(best_of, scorer_of):
    scores = np.random.default_rng(0).standard_normal((30, 3000)).astype(np.float32)
    ranking = top_k(scorer_of(scores), np.arange(30), 20)
    np.testing.assert_array_equal(ranking.items, best_of(scores, nothing(30, 3000), 20))


def test_scores_may_lie_in_memory_column_by_column(best_of, scorer_of):
    class Transposed(scorer_of):
        def scores(self, users):
            return super().scores(users).T.contiguous().T

    scorer = Transposed(np.random.default_rng(4).integers(0, 9, (5, 999)))
    assert not scorer.scores(torch.arange(5)).is_contiguous()
    ranking = top_k(scorer, np.arange(5), 4)
    np.testing.assert_array_equal(ranking.items, best_of(scorer.table, nothing(5, 999), 4))


@pytest.mark.parametrize("n_items", [7, 200, 5000])
def test_all_equal_scores_give_the_first_items(scorer_of, n_items):
    k = min(20, n_items)
    ranking = top_k(scorer_of(np.zeros((50, n_items))), np.arange(50), k)
    np.testing.assert_array_equal(ranking.items, np.tile(np.arange(k), (50, 1)))


@pytest.mark.parametrize("n_items", [60, 4000])
def test_ties_across_rank_k_go_to_the_smaller_row(scorer_of, n_items):
    """Two clear winners far to the right, then a level shared by every seventh item."""
    scores = np.zeros((3, n_items))
    scores[:, ::7] = 1.0
    scores[:, n_items - 2 :] = 2.0
    ranking = top_k(scorer_of(scores), np.arange(3), 6)
    expected = [n_items - 2, n_items - 1, 0, 7, 14, 21]
    np.testing.assert_array_equal(ranking.items, np.tile(expected, (3, 1)))


@pytest.mark.parametrize("n_items", [10, 1000])
def test_negative_zero_equals_zero(scorer_of, n_items):
    scores = np.zeros((2, n_items), dtype=np.float32)
    scores[:, ::2] = -0.0
    ranking = top_k(scorer_of(scores), np.arange(2), 5)
    np.testing.assert_array_equal(ranking.items, np.tile(np.arange(5), (2, 1)))
    assert not np.signbit(ranking.scores).any()


def test_block_size_does_not_matter(interactions_of):
    rng = np.random.default_rng(1)
    scorer = DotScorer(*whole_tables(rng, 37, 900))
    seen = interactions_of(rng.random((37, 900)) < 0.05)
    users = rng.permutation(37)
    whole, *others = (
        top_k(scorer, users, 10, exclude=[seen], block_bytes=size)
        for size in (2**30, ONE_USER_A_BLOCK, 900 * 4 * 5, 900 * 4 * 36)
    )
    for other in others:
        np.testing.assert_array_equal(other.items, whole.items)
        np.testing.assert_array_equal(other.scores, whole.scores)


def test_rows_follow_the_users_asked_for():
    rng = np.random.default_rng(2)
    scorer = DotScorer(*whole_tables(rng, 20, 300))
    users = np.array([13, 2, 2, 19], dtype=np.int32)
    ranking = top_k(scorer, users, 5)
    np.testing.assert_array_equal(ranking.items, top_k(scorer, np.arange(20), 5).items[users])
    np.testing.assert_array_equal(ranking.users, users)


def test_no_users_give_an_empty_ranking(interactions_of):
    scorer = DotScorer(torch.ones(2, 3), torch.ones(4, 3))
    ranking = top_k(scorer, np.array([], dtype=int), 3, exclude=[interactions_of(np.eye(2, 4))])
    assert ranking.items.shape == ranking.scores.shape == (0, 3)


def test_places_without_a_rankable_item_are_empty(scorer_of, interactions_of):
    scores = np.array([[3.0, 2.0, 1.0, 0.0], [0.0, -np.inf, 1.0, -np.inf]])
    seen = interactions_of([[1, 0, 0, 1], [0, 0, 0, 0]])
    ranking = top_k(scorer_of(scores), np.arange(2), 6, exclude=[seen])
    np.testing.assert_array_equal(ranking.items, [[1, 2, -1, -1, -1, -1], [2, 0, -1, -1, -1, -1]])
    assert np.isneginf(ranking.scores[:, 2:]).all()


def test_a_list_of_candidates_is_kept_to(scorer_of):
    scores = np.arange(1000.0)[None].repeat(2, axis=0)
    allowed = np.zeros(1000, dtype=bool)
    allowed[[5, 700, 20]] = True
    ranking = top_k(scorer_of(scores), np.arange(2), 4, candidates=allowed)
    np.testing.assert_array_equal(ranking.items, [[700, 20, 5, -1]] * 2)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("side", ["user", "item"])
def test_tables_that_are_not_finite_are_refused(bad, side):
    tables = {"user": torch.ones(5, 3), "item": torch.ones(6, 3)}
    tables[side][2, 1] = bad
    with pytest.raises(FitError, match=f"{side} table, row 2: found NaN or infinity"):
        DotScorer(tables["user"], tables["item"])


@pytest.mark.parametrize("n_items", [12, 2000])
def test_nan_of_any_scorer_is_never_ranked(scorer_of, n_items):
    scores = np.zeros((4, n_items))
    scores[2, n_items // 2] = np.nan
    with pytest.raises(FitError, match="user row 2"):
        top_k(scorer_of(scores), np.arange(4), 3)


def test_tables_may_require_gradients():
    scorer = DotScorer(torch.ones(2, 3, requires_grad=True), torch.ones(4, 3, requires_grad=True))
    assert not scorer.scores(torch.tensor([0])).requires_grad
    assert top_k(scorer, np.arange(2), 2).items.tolist() == [[0, 1], [0, 1]]


def test_what_does_not_fit_is_named(interactions_of):
    scorer = DotScorer(torch.ones(3, 2), torch.ones(4, 2))
    users = np.arange(3)
    with pytest.raises(SettingError, match="setting k: found 0"):
        top_k(scorer, users, 0)
    with pytest.raises(SettingError, match=r"setting k: .*lists of 1,000,000,000,000,000 items"):
        top_k(scorer, users, 10**15)
    with pytest.raises(DataError, match="found 5 items; expected the 4 items"):
        top_k(scorer, users, 1, exclude=[interactions_of(np.eye(3, 5))])
    with pytest.raises(DataError, match="user rows: found 2; expected rows from 0 to 1"):
        top_k(scorer, users, 1, exclude=[interactions_of(np.eye(2, 4))])
    with pytest.raises(DataError, match="user rows: found -1"):
        top_k(scorer, np.array([0, -1]), 1)
    with pytest.raises(DataError, match="expected bool of shape"):
        top_k(scorer, users, 1, candidates=np.ones(5, dtype=bool))
    with pytest.raises(DataError, match="expected bool of shape"):
        top_k(scorer, users, 1, candidates=np.ones(4, dtype=int))
    with pytest.raises(DataError, match="rows of 2 and 3 numbers"):
        DotScorer(torch.ones(3, 2), torch.ones(4, 3))


class LargestTensor(TorchDispatchMode):
    """Notes the size in bytes of the largest tensor that any operation returns."""

    def __init__(self) -> None:
        super().__init__()
        self.nbytes = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for each in result if isinstance(result, tuple | list) else [result]:
            if isinstance(each, torch.Tensor):
                self.nbytes = max(self.nbytes, each.nbytes)
        return result


@pytest.mark.slow
@pytest.mark.parametrize("tied", [False, True])
def test_memory_is_of_a_block_not_of_users_times_items(interactions_of, tied, monkeypatch):
    monkeypatch.setattr(native, "available", lambda: False)
    n_users, n_items, block_bytes = 3000, 4000, 2**20
    rng = np.random.default_rng(3)
    tables = [torch.from_numpy(rng.standard_normal((n, 8))).float() for n in (n_users, n_items)]
    scorer = DotScorer(*(table.mul(not tied) for table in tables))
    seen, wanted = (interactions_of(rng.random((n_users, n_items)) < 0.002) for _ in range(2))
    with LargestTensor():  # torch imports what a dispatch mode needs when one is first used
        evaluate(scorer, wanted, train=seen, users=np.arange(9))
    tracemalloc.start()
    with LargestTensor() as largest:
        evaluate(scorer, wanted, train=seen, block_bytes=block_bytes)
    _, numpy_peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert n_users * n_items * 4 > 45 * block_bytes
    assert block_bytes // 2 < largest.nbytes <= block_bytes
    # One bit for each pair would be 1.5 MB, one byte 12 MB; lists of 20 for all users stay below.
    assert numpy_peak < 8 * 2**20


@pytest.mark.filterwarnings("error")
def test_user_rows_may_be_read_only_and_are_copied():
    users = np.arange(3)
    users.flags.writeable = False
    ranking = top_k(DotScorer(torch.ones(3, 2), torch.ones(4, 2)), users, 1)
    assert not np.shares_memory(ranking.users, users)


@pytest.mark.parametrize("n_items", [3, 64, 65, 700])
@pytest.mark.parametrize("dim", [2, 16, 37, 200])
def test_kernels_and_torch_rank_alike(interactions_of, monkeypatch, n_items, dim):
    """Whole numbers make exact scores, and ties in plenty."""
    rng = np.random.default_rng(dim)
    user, item = (
        torch.from_numpy(rng.integers(-2, 3, size=(n, dim))).float() for n in (211, n_items)
    )
    scorer = DotScorer(user, item)
    masks = [interactions_of(rng.random((211, n_items)) < share) for share in (0.3, 0.1)]
    candidates = rng.random(n_items) < 0.8
    users = rng.integers(211, size=300)
    for k in (1, 20, n_items, n_items + 5):
        for options in ({}, {"exclude": masks}, {"exclude": masks, "candidates": candidates}):
            fast = top_k(scorer, users, k, **options)
            with monkeypatch.context() as context:
                context.setattr(native, "available", lambda: False)
                slow = top_k(scorer, users, k, **options)
            np.testing.assert_array_equal(fast.items, slow.items)
            np.testing.assert_array_equal(fast.scores, slow.scores)


def test_user_rows_beyond_the_table_are_named():
    scorer = DotScorer(torch.ones(3, 2), torch.ones(4, 2))
    with pytest.raises(DataError, match="user rows: found 3; expected rows from 0 to 2"):
        top_k(scorer, np.array([0, 3]), 1)
    with pytest.raises(DataError, match="rows of 3 and 2 numbers"):
        scorer.with_users(torch.ones(1, 3))
    with pytest.raises(FitError, match="user table, row 1: found NaN"):
        scorer.with_users(torch.tensor([[1.0, 2.0], [torch.nan, 0.0]]))
