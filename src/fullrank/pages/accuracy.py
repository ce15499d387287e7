"""What was evaluated on the held-out part: with intervals, and beside the most popular items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullrank.data.interactions import Interactions
from fullrank.evaluation import Evaluation, evaluate
from fullrank.evaluation.intervals import shown as between
from fullrank.evaluation.significance import differs_for_users
from fullrank.pages import records
from fullrank.pages.charts import bar_chart
from fullrank.pages.drawing import Chart, Series
from fullrank.serving.cold import Trained
from fullrank.serving.scorers import Scorer

LEVEL = 0.01
"""P below which a model counts as better or worse than the popular list."""
MEANING = {
    "recall": "share of a user's held-out items that are in the list",
    "recall_capped": "the same, as a share of what the list can hold",
    "ndcg": "as recall, but hits near the top count more",
    "precision": "share of the list that was held out",
    "hit_rate": "share of users with at least one hit",
    "mrr": "one over the rank of the first hit",
    "map": "precision at each hit, averaged",
    "item_coverage": "share of all items that are in somebody's list",
    "gini": "how unevenly items are shown: 0 alike, 1 one item everywhere",
    "mean_popularity": "training users of a shown item, on average",
}
COMPARED = ("recall", "ndcg", "precision", "hit_rate")


@dataclass(frozen=True)
class Accuracy:
    """The figures of a model.

    Attributes:
        metrics: Means by name.
        intervals: Their intervals, where they have one.
        protocol: What they mean.
        popular: The same of the popular list, on ``sample`` users.
        published: Of the paper's protocol, on ``sample`` users.
        sample: How many users these are of; None where they are all.
        better: Whether the model finds more than the popular list: yes, no, or not certain.
        alike: Whether it finds as much as the popular list for each user, as that itself does.
    """

    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    protocol: dict[str, Any]
    popular: Evaluation
    published: Evaluation
    sample: int | None
    better: bool | None
    alike: bool = False

    @property
    def k(self) -> int:
        """The longest list that was measured."""
        return max(int(name.partition("@")[2]) for name in self.metrics)

    def value(self, name: str) -> float | None:
        """A metric of the longest list."""
        return self.metrics.get(f"{name}@{self.k}")


def accuracy_of(
    scorer: Scorer,
    trained: Trained,
    parts: Mapping[str, Interactions],
    users: NDArray[np.int64],
    known: Mapping[str, Any],
    k: Sequence[int],
    gain: NDArray[np.float64],
) -> Accuracy | None:
    """What is known of a model, and what is beside it.

    Args:
        scorer: The model's.
        trained: What training has seen.
        parts: With a test part, or there is no accuracy.
        users: Who is evaluated for what is beside it.
        known: The evaluation that the model keeps; made here if it is empty.
        k: Its `cutoffs`.
        gain: (U,) recall of each of these users at the last of them, less that of the popular list;
            NaN of who has nothing held out.
    """
    test = parts.get("test")
    if test is None or not len(users) or not test.user_degree[users].any():
        return None
    metrics = measured(known)
    of: dict[str, Any] = {
        "train": parts["train"],
        "validation": parts.get("validation"),
        "k": k,
        "users": users,
        "popularity": trained.popularity,
    }
    popular = evaluate(trained.scorer(len(trained.users)), test, **of)
    published = evaluate(scorer, test, protocol="published", **of)
    better, gain = None, gain[~np.isnan(gain)]
    if len(gain) > 1 and differs_for_users(gain, np.zeros_like(gain)) < LEVEL:
        better = bool(gain.mean() > 0)
    ends, protocol = records.mapping(known.get("intervals")), records.mapping(known.get("protocol"))
    if not metrics:
        made = evaluate(scorer, test, **of)
        metrics, ends, protocol = dict(made), dict(made.intervals), made.protocol
    intervals = {
        name: each for name in metrics if (each := records.interval(ends.get(name))) is not None
    }
    evaluated = records.number(protocol.get("users_evaluated"))
    sample = None if evaluated is None or len(popular.users) >= evaluated else len(popular.users)
    alike = bool(len(gain)) and not gain.any()
    return Accuracy(metrics, intervals, protocol, popular, published, sample, better, alike)


def cutoffs(known: Mapping[str, Any], n_items: int) -> list[int]:
    """Those of the evaluation that a model keeps, ascending, or of the one that is made."""
    there = sorted({int(name.partition("@")[2]) for name in measured(known)})
    there = [each for each in there or (10, 20) if 0 < each <= n_items]
    return there or [min(20, n_items)]


def measured(known: Mapping[str, Any]) -> dict[str, float]:
    """The means of the evaluation that a model keeps; none if it has none."""
    return {
        name: value
        for name, each in records.mapping(known.get("metrics")).items()
        if (value := records.number(each)) is not None and name.partition("@")[2].isdecimal()
    }


def kept_table(known: Mapping[str, Any]) -> tuple[list[str], list[list[str]]] | None:
    """Head and rows of the evaluation that a model keeps, where what it was made on is learned."""
    metrics, ends = measured(known), records.mapping(known.get("intervals"))
    rows = [
        [name, between(value, records.interval(ends.get(name))),
         MEANING.get(name.partition("@")[0], "")]
        for name, value in metrics.items()
    ]  # fmt: skip
    return (["metric", "mean", "what it is"], rows) if rows else None


def table(found: Accuracy) -> tuple[list[str], list[list[str]]]:
    """Head and rows: each metric at each cutoff, with the popular list at the longest."""
    cutoffs = sorted({int(name.partition("@")[2]) for name in found.metrics})
    names = list(dict.fromkeys(name.partition("@")[0] for name in found.metrics))
    head = ["metric", *(f"@{k}" for k in cutoffs), f"popular list @{found.k}", "what it is"]
    rows = []
    for name in names:
        row = [name]
        for k in cutoffs:
            value = found.metrics.get(f"{name}@{k}")
            ends = found.intervals.get(f"{name}@{k}")
            row.append("–" if value is None else between(value, ends))
        beside = found.popular.get(f"{name}@{found.k}")
        row += ["–" if beside is None else between(beside, None), MEANING.get(name, "")]
        rows.append(row)
    return head, rows


def published_table(found: Accuracy) -> tuple[list[str], list[list[str]]]:
    """Head and rows: the paper's metrics beside those of the same name here."""
    head = ["metric", "here", "as in the paper"]
    rows = [
        [
            name,
            "–" if name not in found.metrics else f"{found.metrics[name]:.4f}",
            between(value, found.published.intervals.get(name)),
        ]
        for name, value in found.published.items()
    ]
    return head, rows


def chart(found: Accuracy, method: str) -> Chart:
    """The metrics of users at the longest cutoff, beside those of the popular list."""
    names = [f"{name}@{found.k}" for name in COMPARED if f"{name}@{found.k}" in found.metrics]
    own = Series(
        method,
        [found.metrics[name] for name in names],
        "main",
        [found.intervals.get(name) for name in names],
    )
    beside = Series(
        "popular list",
        [found.popular.get(name) for name in names],
        "soft",
        [found.popular.intervals.get(name) for name in names],
    )
    return bar_chart(
        f"{method} beside the list of the most popular items",
        names,
        [own, beside],
        unit="value of the metric",
        first="metric",
        most=1.0 if not names else None,
        note="Lines on the bars are 95 % intervals over users.",
    )
