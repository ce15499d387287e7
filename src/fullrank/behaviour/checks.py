"""The checks one by one, and all of them together."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fullrank.behaviour.finding import Finding
from fullrank.behaviour.limits import LIMITS, Limit
from fullrank.behaviour.lists import USERS, Sample, recall
from fullrank.behaviour.others import against, another_seed
from fullrank.behaviour.removal import one_item_less
from fullrank.behaviour.values import Unmeasured, Value
from fullrank.diagnosis.embedded import is_tall, tables_of
from fullrank.errors import FitError
from fullrank.evaluation.ties import tied_at
from fullrank.recommender import Recommender
from fullrank.spectrum import Spectrum

FEW = 20
"""Items below which lists of ten say nothing."""
HEAD = 0.2
"""Share of the items that are the popular ones."""
PLACES = 4
"""Places of lists for each item, below which most items may be in none of any good model."""


def over_popular(sample: Sample) -> Value:
    """Recall@20 over that of the popular list, on what was held out."""
    ours, theirs = _recalls(sample), _recalls(sample, popular=True)
    mine, popular = float(np.nanmean(ours)), float(np.nanmean(theirs))
    ratio = mine / popular if popular else math.inf if mine else 1.0
    said = f"recall@20 is {mine:.4f}, and the popular list alone has {popular:.4f}"
    worse = ": lists that fit nobody; are rows and ids mixed up?" if ratio < 0.5 else (
        ": the model knows nothing of users beyond what is popular"
    )  # fmt: skip
    return Value(min(ratio, 1e6), said + worse, {"recall@20": mine, "popular": popular})


def remembers(sample: Sample) -> Value:
    """Where a user's own train items stand among all items."""
    place = float(sample.places().mean())
    return Value(
        place,
        f"what users have stands at {place:.2f} of the way up their own rankings, where chance is "
        "0.50: scores that have nothing to do with the user; are rows and ids mixed up?",
    )


def histories(sample: Sample, *, longest: bool) -> Value:
    """Recall@20 of the users with the shortest or longest histories over that of all."""
    found = _recalls(sample)
    length = sample.model.train.user_degree[sample.users].astype(float)
    length[np.isnan(found)] = np.nan
    edge = np.nanquantile(length, 0.75 if longest else 0.25)
    group = length >= edge if longest else length <= edge
    theirs, everyone = float(np.nanmean(found[group])), float(np.nanmean(found))
    which = f"of {edge:.0f} items or {'more' if longest else 'fewer'}"
    ratio = theirs / everyone if everyone else 0.0
    return Value(
        ratio,
        f"users with histories {which} have recall@20 {theirs:.4f}, all have {everyone:.4f}",
        {"recall@20": theirs, "all": everyone, "items": edge},
    )


def rare_items(sample: Sample) -> Value:
    """Recall@20 of the held-out items that are not among the popular fifth."""
    counts = np.asarray(sample.trained.popularity)
    head = np.zeros(len(counts), dtype=bool)
    head[np.argsort(-counts, kind="stable")[: math.ceil(HEAD * (counts > 0).sum())]] = True
    test = _test(sample)
    tail = recall(sample.first_twenty, sample.users, test, ~head & (counts > 0))
    if np.isnan(tail).all():
        raise Unmeasured("nothing was held out of the items outside the popular fifth")
    value = float(np.nanmean(tail))
    return Value(
        value,
        f"of held-out items outside the popular fifth {value:.2%} are found: lists hold little but "
        "popular items",
        {"users": int((~np.isnan(tail)).sum())},
    )


def same_ten(sample: Sample) -> Value:
    """Share of users with the commonest first ten items, whatever they have had."""
    _many_items(sample)
    lists = sample.lists(10, seen=True)
    times = Counter(map(bytes, np.sort(lists, axis=1)))
    share = max(times.values()) / len(lists)
    alike = (
        f"{share:.0%} of the users get the same ten items, {len(times):,} different lists in all"
    )
    return Value(
        share,
        f"{alike}: a popular list, or rows that have become alike",
        {"different_lists": len(times)},
    )


def never_shown(sample: Sample) -> Value:
    """Share of trained items that are in no user's first hundred.

    Of no fewer users than `USERS`, however many the others are measured on: fewer see fewer items.
    """
    trained = int(sample.trained.items.sum())
    wide = Sample.of(sample.model, sample.seed, max(USERS, len(sample.users)))
    lists = wide.lists(100)
    places = int((lists >= 0).sum())
    if places < PLACES * trained:
        raise Unmeasured(
            f"lists of {len(wide.users):,} users have {places:,} places, too few to say what is "
            f"shown of {trained:,} items"
        )
    share = 1 - len(np.unique(lists[lists >= 0])) / trained
    return Value(
        share,
        f"{share:.0%} of {trained:,} items are in nobody's first hundred "
        f"({len(wide.users):,} users)",
        {"users": len(wide.users)},
    )


def ties(sample: Sample) -> Value:
    """Share of users with a tie at the tenth place."""
    _many_items(sample)
    tied = float(tied_at(sample.ranked(11), 10).mean())
    return Value(
        tied,
        f"{tied:.0%} of the users have equal scores at the tenth place, where chance decides what "
        "they see: few different scores, or rows that have become alike",
    )


def dimensions(sample: Sample) -> Value:
    """The least effective rank over the width, of the tables that there are."""
    shares = {}
    for name, (users, items) in tables_of(sample.model).items():
        if not is_tall(len(users) + len(items), users.shape[1]):
            continue
        found = Spectrum.of(users, items, where=sample.trained.rows)
        shares[name or sample.model.method] = found.effective_rank, users.shape[1]
    if not shares:
        raise Unmeasured("the method has no embeddings with more rows than columns")
    name, (rank, width) = min(shares.items(), key=lambda each: each[1][0] / each[1][1])
    return Value(
        rank / width,
        f"the embeddings of {name} use {rank:.1f} of {width} dimensions: collapsed",
        {"effective_rank": rank, "width": width},
    )


def _many_items(sample: Sample) -> None:
    if sample.trained.items.sum() < FEW:
        raise Unmeasured(f"there are fewer than {FEW} items, so ten of them are much the same")


def _test(sample: Sample) -> Any:
    test = sample.model.test
    if test is None or not test.user_degree[sample.users].any():
        raise Unmeasured("no held-out part lies with the model")
    return test


def _recalls(sample: Sample, *, popular: bool = False) -> Any:
    test = _test(sample)
    lists = sample.lists(20, scorer=sample.popular) if popular else sample.first_twenty
    return recall(lists, sample.users, test, np.ones(test.n_items, dtype=bool))


Measure = Callable[[Sample], Value]
ALONE: dict[str, Measure] = {
    "over_popular": over_popular,
    "remembers": remembers,
    "short_histories": lambda sample: histories(sample, longest=False),
    "long_histories": lambda sample: histories(sample, longest=True),
    "rare_items": rare_items,
    "one_item_less": one_item_less,
    "same_ten": same_ten,
    "never_shown": never_shown,
    "ties": ties,
    "dimensions": dimensions,
}


@dataclass(frozen=True)
class Findings:
    """All checks of a model, in their order."""

    each: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether none failed."""
        return not self.failed

    @property
    def failed(self) -> list[Finding]:
        """Those that failed."""
        return [finding for finding in self.each if finding.passed is False]

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.each)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"passed": self.passed, "checks": [finding.to_dict() for finding in self.each]}


def check(
    model: Recommender,
    *,
    other: Recommender | None = None,
    seeds: bool = False,
    limits: Mapping[str, Limit] = LIMITS,
    seed: int = 0,
    users: int = USERS,
) -> Findings:
    """Looks at how a model behaves, on a sample of its users.

    Args:
        model: What is looked at.
        other: A model to compare lists and ids with, as that of the night before.
        seeds: Whether to fit it once more, with another seed, and to compare the lists.
        limits: What values are held against.
        seed: Of what is drawn.
        users: Most users of the sample.
    """
    sample = Sample.of(model, seed, users)
    measures = dict(ALONE)
    if other is not None:
        measures |= against(other)
    if seeds:
        measures["another_seed"] = another_seed
    return Findings(tuple(_judged(name, each, sample, limits[name])
                          for name, each in measures.items()))  # fmt: skip


def _judged(name: str, measure: Measure, sample: Sample, limit: Limit) -> Finding:
    try:
        if not len(sample.users):
            raise Unmeasured("no user has training interactions")
        value = measure(sample)
    except Unmeasured as why:
        return Finding(name, limit.what, None, limit.value, limit.at_least, None, str(why), {})
    except (FitError, ValueError) as error:  # scores that are NaN fail whatever they are asked
        reason = str(error)
        return Finding(name, limit.what, None, limit.value, limit.at_least, False, reason, {})
    passed = None
    if limit.value is not None:
        over, under = value.value >= limit.value, value.value <= limit.value
        passed = over if limit.at_least else under
    reason = value.said if passed is False else ""
    return Finding(name, limit.what, value.value, limit.value, limit.at_least, passed, reason,
                   value.detail)  # fmt: skip
