"""Whether validation and test are draws of the same kind as train, and of one kind."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import Any

import numpy as np

from fullrank.auditing import facts
from fullrank.auditing.shares import Shares, alike, shares_by_items, shares_by_users
from fullrank.auditing.verdict import in_a_line, sentences
from fullrank.auditing.worth import Worth, worth_of
from fullrank.data.interactions import Interactions
from fullrank.data.splits import Split
from fullrank.errors import DataError

_DRAWS: weakref.WeakKeyDictionary[Interactions, tuple[list[Any], dict[str, Any]]]
_DRAWS = weakref.WeakKeyDictionary()


@dataclass(frozen=True)
class PartAudit:
    """What was found of one part."""

    name: str
    interactions: int
    popularity: Shares
    """By the items' interactions in all parts."""
    activity: Shares
    """By the users' interactions in all parts."""
    fraction: tuple[float, str] | None
    """The fraction of each user's interactions that the part is, and how it was rounded."""
    cold: dict[str, int]
    repeated: int
    """Pairs that train (or, of test, validation) has too."""
    reach: dict[str, Any]
    order: dict[str, float] | None
    """Its place in time; None without times."""

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {
            "interactions": self.interactions,
            "by_popularity": self.popularity.to_dict(),
            "by_activity": self.activity.to_dict(),
            "fraction_of_each_user": self.fraction,
            **self.cold,
            "repeated_pairs": self.repeated,
            "reach": self.reach,
            "order_in_time": self.order,
        }


@dataclass(frozen=True)
class Audit:
    """The findings of `audit`; ``print`` shows the verdict."""

    data: str
    fingerprint: str
    parts: dict[str, PartAudit]
    merged: Any
    """Repeated rows that were merged when the data were read."""
    same_histories: int
    """Users with the very items of another user in train."""
    how: dict[str, Any]
    """How the split was made."""
    worth: Worth | None = None
    """Quick methods on each part, if asked for."""

    @property
    def alike(self) -> bool | None:
        """Whether validation and test are alike by popularity; None without both."""
        if not {"validation", "test"} <= self.parts.keys():
            return None
        return alike(self.parts["test"].popularity, self.parts["validation"].popularity)

    @property
    def verdict(self) -> list[str]:
        """Sentences."""
        return sentences(self)

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {
            "data": self.data,
            "fingerprint": self.fingerprint,
            "how": self.how,
            "parts": {name: part.to_dict() for name, part in self.parts.items()},
            "alike": self.alike,
            "repeated_rows_merged": self.merged,
            "users_with_the_history_of_another": self.same_histories,
            "worth": None if self.worth is None else self.worth.to_dict(),
            "verdict": self.verdict,
        }

    def __repr__(self) -> str:
        return "\n".join([f"Audit of {self.data}:", *(f"  {each}" for each in self.verdict)])


def audit(split: Split, *, worth: bool = False, threads: int | None = None) -> Audit:
    """Compares validation and test with a uniform draw of each user's interactions.

    The test part is looked at as a whole, and no model is chosen by it: nothing here says which
    method or setting to take.

    Args:
        split: Train, and validation or test or both.
        worth: Fit quick closed-form methods too, and rank them on each part.
        threads: Of these fits.

    Raises:
        DataError: there is neither a validation nor a test part with interactions.
    """
    drawn = [name for name, part in split.parts.items() if name != "train" and len(part)]
    if not drawn or not len(split.train):
        raise DataError(split.name, "no validation and no test part", "one, to compare with train")
    merged = split.how.get("repeated_pairs_merged", split.train.merged)
    return Audit(
        split.name,
        split.fingerprint,
        {name: _part(split, name) for name in drawn},
        merged,
        facts.same_histories(split.train),
        split.how,
        worth_of(split, threads) if worth else None,
    )


def draw_of(
    train: Interactions, validation: Interactions | None, test: Interactions
) -> dict[str, Any]:
    """What every report of an evaluation has of an audit: skew by popularity, order in time.

    O(nnz); of parts that were seen last it is known.

    Returns:
        ``skewed``, ``shares``, those of the items with the fewest interactions and with the most,
        ``alike``, ``later`` and, in words, ``line``.
    """
    key = [weakref.ref(each) for each in (train, validation) if each is not None]
    known = _DRAWS.get(test)
    if known is not None and known[0] == key:
        return dict(known[1])
    rest = [each for each in (train, validation) if each is not None]
    size = sum(each.item_degree for each in (*rest, test))
    shares = shares_by_items(rest, test, size)
    same = None
    if validation is not None and len(validation):
        same = alike(shares, shares_by_items([train], validation, size))
    order = facts.order_of(train, test)
    found = {
        "skewed": shares.skewed,
        "shares": [shares.bins[0].share, shares.bins[-1].share],
        "alike": same,
        "later": None if order is None else order["later"],
    }
    found["line"] = in_a_line(shares, same, order)
    _DRAWS[test] = key, dict(found)
    return found


def _part(split: Split, name: str) -> PartAudit:
    part, train = split.parts[name], split.train
    others = [each for other, each in split.parts.items() if other != name and len(each)]
    rest = [train] if name == "validation" else others
    whole = [*others, part]
    by_item, by_user = (
        sum(getattr(each, side) for each in whole) for side in ("item_degree", "user_degree")
    )
    drawn_from = sum(each.user_degree for each in (*rest, part))
    return PartAudit(
        name,
        len(part),
        shares_by_items(rest, part, by_item),
        shares_by_users(rest, part, by_user),
        facts.fraction_of(np.asarray(drawn_from), part.user_degree),
        facts.cold_of(train, part),
        sum(facts.repeats_of(each, part) for each in rest),
        facts.reach_of(train, part),
        facts.order_of(train, part),
    )
