"""Drawing a validation part: uniformly, with the skew of the test part, or the last in time."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from fullrank.data.bins import bin_of, edges_of
from fullrank.data.interactions import Interactions
from fullrank.data.splits import check_fraction, hold_out, hold_out_last, quota_of
from fullrank.errors import SettingError
from fullrank.settings import nearest

Like = Literal["uniform", "test", "time"]
"""What a validation part is drawn like."""
ROUNDS, CLOSE = 10, 0.5
"""Rounds in which the weights of bins are corrected at most, and the error that ends them, in
standard deviations of a Poisson count. Part of what a seed means."""


def check_like(like: str, validation: float, how: str = "random") -> None:
    """Sees that a validation part can be drawn so.

    Raises:
        SettingError: the name is none of `Like`, there is nothing to draw, or the split divides by
            time already.
    """
    if like not in get_args(Like):
        raise SettingError("setting validation_like", repr(like), nearest(like, get_args(Like)))
    if like == "uniform":
        return
    if not validation:
        raise SettingError("setting validation_like", f"{like!r} with validation 0", "a fraction")
    if how == "last" or (how == "time" and like == "test"):
        found = f"{like!r} with a split by {'users and time' if how == 'last' else 'time'}"
        raise SettingError("setting validation_like", found, "a random split, or none")


def draw_validation(
    rest: Interactions,
    tested: Interactions | None,
    fraction: float,
    seed: int,
    like: Like = "uniform",
) -> tuple[Interactions, Interactions, dict[str, Any]]:
    """Divides what is not tested on: ``(train, validation, how it was done)``.

    Args:
        rest: What is not tested on.
        tested: The test part; of it ``like = "test"`` uses its share by popularity, a number for
            each bin of items, and nothing more.
        fraction: Of ``rest`` that is drawn.
        seed: Draws it.
        like: ``uniform`` (`hold_out`), ``test`` (`hold_out_by_share`) or ``time``, the last
            interactions of all.

    Raises:
        SettingError: ``like = "test"`` without a test part.
        DataError: ``like = "time"`` without timestamps.
    """
    if like == "uniform":
        return (*hold_out(rest, fraction, seed), {})
    if like == "time":
        train, chosen, since = hold_out_last(rest, fraction)
        return train, chosen, {"validation_like": like, "validation_from": since}
    if tested is None or not len(tested):
        raise SettingError("setting validation_like", "'test' without a test part", "a test part")
    edges, share = margin_of(rest, tested)
    train, chosen = hold_out_by_share(rest, fraction, edges, share, seed)
    margin = [
        {"interactions_from": int(edge), "share": float(each)}
        for edge, each in zip(edges, share, strict=True)
    ]
    return train, chosen, {"validation_like": like, "test_share_by_popularity": margin}


def margin_of(
    rest: Interactions, tested: Interactions
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The share of the test part by popularity: lower edges of bins of items, the share in each.

    Bins go by the interactions in both parts; their edges are returned as interactions in ``rest``,
    where an item of a bin has what the test part left of them. So the test count of no item is used
    beside those of its whole bin.

    Returns:
        (n,) edges, ascending from 0, and (n,) shares.
    """
    size = rest.item_degree + tested.item_degree
    edges = edges_of(size)
    bins = bin_of(size, edges)
    held = np.bincount(bins, weights=size, minlength=len(edges))
    taken = np.bincount(bins[tested.item_idx], minlength=len(edges))
    share = taken / np.maximum(held, 1)
    return np.maximum.accumulate(edges * (1 - share)), share


def hold_out_by_share(
    data: Interactions,
    fraction: float,
    edges: NDArray[np.float64],
    share: NDArray[np.float64],
    seed: int | np.random.Generator = 0,
) -> tuple[Interactions, Interactions]:
    """Draws a part of each user's interactions, those of some items rather: ``(kept, held)``.

    A user gives as many as with `hold_out`; which, goes by weights of the items' bins, without
    replacement. The weights are such that the part's share of the interactions is in proportion to
    ``share``, as near as the users' numbers allow.

    Args:
        data: What is divided.
        fraction: Of each user's interactions.
        edges: (n,) least interactions of an item of each bin, ascending from 0.
        share: (n,) what the shares of the bins are in proportion to.
        seed: Draws the part.

    Raises:
        SettingError: ``fraction`` is not in [0, 1).
    """
    check_fraction("fraction", fraction)
    rng = np.random.default_rng(seed)
    quota = quota_of(data.user_degree, fraction, rng)
    bins = np.searchsorted(edges, data.item_degree, side="right") - 1
    of_entry = bins[data.item_idx]
    wanted = np.bincount(of_entry, minlength=len(edges)) * share
    wanted *= quota.sum() / max(wanted.sum(), 1e-300)
    # The largest of Gumbel noise + log weight are a draw without replacement (Yellott 1977). The
    # noise stays while the weights are corrected, so that the draw moves as little as they do.
    noise = rng.gumbel(size=len(data))
    owner = data.user_idx
    weight = np.log(np.maximum(share, 1e-9))
    held = np.zeros(len(data), dtype=np.bool_)
    for _ in range(ROUNDS):
        held = _largest(owner, noise + weight[of_entry], data.indptr, quota)
        found = np.bincount(of_entry[held], minlength=len(edges))
        off = np.abs(found - wanted)
        if (off <= np.maximum(CLOSE * np.sqrt(wanted), 1)).all():
            break
        weight += np.log(np.maximum(wanted, 0.5) / np.maximum(found, 0.5))
    return data.select(~held), data.select(held)


def _largest(
    owner: NDArray[np.int32],
    key: NDArray[np.float64],
    indptr: NDArray[np.int64],
    quota: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Marks the ``quota[u]`` entries of each user with the largest keys."""
    falling = np.minimum(1 / (1 + np.exp(key)), 1 - 1e-6)  # within [0, 1): users stay apart
    order = np.argsort(owner + falling)
    place = np.arange(len(order)) - np.repeat(indptr[:-1], np.diff(indptr))
    held = np.empty(len(order), dtype=np.bool_)
    held[order] = place < np.repeat(quota, np.diff(indptr))
    return held
