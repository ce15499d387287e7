"""How well the methods rank: results/table4.json, gowalla.json, public.json and tuning/."""

from __future__ import annotations

from statistics import mean, stdev
from typing import Any

from tables.markdown import NONE, RESULTS, code, digits, duration, load, metric, rank, table

SUMMARY = (
    "spectral",
    "ease",
    "allpass",
    "ials",
    "lightgcl",
    "directspec+",
    "directspec+, published",
    "bpr",
    "lightgcn",
    "popularity",
)
"""Methods of the README's table."""
PAPER = ("ndcg@10", "ndcg@20", "recall@10", "recall@20")
"""The order of the paper's figures in results/table4.json."""


def _paper(row: dict[str, Any], figure: str) -> float | None:
    return row["paper"][PAPER.index(figure)] if row["paper"] else None


def _by_ndcg(rows: dict[str, Any]) -> list[tuple[str, Any]]:
    """The best first, by the figure that does not depend on the paper's protocol."""
    return sorted(rows.items(), key=lambda row: -row[1]["standard"]["ndcg@20"])


def summary() -> str:
    """A part of Table IV, for the README."""
    rows = load("table4")
    columns = ["method", "nDCG@20", "Recall@20", "effective rank", "time of the fit"]
    return table(
        columns,
        (
            [
                code(label),
                metric(row["standard"]["ndcg@20"]),
                metric(row["standard"]["recall@20"]),
                rank(row["effective_rank"]),
                duration(row["seconds"]),
            ]
            for label, row in _by_ndcg({label: rows[label] for label in SUMMARY})
        ),
    )


def citeulike() -> str:
    """Table IV: every method beside the paper's figures.

    nDCG@20 is the same in both protocols.
    """
    columns = ["method", "nDCG@20", "paper", "Recall@20", "`published` nDCG@10", "paper"]
    columns += ["`published` Recall@20", "paper", "effective rank", "fit"]
    body = []
    for label, row in _by_ndcg(load("table4")):
        published, standard = row["published"], row["standard"]
        body.append(
            [
                code(label),
                metric(standard["ndcg@20"]),
                metric(_paper(row, "ndcg@20")),
                metric(standard["recall@20"]),
                metric(published["ndcg@10"]),
                metric(_paper(row, "ndcg@10")),
                metric(published["recall@20"]),
                metric(_paper(row, "recall@20")),
                rank(row["effective_rank"]),
                duration(row["seconds"]),
            ]
        )
    return table(columns, body)


def published() -> str:
    """The run with the published settings on CiteULike, in both protocols."""
    row = load("table4")["directspec+, published"]
    label = f"{row['epochs']} epochs, effective rank {rank(row['effective_rank'])}"
    paper = dict(zip(PAPER, row["paper"], strict=True))
    lines = {
        f"{label}; protocol `published`": row["published"],
        "the paper's Table IV": paper,
        "the same run; protocol `standard`": row["standard"],
    }
    columns = ["`directspec+`, preset `published`, CiteULike"]
    columns += ["nDCG@10", "nDCG@20", "Recall@10", "Recall@20"]
    return table(
        columns,
        ([name, *(metric(line[figure]) for figure in PAPER)] for name, line in lines.items()),
    )


def citeulike_shares() -> str:
    """The methods that are furthest below and above the paper's nDCG@10."""
    shares = {
        label: row["published"]["ndcg@10"] / paper
        for label, row in load("table4").items()
        if (paper := _paper(row, "ndcg@10"))
    }
    lowest, highest = min(shares, key=shares.__getitem__), max(shares, key=shares.__getitem__)
    return (
        f"Of the paper's nDCG@10 the {len(shares)} runs with a figure there have "
        f"{100 * shares[lowest]:.1f} % (`{lowest}`) to {100 * shares[highest]:.1f} % "
        f"(`{highest}`)."
    )


def tuning() -> str:
    """What the search on the validation part of CiteULike found for each method."""
    body = []
    for file in sorted((RESULTS / "tuning" / "citeulike").glob("*.json")):
        found = load(f"tuning/citeulike/{file.stem}")
        # The first trial leaves what the method finds, or comes with beyond the space, to it.
        named = (name for name in found["space"] if name in found["settings"])
        searched = (f"{name} {_value(found['settings'][name])}" for name in named)
        body.append(
            [
                code(file.stem),
                ", ".join(searched),
                metric(found["value"]),
                NONE if found["epochs"] is None else str(found["epochs"]),
                str(found["trials"]),
                duration(found["seconds"]),
            ]
        )
    return table(
        ["method", "found", "validation nDCG@20", "best epoch", "trials", "time"],
        body,
        text=(0, 1),
    )


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def gowalla() -> str:
    """Test figures on Gowalla beside those that others published on the same split."""
    ours = [
        [
            f"{code(label)}, fullrank",
            metric(run["test"]["recall@20"]),
            metric(run["test"]["ndcg@20"]),
            str(run["test"]["settings"]["epochs"]),
            duration(run["test"]["seconds"]),
        ]
        for label, run in load("gowalla").items()
    ]
    beside = [
        [f"{label}, public", metric(value["recall@20"]), metric(value.get("ndcg@20")), NONE, NONE]
        for label, value in _public().items()
    ]
    return table(["method", "Recall@20", "nDCG@20", "epochs", "time"], ours + beside)


def _public() -> dict[str, dict[str, float]]:
    names = {"lightgcn": "LightGCN", "ccl": "MF with CCL"}
    ours, others = load("gowalla"), load("public")["gowalla"]
    return {names[label]: run["test"]["public"] for label, run in ours.items()} | dict(others)


def gowalla_validation() -> str:
    """The curves on the validation part of Gowalla, and the settings they belong to."""
    key = "validation_ndcg@20"
    body = []
    for label, run in load("gowalla").items():
        curve = run["validation"][key]
        epochs = list(curve)
        middle = epochs[len(epochs) // 2 - 1]
        points = "; ".join(
            f"{metric(curve[epoch])} after {epoch}" for epoch in (epochs[0], middle, epochs[-1])
        )
        settings = ", ".join(
            f"{name} {_value(value)}" for name, value in run["validation"]["settings"].items()
        )
        body.append([code(label), points, settings, digits(run["validation"]["seconds"] / 60)])
    columns = ["method", "validation nDCG@20", "settings", "minutes"]
    return table(columns, body, text=(0, 1, 2))


def references() -> str:
    """Methods without epochs at published settings, beside the published figures."""
    body = []
    for label, row in load("references").items():
        method, data = label.split(":")
        ratio = row["ratio_recall@20"]
        body.append(
            [
                code(method),
                data,
                metric(row["recall@20"]),
                metric(row["published_recall@20"]),
                metric(row["ndcg@20"]),
                metric(row["published_ndcg@20"]),
                f"{100 * ratio:.1f} %" if ratio else NONE,
                row["source"],
                row["chosen"],
            ]
        )
    columns = ["method", "data", "Recall@20", "published", "nDCG@20", "published"]
    columns += ["ours / published Recall@20", "figure from", "settings"]
    return table(columns, body, text=(0, 1, 7, 8))


def by_seeds() -> str:
    """Methods of Table IV with several seeds: means and deviations."""
    body = []
    five, two = load("lab/table-4")["numbers"], load("lab/citeulike/table-4")["numbers"]
    for method, row in (two["citeulike"] | five["citeulike"]).items():
        if method == "tests":
            continue
        seeds = [float(each) for each in row["each_seed"]]
        spread = f"{metric(mean(seeds))} ± {metric(stdev(seeds))}"
        body.append([method, str(row["seeds"]), spread, rank(row["effective_rank"])])
    return table(["method", "seeds", "nDCG@10, published", "effective rank"], body, text=(0,))
