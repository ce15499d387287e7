"""Figure 9: how accuracy changes with τ₁, with the distance K and with τ₀.

About fifteen runs of DirectSpec+ on free rows: a quarter of an hour on citeulike, half an hour on
yelp-sparse.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from fullrank.lab.common import balanced, sweep_epochs
from fullrank.lab.groups import Group, Groups, deviation, mean
from fullrank.lab.scope import Scope
from fullrank.lab.spec import Experiment, Finding, Grid, Table
from fullrank.pictures import Line, Panel

TAU = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
DISTANCE = (1, 2, 3, 4)
BELOW = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0)
"""By how much τ₀ is below τ₁."""
NEAR = 0.5
"""By how much while K is varied, as in the published runs."""
ALIKE = 1e-3
"""The share of the best accuracy below which a difference is none."""
FIRST = (1.0, 3.0, 5.0)
"""The values of τ₁ of a quick look."""
PAPER = {"citeulike": {}, "yelp": {"τ₁": 4.0, "K": 2.0, "τ₀": 3.5}}


def grid(scope: Scope) -> Grid:
    """The same τ for all pairs."""
    return {f"τ₁ {tau:g}": balanced(scope, "directspec+", epochs=sweep_epochs(scope), tau=tau)
            for tau in (FIRST if scope.quick else TAU)}  # fmt: skip


def finals(scope: Scope, groups: Groups) -> Grid:
    """With the best τ₁: K varied, and then τ₀ at K = 2."""
    tau = _best_tau(groups)
    near = [(k, max(tau - NEAR, 0.1)) for k in (DISTANCE[1:3] if scope.quick else DISTANCE)]
    near += [(2, max(tau - less, 0.1)) for less in (BELOW[2:5:2] if scope.quick else BELOW[1:])]
    return {
        f"K {k}, τ₀ {low:g}": balanced(
            scope, "directspec+", epochs=sweep_epochs(scope),
            tau=tau, tau_near=low, tau_design="graph", graph_distance=k,
        )
        for k, low in dict.fromkeys(near)
    }  # fmt: skip


def _best_tau(groups: Groups) -> float:
    accuracy = {label: mean(group.best()) or 0.0 for label, group in groups.items()
                if label.startswith("τ₁")}  # fmt: skip
    return float(max(accuracy, key=accuracy.__getitem__).removeprefix("τ₁ "))


def compute(scope: Scope, groups: Groups) -> Finding:
    """The best validation nDCG@10 of each run."""
    tau = _best_tau(groups)
    by_tau = {float(label.removeprefix("τ₁ ")): group for label, group in groups.items()
              if label.startswith("τ₁")}  # fmt: skip
    same = groups[f"τ₁ {tau:g}"]
    by_distance, by_near = {0.0: same}, {tau: same}
    for label, group in groups.items():
        if label.startswith("K "):
            k, low = (float(part.split()[1]) for part in label.split(", "))
            if abs(low - max(tau - NEAR, 0.1)) < 1e-9:
                by_distance[k] = group
            if k == 2:
                by_near[low] = group
    swept = {"τ₁": by_tau, "K": by_distance, "τ₀": dict(sorted(by_near.items()))}
    printed = PAPER.get("yelp" if scope.name.startswith("yelp") else scope.name, {})
    best = {name: _argmax(found) for name, found in swept.items()}
    every = [mean(group.best()) or 0.0 for group in groups.values() if group.best()]
    room = 0.06 * max(every)  # one range for all three: a step of one is then a step of another
    limits = min(every) - room, max(every) + room
    panels = [_panel(name, found, printed.get(name), limits) for name, found in swept.items()]
    tables = [
        Table((name, *(f"{value:g}" for value in found)),
              [["best nDCG@10", *(mean(group.best()) for group in found.values())],
               ["effective rank there", *(f"{np.mean(_rank(group)):.1f}"
                                          for group in found.values())]])
        for name, found in swept.items()
    ]  # fmt: skip
    beside = ", ".join(f"{name} = {value:g}" for name, value in printed.items())
    return Finding(
        f"Accuracy is best at {_best_values('τ₁', by_tau)}, at "
        + ("one τ for all pairs" if _alike(by_distance) == [0] else _best_values("K", by_distance))
        + f" and at {_best_values('τ₀', swept['τ₀'])}"
        + (f" (paper: {beside})" if beside else ""),
        tables,
        panels,
        {"best": best,
         "ndcg@10": {name: {f"{value:g}": mean(group.best()) for value, group in found.items()}
                     for name, found in swept.items()}},
        remarks=("K = 0 is one τ for all pairs. K is varied at τ₀ = τ₁ − 0.5, τ₀ at K = 2.",
                 ("Rows of one side are an even number of edges apart: K = 3 is K = 2 again, and "
                  "at K = 1 no two of them are near, only each row and itself."),
                 "Each value is of a run's best epoch on the validation part."),
    )  # fmt: skip


def _rank(group: Group) -> Sequence[float]:
    return group.record_at_best("effective_rank") or [float("nan")]


def _argmax(found: Mapping[float, Group]) -> float:
    return max(found, key=lambda value: mean(found[value].best()) or 0.0)


def _alike(found: Mapping[float, Group]) -> list[float]:
    """The values that are as accurate as the best."""
    accuracy = {value: mean(group.best()) or 0.0 for value, group in found.items()}
    least = (1 - ALIKE) * max(accuracy.values())
    return [value for value, figure in accuracy.items() if figure >= least]


def _best_values(name: str, found: Mapping[float, Group]) -> str:
    """As in "K = 0, 2 or 3"."""
    *others, last = (f"{value:g}" for value in _alike(found))
    return f"{name} = " + (f"{', '.join(others)} or {last}" if others else last)


TITLES = {"τ₁": "one τ for all pairs", "K": "distance of near pairs", "τ₀": "τ of near pairs"}


def _panel(
    name: str, found: Mapping[float, Group], printed: float | None, limits: tuple[float, float]
) -> Panel:
    values = list(found)
    line = Line(
        "DirectSpec+",
        values,
        [mean(group.best()) for group in found.values()],
        [deviation(group.best()) for group in found.values()],
        "subject",
        marks=True,
    )
    return Panel(TITLES[name], name, "best validation nDCG@10", [line], x_ticks=values,
                 y_limits=limits,
                 upright=[(printed, "paper's best")] if printed is not None else ())  # fmt: skip


EXPERIMENT = Experiment(
    id="figure-9",
    title="how accuracy changes with τ₁, K and τ₀",
    claim="accuracy is best at τ₁ = 4 on Yelp, where pairs at distance K = 2 have a slightly lower "
    "τ₀ = 3.5; farther pairs and lower τ₀ make it worse",
    source="Figure 9, section V-C2",
    cost="half an hour on yelp-sparse",
    compute=compute,
    grid=grid,
    finals=finals,
    on=("yelp",),
    paper=PAPER,
)
