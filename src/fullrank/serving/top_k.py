"""The one exact top-k: blocks of users, whole rows of scores, masks from CSR, ties by item row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullrank import native
from fullrank.data.memory import check_memory
from fullrank.errors import DataError, FitError, SettingError
from fullrank.serving.scorers import DotScorer, Scorer

BLOCK_BYTES = 8 * 2**20
"""Size of a block's score matrix: small enough to stay in a processor's last cache."""

CHUNK_SIZES = (128, 64, 32)
"""Items per chunk, the first that leaves a row much longer than the chunks picked from it."""


class Left(Protocol):
    """Items of users as `Interactions` have them, each user's in ascending order."""

    @property
    def n_users(self) -> int: ...  # noqa: D102
    @property
    def n_items(self) -> int: ...  # noqa: D102
    @property
    def indptr(self) -> NDArray[np.int64]: ...  # noqa: D102
    @property
    def item_idx(self) -> NDArray[np.int32]: ...  # noqa: D102


@dataclass(frozen=True, eq=False)
class Ranking:
    """The best items of some users, best first."""

    users: NDArray[np.int64]
    """(U,) user rows."""
    items: NDArray[np.int32]
    """(U, k) item rows, -1 in places for which no rankable item is left."""
    scores: NDArray[np.float32]
    """(U, k), -inf in the places of item -1."""


@torch.no_grad()
def top_k(
    scorer: Scorer,
    users: NDArray[np.integer[Any]],
    k: int,
    *,
    exclude: Sequence[Left] = (),
    candidates: NDArray[np.bool_] | None = None,
    block_bytes: int = BLOCK_BYTES,
) -> Ranking:
    """The ``k`` items of highest score for each user, exactly; equal scores by item row.

    Scores are made for a block of users at a time, so memory grows with ``block_bytes`` and with
    ``len(users) * k``, never with users × items. The order is a function of the scores alone, and
    does not depend on the block. Nor do the scores where the compiled kernels multiply, which sum
    every product in one order, whoever else is asked for. Elsewhere they may: a float32 matrix
    product can round differently for another number of rows, which swaps two items whose scores lie
    within that rounding of each other.

    The kernels read a packed copy of the item table, which the scorer makes at its first ranking
    and keeps; see `DotScorer`.

    Args:
        scorer: Gives the scores.
        users: (U,) user rows, in any order.
        k: How many items to return; may be more than there are.
        exclude: Interactions whose items are not recommended to their own users.
        candidates: (n_items,) which items may be recommended at all.
        block_bytes: Upper bound on a block of scores; a block has at least one user.

    Raises:
        FitError: a score is NaN or infinity.
        SettingError: ``k`` is not positive, or the lists do not fit into memory.
        DataError: a mask or the user rows do not fit, or the scorer gives scores of another shape.
    """
    if k < 1:
        raise SettingError("setting k", repr(k), "a number of items of at least 1")
    if candidates is not None:
        candidates = np.asarray(candidates)
    rows = _rows_in_range(scorer, users, exclude)
    _check_masks(scorer, exclude, candidates)
    check_memory("setting k", 8 * k * len(rows), f"lists of {k:,} items for {len(rows):,} users")
    if isinstance(scorer, DotScorer) and scorer.on_cpu and native.available():
        items, scores, bad = native.top_k(
            scorer.user_table.numpy(),
            scorer.packed_items(),
            rows,
            k,
            torch.get_num_threads(),
            excluded=[(each.indptr, each.item_idx) for each in exclude],
            candidates=candidates,
        )
    else:
        items, scores, bad = _by_blocks(scorer, rows, k, exclude, candidates, block_bytes)
    if bad is not None:
        place = f"scores of user row {rows[bad]}"
        raise FitError(place, "NaN or infinity", "numbers; has the training diverged?")
    return Ranking(rows, items, scores)


def _by_blocks(
    scorer: Scorer,
    rows: NDArray[np.int64],
    k: int,
    exclude: Sequence[Left],
    candidates: NDArray[np.bool_] | None,
    block_bytes: int,
) -> tuple[NDArray[np.int32], NDArray[np.float32], int | None]:
    """What `fullrank.native.top_k` returns, of any scorer, on any device."""
    items = np.full((len(rows), k), -1, dtype=np.int32)
    scores = np.full((len(rows), k), -np.inf, dtype=np.float32)
    width = min(k, scorer.n_items)
    step = max(1, block_bytes // (4 * max(scorer.n_items, 1)))
    for start in range(0, len(rows), step):
        block = slice(start, start + step)
        masked = _masked_scores(scorer, rows[block], exclude, candidates)
        values, columns = _best(masked, width)
        scores[block, :width] = values.cpu().numpy()
        items[block, :width] = columns.cpu().numpy()
    items[np.isneginf(scores)] = -1
    # Both come first in a list. An item of score -inf is one that is never recommended.
    bad = ~(scores < np.inf).all(axis=1)
    return items, scores, int(bad.argmax()) if bad.any() else None


def cells_of(
    interactions: Left, users: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """The cells of some users: position in ``users`` and item row of each, in order."""
    starts = interactions.indptr[users]
    counts = interactions.indptr[users + 1] - starts
    position = np.repeat(np.arange(len(users)), counts)
    before = np.cumsum(counts) - counts
    cell = np.arange(len(position)) + (starts - before)[position]
    return position, interactions.item_idx[cell]


def _masked_scores(
    scorer: Scorer,
    users: NDArray[np.int64],
    exclude: Sequence[Left],
    candidates: NDArray[np.bool_] | None,
) -> Tensor:
    """A block of scores, -inf where an item must not be recommended."""
    scores = scorer.scores(torch.from_numpy(users))
    if scores.shape != (len(users), scorer.n_items):
        found = f"scores of shape {tuple(scores.shape)}"
        raise DataError("scorer", found, f"({len(users)}, {scorer.n_items}), one for each item")
    if candidates is not None:
        scores.masked_fill_(torch.from_numpy(~candidates).to(scores.device), -torch.inf)
    for interactions in exclude:
        position, item_idx = cells_of(interactions, users)
        row = torch.from_numpy(position).to(scores.device)
        item = torch.from_numpy(item_idx).to(scores.device)
        scores.index_put_((row, item.long()), scores.new_full((), -torch.inf))
    return scores


def _best(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Values and columns of the ``k`` best of each row, by (-score, column).

    The best k lie in the k chunks of neighbouring columns whose maxima are best, by (-maximum,
    chunk): any other chunk comes after k maxima, each greater than all it holds, or equal and in an
    earlier column. So only those chunks, and the columns that fill no chunk, are searched.
    """
    n = scores.shape[1]
    size = next((size for size in CHUNK_SIZES if 4 * k * size <= n), None)
    if size is None:
        return _ordered(scores, _leading(scores, k))
    n_chunks = n // size
    chunks = scores[:, : n_chunks * size].view(-1, n_chunks, size)
    chosen = _leading(chunks.amax(dim=2), k)
    row = torch.arange(len(scores), device=scores.device)[:, None]
    pool = torch.cat([chunks[row, chosen].flatten(1), scores[:, n_chunks * size :]], dim=1)
    values, position = _ordered(pool, _leading(pool, k))
    start = torch.nn.functional.pad(chosen, (0, 1), value=n_chunks) * size
    return values, start.gather(1, position // size) + position % size


def _leading(scores: Tensor, k: int) -> Tensor:
    """The columns, ascending, of the ``k`` best of each row, by (-score, column)."""
    values, columns = scores.topk(min(k + 1, scores.shape[1]), dim=1)
    columns = columns[:, :k].sort(dim=1).values
    if values.shape[1] > k:
        # Which of several equal scores `topk` returns is left open, and differs between devices.
        last = values[:, k - 1]
        tied = ((last == values[:, k]) & (last > -torch.inf)).nonzero()[:, 0]
        if len(tied):
            columns[tied] = _leading_among_ties(scores[tied], last[tied, None], k)
    return columns


def _leading_among_ties(scores: Tensor, last: Tensor, k: int) -> Tensor:
    """As `_leading`, where more than ``k`` columns reach the k-th best score ``last``, (b, 1)."""
    above, level = ~(scores <= last), scores == last  # NaN stays in sight, to be refused
    wanted = k - above.sum(dim=1, keepdim=True)
    kept = above | (level & (level.cumsum(dim=1, dtype=torch.int32) <= wanted))
    return kept.nonzero()[:, 1].view(-1, k)


def _ordered(scores: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
    """Values at ascending ``columns``, (b, k), sorted by (-value, column), and their columns."""
    values = scores.gather(1, columns) + 0.0  # -0.0 becomes 0.0, which a radix sort tells apart
    values, order = values.sort(dim=1, descending=True, stable=True)
    return values, columns.gather(1, order)


def _rows_in_range(
    scorer: Scorer, users: NDArray[np.integer[Any]], exclude: Sequence[Left]
) -> NDArray[np.int64]:
    """A copy of the user rows, each of which the scorer and the masks have.

    A scorer of another kind says how many users it has by ``n_users``, if it likes.
    """
    known = [each.n_users for each in exclude]
    own = getattr(scorer, "n_users", None)
    if own is not None:
        known.append(int(own))
    rows = np.asarray(users)
    if rows.ndim != 1 or not (rows.dtype.kind in "iu" or not rows.size):
        found = f"{rows.dtype} of shape {rows.shape}"
        raise DataError("user rows", found, "integers in one dimension")
    if rows.size:
        low, high = int(rows.min()), int(rows.max())
        if low < 0 or (known and high >= min(known)):
            found = str(low if low < 0 else high)
            expected = f"rows from 0 to {min(known) - 1}" if known else "rows from 0 on"
            raise DataError("user rows", found, expected)
    return np.array(rows, dtype=np.int64)


def _check_masks(
    scorer: Scorer, exclude: Sequence[Left], candidates: NDArray[np.bool_] | None
) -> None:
    n_items = scorer.n_items
    if candidates is not None and not (candidates.dtype == bool and candidates.shape == (n_items,)):
        found = f"{candidates.dtype} of shape {candidates.shape}"
        raise DataError("candidates", found, f"bool of shape ({n_items},)")
    for interactions in exclude:
        if interactions.n_items != n_items:
            found = f"{interactions.n_items} items"
            raise DataError("interactions to exclude", found, f"the {n_items} items of the scorer")
