"""What a choice is worth: results/distinct.json, adam.json, defaults.json and fidelity.json."""

from __future__ import annotations

from itertools import groupby
from statistics import mean
from typing import Any

from tables.markdown import NONE, code, digits, load, metric, rank, table

WAYS = ("each occurrence", "distinct")
SHOWN = ("tau", "alpha", "lr", "shrink")
"""Settings that a line names."""


def distinct() -> str:
    """DirectSpec+ with repeated rows of a batch taken as they are, and once."""
    body = []
    for data, rows in load("distinct").items():
        if data == "cost":
            continue
        by_settings = sorted(rows, key=_settings)
        for settings, group in groupby(by_settings, key=_settings):
            runs = list(group)
            line = [data, settings, str(len(runs))]
            for figure, shown in (("validation_ndcg@20", metric), ("effective_rank", rank)):
                line += [shown(mean(run[way][figure] for run in runs)) for way in WAYS]
            body.append(line)
    columns = ["data", "settings", "seeds", "nDCG@20", "`distinct`", "effective rank", "`distinct`"]
    return table(columns, body, text=(0, 1))


def _settings(row: dict[str, Any]) -> str:
    values = {"tau": 3.0, "lr": 10.0} | row["settings"]
    return ", ".join(f"{name} {values[name]:g}" for name in SHOWN if name in values)


def distinct_cost() -> str:
    """Seconds of an epoch, both ways in turn."""
    found = load("distinct")["cost"]
    before, after = (found[way]["least"] for way in WAYS)
    return (
        f"An epoch on CiteULike (published settings, one thread, in turn, the least of all) takes "
        f"{digits(before)} s, and {digits(after)} s with `distinct`: "
        f"{100 * (after / before - 1):+.0f} %."
    )


def adam() -> str:
    """DirectAU by the two kinds of Adam."""
    columns = ["γ", "`optimizer`", "nDCG@20", "best epoch", "effective rank"]
    body = (
        [
            f"{row['gamma']:g}",
            code(row["optimizer"]),
            metric(row["validation_ndcg@20"]),
            str(row["best_epoch"]),
            rank(row["effective_rank"]),
        ]
        for row in load("adam")["rows"]
    )
    return table(columns, body, text=(0, 1))


def defaults() -> str:
    """Every method as it comes, means over seeds; of a search, what it found."""
    columns = ["data", "method", "seeds", "validation nDCG@20", "nDCG@20", "Recall@20"]
    columns += ["effective rank", "fit, s", "of the last run, s", "found (first seed)"]
    body = []
    for data, methods in load("defaults").items():
        for method, by_seed in methods.items():
            runs = list(by_seed.values())
            if not runs:
                continue
            line = [data, code(method), str(len(runs))]
            figures = ("validation_ndcg@20", "ndcg@20", "recall@20")
            line += [metric(mean(run[figure] for run in runs)) for figure in figures]
            ranks = [run["effective_rank"] for run in runs if run["effective_rank"] is not None]
            line.append(rank(mean(ranks) if ranks else None))
            times = ("seconds", "seconds_of_the_winner")
            line += [digits(mean(run[time] for run in runs)) for time in times]
            chosen = runs[0]["chosen"] or {}
            found = ", ".join(f"{name} {value:g}" for name, value in chosen.items())
            body.append([*line, found or "–"])
    return table(columns, body, text=(0, 1, 9))


def found() -> str:
    """The published settings with something of what a fit comes with in their place."""
    columns = ["data", "`directspec+`, preset `published`, but", "validation nDCG@20"]
    columns += ["effective rank", "best epoch"]
    body = [
        [
            data,
            code(_changed(run["settings"])) if run["settings"] else NONE,
            metric(run["validation_ndcg@20"]),
            rank(run["effective_rank"]),
            str(run["best_epoch"]),
        ]
        for data, runs in load("found").items()
        for run in runs.values()
    ]
    return table(columns, body, text=(0, 1))


def item_power() -> str:
    """What a power of the items' lengths is worth, afterwards and found while training."""
    columns = ["data", "method", "validation nDCG@20", "best epoch", "best power afterwards"]
    columns += ["nDCG@20", "", "power found in training", "nDCG@20", "best epoch"]
    body = []
    for data, runs in load("item_power").items():
        for name, run in runs.items():
            curve, found = run["curve"], run.get("found", {})
            best = max(curve, key=curve.__getitem__)
            body.append(
                [
                    data,
                    name,
                    metric(curve["1"]),
                    str(run["best_epoch"]),
                    best,
                    metric(curve[best]),
                    f"{100 * (curve[best] / curve['1'] - 1):+.1f} %",
                    f"{found['item_power']:g}" if found else NONE,
                    metric(found["validation_ndcg@20"]) if found else NONE,
                    str(found["best_epoch"]) if found else NONE,
                ]
            )
    return table(columns, body, text=(0, 1))


def popularity() -> str:
    """What a power of the items' popularity is worth to closed forms."""
    columns = ["data", "method", "validation nDCG@20", "best power", "nDCG@20", ""]
    body = []
    for data, methods in load("popularity").items():
        for name, run in methods.items():
            curve = run["validation_ndcg@20"]
            best = max(curve, key=curve.__getitem__)
            gain = f"{100 * (curve[best] / curve['0'] - 1):+.1f} %"
            body.append([data, code(name), metric(curve["0"]), best, metric(curve[best]), gain])
    return table(columns, body, text=(0, 1))


def noise() -> str:
    """What the best of a search is worth to other users, by how sure a trial has to be better."""
    found = load("noise")
    sures = list(next(iter(next(iter(found.values())).values())))
    columns = ["data"] + [f"best, {sure}" for sure in sures]
    columns += [f"all methods, {sure}" for sure in sures[1:]]
    body = []
    for data, halves in found.items():
        best = [
            mean([run[sure]["methods"][run[sure]["won"]]["others"] for run in halves.values()])
            for sure in sures
        ]
        line = [data, *(metric(value) for value in best)]
        for sure in sures[1:]:
            ratios = [
                run[sure]["methods"][name]["others"] / alone["others"]
                for run in halves.values()
                for name, alone in run[sures[0]]["methods"].items()
            ]
            line.append(f"{100 * (mean(ratios) - 1):+.1f} %")
        body.append(line)
    return table(columns, body)


def spans() -> str:
    """Studies of directspec+ whose learning rate is a number, and a factor of the one by rule."""
    body = []
    for data, seeds in load("spans").items():
        for seed, ways in seeds.items():
            for way, study in ways.items():
                best = study["validation_ndcg@20"]
                values = [trial["validation_ndcg@20"] or 0.0 for trial in study["trials"]]
                found = study["settings"]
                body.append([
                    data, seed, way, metric(best), f"{found['lr']:.3g}", f"{found['shrink']:g}",
                    f"{sum(value < best / 4 for value in values)} of {len(values)}",
                ])  # fmt: skip
    columns = ["data", "seed", "learning rate", "best nDCG@20", "its rate", "its shrink"]
    return table([*columns, "below a quarter of it"], body, text=(0, 2))


def _changed(values: dict[str, Any]) -> str:
    return " ".join(f"{name}={_plain(value)}" for name, value in values.items())


def deviations() -> str:
    """Each deviation from a paper: our way beside theirs, on validation parts of ml-100k."""
    body = []
    for row in load("fidelity")["rows"]:
        here, there = mean(row["here"]), mean(row["there"])
        widest = max(max(row[way]) - min(row[way]) for way in ("here", "there"))
        theirs = " ".join(f"{name}={_plain(value)}" for name, value in row["theirs"].items())
        both = " ".join(f"{name}={_plain(value)}" for name, value in row["both"].items())
        line = [code(row["method"]), code(theirs), code(both) if both else NONE]
        change = f"{100 * (there / here - 1):+.1f} %"
        body.append([*line, metric(here), metric(there), change, metric(widest)])
    columns = ["method", "theirs", "both have", "here", "theirs", "change", "spread"]
    return table(columns, body, text=(0, 1, 2))


def _plain(value: Any) -> str:
    """A value as the command line takes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def regret() -> str:
    """How far `auto` is behind the best single method in the test part, with and without search."""
    columns = ["data", "seeds", "`auto` chose (first seed)", "nDCG@20", "95 % (first seed)"]
    columns += ["best by its defaults"]
    columns += ["nDCG@20", "behind", "best of the searched", "nDCG@20", "behind", "fit, s"]
    body = []
    for data, methods in load("defaults").items():
        runs = methods.get("auto", {})
        if not runs:
            continue
        mine = mean(run["ndcg@20"] for run in runs.values())
        alone = {
            name: mean(by_seed[seed]["ndcg@20"] for seed in runs)
            for name, by_seed in methods.items()
            if name != "auto" and runs.keys() <= by_seed.keys()
        }
        every = [run["searched"] for run in runs.values()]
        names = [name for name in every[0] if all(name in each for each in every)]
        searched = {name: mean(each[name]["ndcg@20"] for each in every) for name in names}
        first = next(iter(runs.values()))
        between = " to ".join(metric(each) for each in first["interval"])
        line = [data, str(len(runs)), _chosen(first), metric(mine), between]
        for figures in (alone, searched):
            best = max(figures, key=lambda name: figures[name])
            behind = 100 * (1 - mine / figures[best])
            line += [code(best), metric(figures[best]), f"{behind:+.1f} %"]
        body.append([*line, digits(mean(run["seconds"] for run in runs.values()))])
    return table(columns, body, text=(0, 2, 5, 8))


def _chosen(run: dict[str, Any]) -> str:
    parts = run["weights"] or {run["won"]: None}
    return " + ".join(
        code(name) if weight is None else f"{weight:.2f} {code(name)}"
        for name, weight in sorted(parts.items(), key=lambda part: -(part[1] or 0))
    )
