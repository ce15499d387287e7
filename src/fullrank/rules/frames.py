"""Lists under rules as frames of raw ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fullrank.data.ids import Ids
from fullrank.evaluation.evaluate import Lists
from fullrank.evaluation.protocols import protocol_named
from fullrank.rules.bound import Bound
from fullrank.rules.description import Rules
from fullrank.rules.ranking import lists_of
from fullrank.serving.frames import as_frame
from fullrank.serving.served import Served
from fullrank.serving.top_k import Left, Ranking


def evaluated(
    served: Served, rules: Rules, users: Ids, items: Ids, protocol: str
) -> tuple[Lists, dict[str, Any]]:
    """What makes lists for `fullrank.evaluation.evaluate`, and what its protocol block says of it.

    Ids that the model does not know are passed over and counted. Users and items without training
    interactions are ranked as the protocol ranks them without rules.

    Raises:
        DataError, SettingError: the rules do not fit the model; see `Bound.of`.
    """
    bound = Bound.of(rules, items, strict=False)
    trained_only = protocol_named(protocol).trained_only
    candidates = served.trained.candidates() if trained_only else None

    def lists(rows: NDArray[np.int64], k: int, exclude: Sequence[Left]) -> Ranking:
        ids = users.raw(rows)
        how: dict[str, Any] = {"exclude": exclude, "candidates": candidates}
        return lists_of(served, bound, rows, ids, k, by_popularity=trained_only, **how).ranking

    return lists, {"rules": rules.to_json(), "rules_unknown_ids": bound.unknown}


def recommend(
    served: Served,
    rules: Rules,
    shown: pl.Series,
    items: Ids,
    rows: NDArray[np.int64],
    k: int,
    *,
    exclude: Sequence[Left] = (),
    candidates: NDArray[np.bool_] | None = None,
    source: bool | None = None,
    strict: bool = True,
) -> pl.DataFrame:
    """As `fullrank.serving.frames.recommend`, under rules; what exploration drew has its source.

    Raises:
        DataError, SettingError: the rules do not fit the model; see `Bound.of`.
    """
    bound = Bound.of(rules, items, strict=strict)
    lists = lists_of(
        served,
        bound,
        rows,
        shown,
        min(k, len(items)),
        exclude=exclude,
        candidates=candidates,
    )
    frame, position = as_frame(lists.ranking, shown, items)
    cold = served.trained.cold(rows)
    if not ((cold.any() or bool(rules.exploration)) if source is None else source):
        return frame
    drawn = lists.drawn[position, frame["rank"].to_numpy() - 1]
    named = np.where(drawn, "exploration", np.where(cold[position], "popular", "model"))
    return frame.with_columns(source=pl.Series(named))
