"""What carried a recommendation: the items of the history, and how much each added to the score.

What a user's items add up to is the score, exactly as the scorer has it, where scores are linear in
the history: item-item weights, filters and spectral methods; their norms of a user (by the number
of items, say) are taken as they are. So it is of a user who was folded in.

A trained row of embeddings is no function of the history. What the map of fold-in would make of the
history is told apart item by item, and what the row has beyond that is a rest of its own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from fullrank.data.ids import Ids
from fullrank.data.interactions import Interactions
from fullrank.errors import FitError
from fullrank.serving.blend_scorer import BlendScorer
from fullrank.serving.fold_in import Fitted, FoldIn
from fullrank.serving.of_history import OfHistory
from fullrank.serving.scorers import DotScorer, ItemScorer
from fullrank.serving.steady import at_rows
from fullrank.serving.top_k import top_k
from fullrank.spectrum import unit_rows

HISTORY, OTHERS, OWN, POPULAR = "history", "others", "own row", "popular"


class Explained(NamedTuple):
    """What carried the scores of m items for a user, by one part of a model."""

    part: str
    """Of a blend ``part 1``, ``part 2`` …; the method otherwise."""
    history: NDArray[np.int64]
    """(h,) rows of the user's items."""
    contributions: NDArray[np.float64]
    """(h, m) what each adds."""
    rest: NDArray[np.float64]
    """(m,) what no item of the history adds."""


def explained(
    method: str,
    scorer: Fitted,
    fold_in: FoldIn,
    train: Interactions,
    user: int,
    items: NDArray[np.int64],
    *,
    folded: bool = False,
) -> list[Explained]:
    """The parts of a scorer, one unless it is a blend.

    If ``folded``, the user's row is what the map makes of the history; it was rounded to float32,
    which is no row of its own.

    A blend's parts are z-scores: what an item of the history adds is then less its mean over all
    items, in the standard deviations of the part's scores, times the part's weight.

    Raises:
        DataError: a model of embeddings has no map of fold-in; see `FoldIn.matrix`.
        FitError: the scorer is of a kind that cannot be taken apart.
    """
    history = train.item_idx[train.indptr[user] : train.indptr[user + 1]].astype(np.int64)
    if not isinstance(scorer, BlendScorer):
        added, rest = _whole(scorer, fold_in, train, user, history)
        rest = np.zeros_like(rest) if folded else rest
        return [Explained(method, history, added[:, items], rest[items])]
    made = []
    for number, (part, weight) in enumerate(zip(scorer.parts, scorer.weights, strict=True), 1):
        added, rest = _whole(part.scorer, part.fold_in, train, user, history)
        rest = np.zeros_like(rest) if folded else rest
        deviation = float((added.sum(axis=0) + rest).std())
        scale = weight / deviation if deviation > 0 else 0.0
        added = scale * (added - added.mean(axis=1, keepdims=True))
        rest = scale * (rest - rest.mean())
        made.append(Explained(f"part {number}", history, added[:, items], rest[items]))
    return made


def _whole(
    scorer: Fitted, fold_in: FoldIn, train: Interactions, user: int, history: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(h, n_items) what the items of the history add, and (n_items,) the rest."""
    if not isinstance(scorer, DotScorer):
        if not isinstance(scorer, OfHistory | ItemScorer):
            expected = "embeddings, or a scorer of fullrank.serving"
            raise FitError("explain", f"a scorer of type {type(scorer).__name__}", expected)
        added = scorer.by_history(user).double().numpy()
        return added, np.zeros(scorer.n_items)
    item_table = scorer.item_table.double()
    scores = (item_table @ scorer.user_table[user].double()).cpu().numpy()
    if scorer.item_table.shape[1] == 1:  # popularity: the same for all
        return np.zeros((len(history), scorer.n_items)), scores
    own = unit_rows(scorer.item_table[torch.from_numpy(history).to(item_table.device)]).double()
    weight = train.weight if fold_in.weighted else None
    weight = None if weight is None else weight[train.indptr[user] : train.indptr[user + 1]]
    share = np.ones(len(history)) if weight is None else weight.astype(np.float64)
    shares = torch.from_numpy(share / share.sum()).to(own.device)
    rows = (own * shares[:, None]) @ fold_in.matrix(scorer, train)
    added = (rows @ item_table.T).cpu().numpy()
    return added, scores - added.sum(axis=0)


def scores_of(scorer: Fitted, user: int, items: NDArray[np.int64]) -> NDArray[np.float32]:
    """(m,) the scores of some items, with the bits that lists under rules have."""
    mask = np.zeros(scorer.n_items, dtype=np.bool_)
    mask[items] = True
    base = at_rows(scorer, np.array([user]))
    ranking = top_k(base, np.array([0]), max(int(mask.sum()), 1), candidates=mask)
    of_item = dict(zip(ranking.items[0].tolist(), ranking.scores[0].tolist(), strict=True))
    return np.array([of_item.get(item, -np.inf) for item in items.tolist()], dtype=np.float32)


def as_frame(
    items: Ids,
    rows: NDArray[np.int64],
    scores: NDArray[np.float32],
    parts: list[Explained],
    rest: str,
    most: int | None,
) -> pl.DataFrame:
    """Reasons by item, the largest first: see `FittedModel.explain`.

    Args:
        items: Raw ids.
        rows: (m,) the items that are explained.
        scores: (m,) their scores.
        parts: What carried them.
        rest: What to call what no item of the history adds.
        most: Items of the history to name for each; the others in one row.
    """
    frames = [_of_part(part, rest, most) for part in parts]
    table = pl.concat(frames).sort(
        "at", "last", pl.col("contribution").abs(), descending=[False, False, True]
    )
    at, because = table["at"].to_numpy(), table["because"]
    total = pl.col("contribution").abs().sum().over("at")
    share = pl.when(total > 0).then(pl.col("contribution") / total).otherwise(0.0)
    named = pl.DataFrame(
        {
            "item_id": items.raw(rows[at]),
            "score": scores[at],
            "part": table["part"],
            "kind": table["kind"],
            "because_item_id": items.values.gather(because),
            "contribution": table["contribution"],
            "share": table.select(share).to_series(),
        }
    )
    if items.titles is None:
        return named
    named.insert_column(1, items.titles.gather(rows[at]).alias("title"))
    own = items.titles.gather(because).alias("because_title")
    return named.insert_column(named.columns.index("because_item_id") + 1, own)


def _of_part(part: Explained, rest: str, most: int | None) -> pl.DataFrame:
    h, m = part.contributions.shape
    named = pl.DataFrame(
        {
            "at": np.repeat(np.arange(m), h),
            "because": np.tile(part.history, m),
            "contribution": part.contributions.T.ravel(),
        },
        schema={"at": pl.Int64, "because": pl.Int64, "contribution": pl.Float64},
    ).with_columns(kind=pl.lit(HISTORY), last=pl.lit(0))
    if most is not None:
        by_size = pl.col("contribution").abs().rank("ordinal", descending=True).over("at")
        large = named.select(by_size <= most).to_series()
        summed = (
            named.filter(~large)
            .group_by("at")
            .agg(pl.col("contribution").sum())
            .with_columns(because=pl.lit(None, pl.Int64), kind=pl.lit(OTHERS), last=pl.lit(1))
        )
        named = pl.concat([named.filter(large), summed.select(named.columns)])
    if part.rest.any():
        left = pl.DataFrame({"at": np.arange(m), "contribution": part.rest}).with_columns(
            because=pl.lit(None, pl.Int64), kind=pl.lit(rest), last=pl.lit(1)
        )
        named = pl.concat([named, left.select(named.columns)])
    return named.with_columns(part=pl.lit(part.part))
