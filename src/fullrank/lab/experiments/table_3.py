"""Table III: the statistics of the data sets. Trains nothing; takes seconds."""

from __future__ import annotations

import functools
import operator
from typing import Any

import numpy as np

from fullrank.lab.groups import Groups
from fullrank.lab.scope import Scope
from fullrank.lab.spec import Experiment, Finding, Table

PAPER = {
    "citeulike": {"users": 5551, "items": 16981, "interactions": 210537, "density": 0.223},
    "yelp": {"users": 25677, "items": 25815, "interactions": 731672, "density": 0.109},
    "gowalla": {"users": 29858, "items": 40981, "interactions": 1027370, "density": 0.084},
}
WHAT = ("users", "items", "interactions", "density")


def compute(scope: Scope, groups: Groups) -> Finding:
    """Counts of the files as read, and of the pairs in them that differ."""
    del groups
    rows: list[list[Any]] = []
    more: list[list[Any]] = []
    numbers: dict[str, dict[str, float]] = {}
    for name in scope.data:
        split = scope.split(validation=False, name=name)
        parts = split.parts
        shape = split.train.n_users, split.train.n_items
        read = sum(len(part) + part.merged for part in parts.values())
        distinct = functools.reduce(operator.add, (part.csr() for part in parts.values())).nnz
        found = dict(zip(WHAT, (*shape, read, 100 * read / np.prod(shape)), strict=True))
        numbers[name] = found | {"distinct_pairs": int(distinct)}
        for label, each in (("ours", found), ("paper", PAPER.get(name))):
            if each is not None:
                rows.append([name, label, *(each[what] for what in WHAT)])
        served = [int(np.count_nonzero(d)) for d in (split.train.user_degree,
                                                     split.train.item_degree)]  # fmt: skip
        repeated = read - int(distinct)
        more.append([name, *(len(part) for part in parts.values()), repeated, *served])
    differing = [
        f"{name}: {what} {numbers[name][what]:,} for {PAPER[name][what]:,}"
        for name in scope.data
        for what in WHAT[:3]
        if name in PAPER and numbers[name][what] != PAPER[name][what]
    ]
    compared = [name for name in scope.data if name in PAPER]
    headline = f"The sizes of {', '.join(compared)} are as printed"
    if differing:
        headline = f"Sizes that differ from the printed ones: {'; '.join(differing)}"
    if not compared:
        headline = f"The paper prints no sizes of {', '.join(scope.data)}"
    heads = ("data", "of", "users", "items", "interactions", "density, %")
    parts_heads = ("data", "train", "test", "repeated pairs", "users trained", "items trained")
    return Finding(
        headline,
        (
            Table(heads, rows, form="{:.3f}"),
            Table(parts_heads, more, "The parts, each pair once, and rows with interactions"),
        ),
        numbers=numbers,
        remarks=("The paper's Table III has one item more on CiteULike than its files.",)
        if "citeulike" in scope.data
        else (),
    )


EXPERIMENT = Experiment(
    id="table-3",
    title="statistics of the data sets",
    claim="three data sets, of densities 0.223, 0.109 and 0.084 %",
    source="Table III, section V-A",
    cost="seconds",
    compute=compute,
    on=("citeulike", "yelp", "gowalla"),
    across=True,
    paper=PAPER,
)
