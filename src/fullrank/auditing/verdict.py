"""The findings of an audit in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fullrank.auditing.shares import Shares, leaning

if TYPE_CHECKING:
    from fullrank.auditing.report import Audit, PartAudit

LATER = 0.9
"""Chance of a later time from which on a part counts as the later one; a uniform draw has 0.5."""
FAR = 0.01
"""Difference in reachability between the parts that is worth a sentence, where it is certain."""


def sentences(found: Audit) -> list[str]:
    """The verdict, most important first."""
    told = [_drawn(part) for name, part in found.parts.items() if name == "test"]
    told += [_drawn(part) for name, part in found.parts.items() if name == "validation"]
    told += _together(found)
    for part in found.parts.values():
        told += [*_users(part), *_time(part), *_cold(part)]
    told += _far(found) + _duplicates(found)
    if found.worth is not None:
        told += found.worth.sentences()
    return told


def in_a_line(shares: Shares, same: bool | None, order: dict[str, float] | None) -> str:
    """One line for a report of an evaluation."""
    if order is not None and order["later"] >= LATER:
        return f"test lies after train in time ({order['later']:.0%} of pairs of interactions)"
    if not shares.skewed:
        line = "test is drawn like train by popularity"
    else:
        line = f"test is no uniform draw: {_skew(shares)}"
    if same is False:
        line += "; validation is drawn otherwise (`fullrank data audit`)"
    return line


def share(value: float) -> str:
    """``.206``."""
    return f"{value:.3f}".removeprefix("0")


def _skew(shares: Shares, of: str = "items") -> str:
    low, high = shares.bins[0], shares.bins[-1]
    if shares.tendency * (high.share - low.share) <= 0:  # in the middle it goes the other way
        by_ratio = sorted(shares.bins, key=lambda each: each.ratio)
        ends = ", ".join(
            f"{share(each.share)} of the interactions of those with {each.low:,} to {each.high:,}"
            for each in (by_ratio[0], by_ratio[-1])
        )
        return f"{of} are in it unevenly by their interactions ({ends})"
    rule = "more often" if shares.tendency > 0 else "less often"
    what = "popular items" if of == "items" else "active users"
    return (
        f"{what} are in it {rule} ({share(low.share)} of the interactions of {of} with "
        f"{low.low:,} to {low.high:,}, {share(high.share)} of the {high.rows:,} with "
        f"{high.low:,} or more)"
    )


def _drawn(part: PartAudit) -> str:
    shares = part.popularity
    if shares.skewed:
        return f"{part.name} is no uniform draw: {_skew(shares)}."
    values = [each.share for each in shares.bins if each.interactions]
    span = f"{share(min(values))} to {share(max(values))}"
    odd = sum(each.rows for each in shares.deviating)
    but = f", but for {odd:,} items" if odd else ""
    return f"{part.name} is drawn like train by popularity{but}: its share is {span}."


def _together(found: Audit) -> list[str]:
    if found.alike is None:
        return []
    if found.alike:
        return [
            "validation and test are alike by popularity: what is chosen on one fits the other."
        ]
    test = found.parts["test"]
    told = "validation and test are not alike by popularity"
    if test.order is not None and test.order["later"] >= LATER:
        return [f"{told}; test is later: `--validation-like time` draws validation so, too."]
    undervalued = {1: "undervalues popular items", -1: "overvalues popular items"}
    leans = leaning(test.popularity, found.parts["validation"].popularity)
    effect = undervalued.get(leans, "weighs popularity otherwise")
    cure = "`--validation-like test` draws it with the skew of test"
    return [f"{told}: a choice on validation {effect}; {cure}."]


def _users(part: PartAudit) -> list[str]:
    if not part.activity.skewed:
        return []
    told = f"by users, {part.name} is uneven: {_skew(part.activity, 'users')}"
    if part.fraction is not None:
        fraction, rounded = part.fraction
        told += f"; it is {fraction:.0%} of each user's interactions, rounded {rounded}"
    return [told + "."]


def _time(part: PartAudit) -> list[str]:
    if part.order is None:
        return []
    later = part.order["later"]
    if later >= LATER:
        return [f"{part.name} lies after train in time ({later:.0%} of pairs of interactions)."]
    told = "is not later than train" if later < 0.6 else "is only partly later than train"
    told = f"{part.name} {told} (an interaction of it is later in {later:.0%} of pairs)"
    return [f"{told}: a model is trained on what follows."]


def _cold(part: PartAudit) -> list[str]:
    told = []
    for side in ("users", "items"):
        n, pairs = part.cold[f"cold_{side}"], part.cold[f"pairs_of_cold_{side}"]
        if pairs:
            told.append(f"{n:,} {side} of {part.name} are not in train ({pairs:,} interactions).")
    if part.repeated:
        told.append(f"{part.repeated:,} pairs of {part.name} are in an earlier part too.")
    return told


def _far(found: Audit) -> list[str]:
    told = []
    reach = {name: part.reach for name, part in found.parts.items()}
    if {"validation", "test"} <= reach.keys():
        one, other = reach["validation"], reach["test"]
        gap = other["reached"] - one["reached"]
        apart = (
            one["interval"][0] > other["interval"][1] or other["interval"][0] > one["interval"][1]
        )
        if apart and abs(gap) >= FAR:
            less = "fewer" if gap < 0 else "more"
            told.append(
                f"{less} items of test than of validation share a neighbour with the user's "
                f"history ({share(other['reached'])} and {share(one['reached'])})."
            )
    return told


def _duplicates(found: Audit) -> list[str]:
    told = []
    merged: Any = found.merged
    n = sum(merged.values()) if isinstance(merged, dict) else int(merged or 0)
    if n:
        told.append(f"{n:,} repeated rows were merged.")
    if found.same_histories:
        told.append(f"{found.same_histories:,} users have the very items of another user.")
    return told
