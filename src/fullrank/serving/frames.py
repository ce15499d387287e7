"""From raw ids to ranked frames of raw ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fullrank.data.ids import Ids
from fullrank.data.interactions import Interactions
from fullrank.data.joining import renumbered
from fullrank.errors import DataError, SettingError
from fullrank.serving import Ranking, Scorer, top_k
from fullrank.serving.cold import Trained, rank_served
from fullrank.serving.model_files import PARTS
from fullrank.settings import nearest


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


def known_rows(ids: Ids, raw: Iterable[Any]) -> NDArray[np.int64]:
    """Row numbers of raw ids, -1 where one is unknown."""
    return ids.rows(raw if isinstance(raw, pl.Series) else many(raw))


def candidate_mask(
    items: Ids, allow: Iterable[Any] | None, deny: Iterable[Any] | None, *, strict: bool = True
) -> NDArray[np.bool_] | None:
    """Which items may be recommended: those of ``allow`` (all if absent) but not of ``deny``.

    Raises:
        DataError: an id is unknown and ``strict``; without it, unknown ids are passed over.
    """
    if allow is None and deny is None:
        return None
    mask = np.full(len(items), allow is None)
    for raw, what, value in ((allow, "allowed items", True), (deny, "denied items", False)):
        if raw is None:
            continue
        if strict:
            mask[rows_of(items, raw, what, "an item of the training data")] = value
        else:
            rows = known_rows(items, raw)
            mask[rows[rows >= 0]] = value
    return mask


def check_k(k: Any) -> None:
    """Raises `SettingError` where ``k`` is no length of a list."""
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise SettingError("k", repr(k), "a whole number, 1 or more")


def excluded(parts: Mapping[str, Interactions], names: Iterable[str]) -> list[Interactions]:
    """The parts of those names that a model has, and the pairs that are never to be shown.

    Raises:
        SettingError: a name is of no part of any model.
    """
    names = [names] if isinstance(names, str) else list(names)
    for name in names:
        if name not in PARTS:
            raise SettingError("exclude", repr(name), nearest(name, PARTS))
    never = parts["train"].never
    named = [parts[name] for name in names if name in parts]
    return named if never is None else [*named, never]


def users_to_serve(
    users: Ids, wanted: Iterable[Any] | None, *, strict: bool
) -> tuple[NDArray[np.int64], pl.Series]:
    """Row of each user, -1 for an unknown one, and the id to show; all users if none are named.

    Raises:
        DataError: a user is unknown and ``strict``.
    """
    if wanted is None:
        return np.arange(len(users)), users.values
    raw = wanted if isinstance(wanted, pl.Series) else many(wanted)
    hint = "a user of the training data (fold_in embeds new users from their items)"
    rows = rows_of(users, raw, "user", hint) if strict else known_rows(users, raw)
    return rows, shown_ids(users, rows, list(raw))


def recommend(
    scorer: Scorer,
    trained: Trained,
    shown: pl.Series,
    items: Ids,
    rows: NDArray[np.int64],
    k: int,
    *,
    exclude: Sequence[Interactions] = (),
    candidates: NDArray[np.bool_] | None = None,
    source: bool | None = None,
) -> pl.DataFrame:
    """Top-k lists as a frame: user id, item id, [title,] score, rank from 1[, source]; best first.

    Args:
        scorer: Ranks for the users that were trained on.
        trained: Who they are, and what the others get.
        shown: The id of each user in the frame.
        items: Raw ids of the items.
        rows: Row of each user, -1 for one that the model does not know.
        k: Length of the lists.
        exclude: Interactions whose items are not recommended to their own users.
        candidates: Which items may be recommended.
        source: Whether to add the column ``source``, ``model`` or ``popular``; where a list is
            of popular items if None.
    """
    ranking = rank_served(
        top_k, scorer, trained, rows, min(k, len(items)), exclude=exclude, candidates=candidates
    )
    cold = trained.cold(rows)
    frame, position = as_frame(ranking, shown, items)
    if not (cold.any() if source is None else source):
        return frame
    return frame.with_columns(source=pl.Series(np.where(cold, "popular", "model")[position]))


def shown_ids(users: Ids, rows: NDArray[np.int64], raw: list[Any]) -> pl.Series:
    """The id to show for each user: the model's own, and as given where it knows none.

    Unknown ids of another type make all of them text.
    """
    unknown = rows < 0
    if not unknown.any():
        return users.raw(rows)
    own = users.raw(np.where(unknown, 0, rows)) if len(users) else pl.Series([None] * len(rows))
    given = pl.Series([str(each) for each in raw], dtype=pl.String)
    typed = given.cast(own.dtype, strict=False)
    if typed.filter(pl.Series(unknown)).null_count():
        own, typed = own.cast(pl.String), given
    return pl.select(pl.when(pl.Series(unknown)).then(typed).otherwise(own)).to_series()


NOTHING_UNKNOWN = {"unknown_pairs_left_out": 0, "unknown_users_left_out": 0}


def known_pairs(data: Any, users: Ids, items: Ids) -> tuple[Interactions, dict[str, int]]:
    """Interactions in the row numbers of a model, and counts of what it does not know.

    Raises:
        DataError: no pair is known.
    """
    given = data if isinstance(data, Interactions) else Interactions.from_frame(data)
    if given.users == users and given.items == items:
        return given, NOTHING_UNKNOWN
    row = users.rows(given.users.values)
    pairs = renumbered(given, users, items, row, items.rows(given.items.values), values=())
    if not len(pairs):
        found = f"{len(given)} pairs, none of a user and an item that the model knows"
        raise DataError("interactions", found, "ids as in the training data")
    return pairs, {
        "unknown_pairs_left_out": len(given) - len(pairs),
        "unknown_users_left_out": int(((row < 0) & (given.user_degree > 0)).sum()),
    }


def pairs_to_test(
    test: Any | None, parts: Mapping[str, Interactions]
) -> tuple[Interactions, dict[str, int]]:
    """As `known_pairs`, for the parts of a model; the part kept aside where no test is given.

    Raises:
        DataError: there is no test part, or it has no known pair.
    """
    if test is not None:
        return known_pairs(test, parts["train"].users, parts["train"].items)
    if "test" not in parts:
        raise DataError("evaluate", "no held-out part in the model", "interactions to test on")
    return parts["test"], NOTHING_UNKNOWN


def restricted_to_items(
    data: Any, items: Ids, *, strict: bool = True, weighted: bool = False
) -> Interactions:
    """Interactions of new users over the items of a model; unknown items are dropped.

    Weights stay where the model was ``weighted``.

    Raises:
        DataError: a user has no known item and ``strict``; without it, they stay without items.
    """
    if isinstance(data, Mapping):
        data = _pairs_of({user: many(own) for user, own in data.items()})
    given = data if isinstance(data, Interactions) else Interactions.from_frame(data)
    row, everyone = items.rows(given.items.values), np.arange(given.n_users)
    values = ("weight",) if weighted else ()
    new = renumbered(given, given.users, items, everyone, row, values=values)
    if not strict:
        return new
    empty = np.flatnonzero(new.user_degree == 0)
    if len(empty):
        user = given.users.values[int(empty[0])]
        raise DataError(f"user {user!r}", "no item that the model knows", "at least one")
    return new


def by_item(data: Any) -> Interactions:
    """Interactions of a mapping of item id to user ids, or of what else can be read as such."""
    if not isinstance(data, Mapping):
        return data if isinstance(data, Interactions) else Interactions.from_frame(data)
    pairs = [(user, item) for item, users in data.items() for user in many(users)]
    users, items = ([pair[side] for pair in pairs] for side in (0, 1))
    frame = pl.DataFrame({"user_id": users, "item_id": items}, strict=False)
    return Interactions.from_frame(frame)


def _pairs_of(items_of: Mapping[Any, list[Any]]) -> pl.DataFrame | Interactions:
    users = [user for user, own in items_of.items() for _ in own]
    items = [item for own in items_of.values() for item in own]
    frame = pl.DataFrame({"user_id": users, "item_id": items}, strict=False)
    if all(items_of.values()):
        return frame
    everyone = Ids.of(pl.Series("user_id", list(items_of), strict=False))
    if users:
        return Interactions.from_frame(frame, users=everyone)
    nobody = np.empty(0, dtype=np.int64)
    return Interactions.from_rows(everyone, Ids(pl.Series([], dtype=pl.String)), nobody, nobody)


def as_frame(
    ranking: Ranking,
    shown: pl.Series,
    items: Ids,
    columns: tuple[str, str] = ("user_id", "item_id"),
) -> tuple[pl.DataFrame, NDArray[np.int64]]:
    """A ranking as a frame, and the position in the ranking that each of its rows is of.

    Args:
        ranking: The lists.
        shown: The id to show for each list.
        items: Raw ids of the items.
        columns: What to call the two ids.
    """
    user, place = np.nonzero(ranking.items >= 0)
    found = ranking.items[user, place]
    frame = pl.DataFrame(
        {
            columns[0]: shown.gather(user),
            columns[1]: items.raw(found),
            "score": ranking.scores[user, place],
            "rank": (place + 1).astype(np.int32),
        }
    )
    if items.titles is not None:
        frame = frame.insert_column(2, items.titles.gather(found).rename("title"))
    return frame, user
