"""What the parts of the all-pass filter are worth: results/allpass.json."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tables.markdown import NONE, code, duration, load, metric, rank, table

Row = dict[str, Any]
POWERS = (0.0, 0.5, 1.0)


def _groups() -> Iterator[tuple[str, str, int, list[Row]]]:
    """Data, exponent, users and rows of each sweep; figures of other users do not compare."""
    for data, parts in load("allpass").items():
        for exponent, rows in parts.get("curves", {}).items():
            for users in sorted({row["users"] for row in rows}):
                yield data, exponent, users, [row for row in rows if row["users"] == users]


def _best(rows: Iterable[Row]) -> Row | None:
    return max(rows, key=lambda row: row["ndcg@20"], default=None)


def _cell(row: Row | None) -> str:
    if row is None:
        return NONE
    return f"{metric(row['ndcg@20'])} ({row['k']}; {row['weight']:g})"


def ablation() -> str:
    """For each exponent the best rank and weight of each power, the hop alone and no hop."""
    columns = ["data", "e", "users", "hop alone", *(f"p = {p:g}" for p in POWERS), "without hop"]
    lines = []
    for data, exponent, users, rows in _groups():
        hop = _best(row for row in rows if not row["raw"])
        both = [row for row in rows if row["raw"] and row["hop"]]
        best = [_best(row for row in both if row["p"] == power) for power in POWERS]
        bare = _best(row for row in rows if not row["hop"])
        alone = metric(hop["ndcg@20"]) if hop else NONE
        without = f"{metric(bare['ndcg@20'])} ({bare['k']}; p {bare['p']:g})" if bare else NONE
        lines.append([data, exponent, f"{users:,}", alone, *map(_cell, best), without])
    return table(columns, lines)


def by_rank() -> str:
    """For each rank the best figure over powers and weights, where several ranks were measured."""
    lines = []
    for data, exponent, users, rows in _groups():
        both = [row for row in rows if row["raw"] and row["hop"]]
        ranks = sorted({row["k"] for row in both})
        if len(ranks) > 1:
            found = (_best(row for row in both if row["k"] == k) for k in ranks)
            shown = "; ".join(f"{each['k']}: {metric(each['ndcg@20'])}" for each in found if each)
            lines.append([data, exponent, f"{users:,}", shown])
    return table(["data", "e", "users", "rank: nDCG@20"], lines, text=(0, 3))


def runs() -> str:
    """Fits evaluated on all users of the validation part, and once on the test part."""
    lines = []
    for data, parts in load("allpass").items():
        for part in ("validation", "test"):
            for run in parts.get(part, []):
                found = run["allpass"]
                lines.append([
                    data, part, code(run["settings"] or "defaults"), f"{found['rank']:,}",
                    metric(run["ndcg@20"]), metric(run["recall@20"]),
                    rank(run["effective_rank"]), duration(run["seconds"]),
                ])  # fmt: skip
    columns = ["data", "part", "settings", "k", "nDCG@20", "Recall@20", "effective rank", "time"]
    return table(columns, lines, text=(0, 1, 2))


def below_directspec() -> str:
    """DirectSpec+ begun from the rows of allpass, and blended with it, on validation parts."""
    body = []
    for data, seeds in load("on_allpass").items():
        for way in next(iter(seeds.values())):
            runs = [each[way] for each in seeds.values()]
            values = [metric(run.get("ndcg@20")) for run in runs]
            gains = [f"{run['gain']:+.4f}" for run in runs if "gain" in run]
            body.append([data, way, ", ".join(values), ", ".join(gains) or NONE])
    heads = ["data", "what", "validation nDCG@20, each draw", "gain of the blend, held out"]
    return table(heads, body, text=(0, 1))
