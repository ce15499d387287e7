"""A model beside another: that of the night before, or its own with another seed."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from fullrank.behaviour.lists import Items, Rows, Sample, overlap
from fullrank.behaviour.values import Unmeasured, Value
from fullrank.data.ids import Ids
from fullrank.data.joining import over_ids
from fullrank.data.splits import Split
from fullrank.portfolio.final import settled
from fullrank.recommender import Recommender
from fullrank.serving.frames import excluded
from fullrank.serving.model_files import PARTS
from fullrank.serving.top_k import top_k

Measure = Callable[[Sample], Value]


def against(other: Recommender) -> dict[str, Measure]:
    """The checks that need the other model."""
    return {
        "id_types": lambda sample: id_types(sample, other),
        "ids_kept": lambda sample: ids_kept(sample, other),
        "against": lambda sample: lists_kept(sample, other),
    }


def id_types(sample: Sample, other: Recommender) -> Value:
    """Of users and items, how many have ids of another type than before."""
    sides = {"users": (sample.model.users, other.users), "items": (sample.model.items, other.items)}
    changed = [
        f"{side} are {_kind(now)} and were {_kind(before)}"
        for side, (now, before) in sides.items()
        if _kind(now) != _kind(before)
    ]
    said = "ids changed their type, so lookups by the old ones may fail: " + "; ".join(changed)
    return Value(float(len(changed)), said, {"changed": changed})


def ids_kept(sample: Sample, other: Recommender) -> Value:
    """The lesser share of the other model's users, or items, that this one knows."""
    mine = sample.model
    shares = {
        "users": float((mine.users.rows(other.users.values) >= 0).mean()),
        "items": float((mine.items.rows(other.items.values) >= 0).mean()),
    }
    side = min(shares, key=shares.__getitem__)
    return Value(
        shares[side],
        f"{shares[side]:.0%} of the {side} of the other model are known: other data, or other ids?",
        shares,
    )


def lists_kept(sample: Sample, other: Recommender) -> Value:
    """Overlap of the first ten with those of the other model, for users whom both know.

    What a user has, in any part of either model, is in no list, as in those that users are served:
    else what one of them holds out would be in its lists alone.
    """
    mine = sample.model
    rows = other.users.rows(mine.users.values.gather(sample.users))
    known = rows >= 0
    known[known] = other.train.user_degree[rows[known]] > 0
    if not known.any():
        raise Unmeasured("no user is known to both models")
    theirs = _first_ten(other, rows[known], mine)
    number = mine.items.rows(other.items.values)
    gone = len(mine.items) + np.arange(len(number))  # numbers that no list of this model has
    number = np.where(number >= 0, number, gone)
    moved: Items = np.where(theirs >= 0, number[np.maximum(theirs, 0)], -1).astype(np.int32)
    value = float(overlap(moved, _first_ten(mine, sample.users[known], other)).mean())
    return Value(
        value,
        f"{value:.0%} of the first ten of the other model are still there: users see other lists",
        {"users": int(known.sum())},
    )


def _first_ten(model: Recommender, rows: Rows, beside: Recommender) -> Items:
    """(U, 10) lists of users of a model, without what either model has of them."""
    theirs = [over_ids(part, model.users, model.items) for part in excluded(beside._parts, PARTS)]
    return top_k(
        model.scorer,
        rows,
        min(10, model.train.n_items),
        exclude=[*excluded(model._parts, PARTS), *theirs],
        candidates=model._trained.candidates(),
    ).items


def another_seed(sample: Sample) -> Value:
    """Overlap of the first ten with those of the same fit with the next seed."""
    model = sample.model
    method = model.settings
    if "final" in model.training:  # nothing is left to choose epochs by
        method = settled(method, model.training)
    # Its parts have their weights as they were read.
    method = method.replace(seed=method.seed + 1, weighting="given")
    again = Recommender(method)
    with warnings.catch_warnings():  # the first fit has said it
        warnings.simplefilter("ignore")
        again.fit(Split(model.data_name or "data", model.train, model.validation, None, {}))
    lists = Sample(again, sample.users, sample.seed).lists(10)
    value = float(overlap(sample.lists(10), lists).mean())
    return Value(
        value,
        f"{value:.0%} of the first ten are the same with another seed: lists are a matter of luck",
    )


def _kind(ids: Ids) -> str:
    return "whole numbers" if ids.values.dtype.is_integer() else "text"
