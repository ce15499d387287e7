"""Rules in the row numbers of a model: names are found, types checked, masks made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fullrank.data.ids import Ids
from fullrank.errors import DataError, SettingError
from fullrank.rules.cells import Cells
from fullrank.rules.description import Rules
from fullrank.rules.filtering import passing
from fullrank.rules.labels import Labels
from fullrank.rules.per_user import UserItems, column

HINT = "an item of the training data"


class ByUser(NamedTuple):
    """Items of the users whom a rule names."""

    users: Ids
    cells: Cells


@dataclass(frozen=True)
class Bound:
    """Rules for the items of a model."""

    rules: Rules
    candidates: NDArray[np.bool_] | None
    """(n_items,) what may be in any list; None for all."""
    allow: ByUser | None
    deny: ByUser | None
    limits: Mapping[str, Labels]
    categories: Labels | None
    unknown: dict[str, int] = field(default_factory=dict)
    """Ids of items that the model does not know, by rule: passed over."""

    @classmethod
    def of(cls, rules: Rules, items: Ids, *, strict: bool = True) -> Bound:
        """Binds rules, once while they are asked for with the same items.

        Raises:
            DataError: an id of an item is unknown, if ``strict``; or all of `allow` are.
            SettingError: there is no such attribute, or one of another type; or no item is left.
        """
        kept = list(rules.bound)
        if kept and kept[0] is items and kept[1] is strict:
            bound: Bound = kept[2]
            return bound
        bound = cls._made(rules, items, strict=strict)
        rules.bound[:] = [items, strict, bound]
        return bound

    @classmethod
    def _made(cls, rules: Rules, items: Ids, *, strict: bool) -> Bound:
        unknown: dict[str, int] = {}
        masks = _masks(rules, items, unknown, strict=strict)
        allow, deny = (
            _by_user(getattr(rules, name), items, name, unknown, strict=strict)
            for name in ("allow_per_user", "deny_per_user")
        )
        limits = {name: Labels.of(items, name, f"rules, at_most.{name}") for name in rules.at_most}
        return cls(
            rules,
            _all_of(masks, len(items)),
            allow,
            deny,
            limits,
            _categories(rules, items) if rules.calibration else None,
            unknown,
        )


def _masks(
    rules: Rules, items: Ids, unknown: dict[str, int], *, strict: bool
) -> dict[str, NDArray[np.bool_]]:
    masks: dict[str, NDArray[np.bool_]] = {}
    for name in ("allow", "deny"):
        ids = getattr(rules, name)
        if ids is None:
            continue
        rows = _rows(column(ids), items, f"rules, {name}", strict=strict)
        known = rows[rows >= 0]
        if len(known) < len(rows):
            unknown[name] = len(rows) - len(known)
        if name == "allow" and not len(known):
            raise DataError("rules, allow", f"{len(rows)} ids, all unknown", HINT)
        masks[name] = np.full(len(items), name == "deny")
        masks[name][known] = name == "allow"
    if rules.where is not None:
        masks["where"] = passing(rules.where, items.attributes)
    return masks


def _all_of(masks: dict[str, NDArray[np.bool_]], n_items: int) -> NDArray[np.bool_] | None:
    if not masks:
        return None
    whole: NDArray[np.bool_] = np.logical_and.reduce(list(masks.values()))
    if not whole.any():
        each = ", ".join(f"{int(mask.sum()):,} by {name}" for name, mask in masks.items())
        found = f"no item that all rules leave (of {n_items:,}: {each})"
        raise SettingError("rules", found, "at least one")
    return whole


def _rows(raw: pl.Series, items: Ids, where: str, *, strict: bool) -> NDArray[np.int64]:
    rows = items.rows(raw)
    wrong = np.flatnonzero(rows < 0)
    if strict and len(wrong):
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise DataError(where, f"the unknown id {raw[int(wrong[0])]!r}{more}", HINT)
    return rows


def _by_user(
    given: UserItems | None, items: Ids, name: str, unknown: dict[str, int], *, strict: bool
) -> ByUser | None:
    if given is None:
        return None
    users = Ids.of(given.pairs["user"])
    item = _rows(given.pairs["item"], items, f"rules, {name}", strict=strict)
    known = item >= 0
    if not known.all():
        unknown[name] = int((~known).sum())
    user = users.rows(given.pairs["user"])
    return ByUser(users, Cells.of(user[known], item[known], len(users), len(items)))


def _categories(rules: Rules, items: Ids) -> Labels:
    known = [] if items.attributes is None else items.attributes.columns
    usual = next((name for name in ("categories", "category") if name in known), "categories")
    where = "rules, calibrate_by" if rules.calibrate_by else "rules, calibration"
    return Labels.of(items, rules.calibrate_by or usual, where)
