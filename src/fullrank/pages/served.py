"""Who is served well: by length of history, by popularity of items; how lists share the items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullrank.pages.charts import bar_chart, histogram, line_chart
from fullrank.pages.drawing import Chart, Series
from fullrank.pages.lists import Group, Lists, by_history, by_popularity, lorenz
from fullrank.pages.people import names_of

EVERYBODY = 10
"""Items that are listed as those that most users get."""
RECALL_BINS = 20


@dataclass(frozen=True)
class Served:
    """What is on the page of it.

    Attributes:
        charts: Of recall, where something was held out.
        exposure: How the lists share the items out.
        coverage: Share of the trained items that stand in some list.
        shown: Items that do.
        trained: Items that could.
        everybody: Head and rows of the items in most lists.
        top_share: Share of the users who get the first of these.
        users: Whose lists were looked at.
        all_users: How many there are who were trained.
        length: Of the lists.
    """

    charts: list[Chart]
    exposure: Chart
    coverage: float
    shown: int
    trained: int
    everybody: tuple[list[str], list[list[str]]]
    top_share: float
    users: int
    all_users: int
    length: int


def served(found: Lists, popular: Lists, method: str, could: NDArray[np.bool_]) -> Served:
    """Of the lists of a model and those of the popular list.

    Args:
        found: The model's.
        popular: Those of the popular list, for the same users.
        method: The model's name.
        could: (n_items,) the items that the model may show: who was folded in has few of them.
    """
    charts = []
    if found.test is not None and found.n_test.any():
        name = f"recall@{found.k}"
        title = "By length of history: which users are served well"
        charts.append(
            _groups(by_history(found, popular), title, "users with {} items", method, name)
        )
        title = "By popularity: which held-out items are found"
        if by_items := by_popularity(found, popular):
            charts.append(_groups(by_items, title, "items of {} users", method, name))
        charts.append(_spread(found, name))
    times = found.times
    there, trained = int((times[could] > 0).sum()), int(could.sum())
    return Served(
        charts=charts,
        exposure=_exposure(times[could], found.train.item_degree[could]),
        coverage=there / max(trained, 1),
        shown=there,
        trained=trained,
        everybody=_everybody(found, times),
        top_share=float(times.max(initial=0) / max(len(found.users), 1)),
        users=len(found.users),
        all_users=int((found.train.user_degree > 0).sum()),
        length=found.k,
    )


def _groups(groups: list[Group], title: str, label: str, method: str, name: str) -> Chart:
    return bar_chart(
        title,
        [f"{label.format(each.label)} ({each.size:,})" for each in groups],
        [
            Series(method, [each.recall for each in groups], "main", [g.interval for g in groups]),
            Series("popular list", [each.popular for each in groups], "soft"),
        ],
        unit=name,
        first="group",
        note=f"{name}; in brackets, how many are in the group.",
    )


def _spread(found: Lists, name: str) -> Chart:
    values = found.recall[found.n_test > 0]
    edges = np.linspace(0, 1, RECALL_BINS + 1)
    shares = np.histogram(values, edges)[0] / len(values)
    none = float((values == 0).mean())
    return histogram(
        f"{100 * none:.0f} % of users find nothing that was held out",
        edges.tolist(),
        shares.tolist(),
        x_label=f"{name} of a user",
        y_label="share of users",
    )


def _exposure(times: Any, degree: Any) -> Chart:
    share, slots = lorenz(times)
    _, taken = lorenz(degree)
    top = 1 - float(np.interp(0.9, share, slots))
    filled = f"A tenth of the items fills {100 * top:.0f} % of the lists"
    return line_chart(
        filled if times.any() else "No item is in a list: these users have all of them",
        [100 * each for each in share],
        [
            Series("lists", [100 * each for each in slots], "main"),
            Series("histories", [100 * each for each in taken], "second"),
            Series("even", [100 * each for each in share], "even"),
        ],
        x_label="% of items, from the least shown",
        y_label="% of all places",
        zero=True,
        key=True,
        note="The lower the line, the more the lists are of a few items.",
    )


def _everybody(found: Lists, times: Any) -> tuple[list[str], list[list[str]]]:
    rows = np.argsort(-times, kind="stable")[:EVERYBODY]
    rows = rows[times[rows] > 0]
    people, all_users = max(len(found.users), 1), max(int((found.train.user_degree > 0).sum()), 1)
    head = ["item", "share of lists", "share of histories"]
    return head, [
        [
            name,
            f"{100 * times[row] / people:.1f} %",
            f"{100 * found.train.item_degree[row] / all_users:.1f} %",
        ]
        for row, name in zip(rows, names_of(found.train.items, rows), strict=True)
    ]
