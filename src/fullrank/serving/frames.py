"""From raw ids to ranked frames of raw ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fullrank.data.ids import Ids
from fullrank.data.interactions import Interactions
from fullrank.errors import DataError, SettingError
from fullrank.serving import Ranking, Scorer, top_k


def rows_of(ids: Ids, raw: Iterable[Any], what: str, hint: str) -> NDArray[np.int64]:
    """Row numbers of raw ids.

    Raises:
        DataError: one is unknown; the message names it and gives the hint.
    """
    raw = raw if isinstance(raw, pl.Series) else many(raw)
    rows = ids.rows(raw)
    unknown = np.flatnonzero(rows < 0)
    if len(unknown):
        more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        raise DataError(what, f"the unknown id {raw[int(unknown[0])]!r}{more}", hint)
    return rows


def many(raw: Any) -> list[Any]:
    """A list of raw ids; of one id alone (a string is no sequence of letters) a list of it."""
    if isinstance(raw, np.ndarray):
        return list(np.atleast_1d(raw).tolist())
    each = [raw] if isinstance(raw, str | int | np.generic) else raw
    return [one.item() if isinstance(one, np.generic) else one for one in each]


def candidate_mask(
    items: Ids, allow: Iterable[Any] | None, deny: Iterable[Any] | None
) -> NDArray[np.bool_] | None:
    """Which items may be recommended: those of ``allow`` (all if absent) but not of ``deny``."""
    if allow is None and deny is None:
        return None
    mask = np.full(len(items), allow is None)
    if allow is not None:
        mask[rows_of(items, allow, "allowed items", "an item of the training data")] = True
    if deny is not None:
        mask[rows_of(items, deny, "denied items", "an item of the training data")] = False
    return mask


def check_k(k: Any) -> None:
    """Raises `SettingError` where ``k`` is no length of a list."""
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise SettingError("k", repr(k), "a whole number, 1 or more")


def recommend(
    scorer: Scorer,
    users: Ids,
    items: Ids,
    rows: NDArray[np.int64],
    k: int,
    *,
    exclude: Sequence[Interactions] = (),
    candidates: NDArray[np.bool_] | None = None,
    columns: tuple[str, str] = ("user_id", "item_id"),
) -> pl.DataFrame:
    """Top-k lists as a frame: user id, item id, [title,] score, rank from 1; best first."""
    ranking = top_k(scorer, rows, min(k, len(items)), exclude=exclude, candidates=candidates)
    return _frame(ranking, users, items, columns)


def known_pairs(data: Any, users: Ids, items: Ids) -> tuple[Interactions, int]:
    """Interactions in the row numbers of a model, and how many pairs it does not know.

    Raises:
        DataError: no pair is known.
    """
    given = data if isinstance(data, Interactions) else Interactions.from_frame(data)
    if given.users == users and given.items == items:
        return given, 0
    user = users.rows(given.users.values)[given.user_idx]
    item = items.rows(given.items.values)[given.item_idx]
    known = (user >= 0) & (item >= 0)
    if not known.any():
        found = f"{len(given)} pairs, none of a user and an item that the model knows"
        raise DataError("interactions", found, "ids as in the training data")
    pairs = Interactions.from_rows(users, items, user[known], item[known])
    return pairs, len(given) - int(known.sum())


def restricted_to_items(data: Any, items: Ids) -> Interactions:
    """Interactions of new users over the items of a model; unknown items are dropped.

    Raises:
        DataError: a user has no known item.
    """
    if isinstance(data, Mapping):
        data = _pairs_of({user: many(own) for user, own in data.items()})
    given = data if isinstance(data, Interactions) else Interactions.from_frame(data)
    item = items.rows(given.items.values)[given.item_idx]
    known = item >= 0
    new = Interactions.from_rows(given.users, items, given.user_idx[known], item[known])
    empty = np.flatnonzero(new.user_degree == 0)
    if len(empty):
        user = given.users.values[int(empty[0])]
        raise DataError(f"user {user!r}", "no item that the model knows", "at least one")
    return new


def _pairs_of(items_of: Mapping[Any, list[Any]]) -> pl.DataFrame:
    for user, own in items_of.items():
        if not own:
            raise DataError(f"user {user!r}", "no item that the model knows", "at least one")
    users = [user for user, own in items_of.items() for _ in own]
    items = [item for own in items_of.values() for item in own]
    return pl.DataFrame({"user_id": users, "item_id": items}, strict=False)


def _frame(ranking: Ranking, users: Ids, items: Ids, columns: tuple[str, str]) -> pl.DataFrame:
    user, place = np.nonzero(ranking.items >= 0)
    found = ranking.items[user, place]
    frame = pl.DataFrame(
        {
            columns[0]: users.raw(ranking.users[user]),
            columns[1]: items.raw(found),
            "score": ranking.scores[user, place],
            "rank": (place + 1).astype(np.int32),
        }
    )
    if items.titles is None:
        return frame
    return frame.insert_column(2, items.titles.gather(found).rename("title"))
