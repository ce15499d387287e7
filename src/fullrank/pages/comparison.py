"""The page of a comparison: who is best, by how much, and how certain that is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fullrank.pages import records
from fullrank.pages.charts import bar_chart, point_chart
from fullrank.pages.drawing import Chart, Series
from fullrank.pages.model import foot
from fullrank.pages.render import write_page
from fullrank.pages.scales import brief, shown
from fullrank.serving.model_files import versions
from fullrank.studies.comparison import Comparison
from fullrank.studies.tables import LEVEL, certain, note, searched

SECTIONS = {
    "board": "Leaderboard",
    "differences": "Differences",
    "cost": "Cost and embeddings",
    "made": "How it was made",
}


def write_comparison(done: Comparison, path: Path, *, command: str = "") -> None:
    """Writes the page of a comparison.

    Raises:
        DataError: the file cannot be written.
    """
    write_page(path, "comparison.html", values_of(done, command=command))


def main_metric(done: Comparison) -> str:
    """Ndcg at the longest cutoff, or what stands for it."""
    of_ndcg = [name for name in done.metrics if name.startswith("ndcg@")]
    return (of_ndcg or done.metrics)[-1]


def values_of(done: Comparison, *, command: str = "") -> dict[str, Any]:
    """What the template of the page is filled with."""
    name = main_metric(done)
    order = done.ranked(name)
    return {
        "kind": "Comparison of methods",
        "title": f"{len(order)} methods on {done.data}"
        if len(order) > 1
        else f"{order[0]} on {done.data}",
        "sections": list(SECTIONS.items()),
        "verdict": verdict(done, name),
        "caution": records.text(records.mapping(done.drawn.get("audit")).get("line")),
        "name": name,
        "chart": leaderboard(done, name),
        "table": table(done),
        "note": note(done),
        "searched": searched(done),
        "differences": differences(done, name),
        "cost": cost_charts(done, name),
        "errors": [(label, records.text(error)) for label, error in done.errors.items()],
        "made": made(done),
        "command": command,
        "foot": foot(None),
    }


def verdict(done: Comparison, name: str) -> str:
    """Who is best, and whether that is certain."""
    order = done.ranked(name)
    best = done.mean(order[0], name) or 0.0
    if len(order) == 1:
        return f"{order[0]} has {name} {best:.4f}."
    alike = [label for label in order if (done.mean(label, name) or 0.0) == best]
    if len(alike) > 1:
        others = "" if len(alike) == len(order) else ", above the others"
        return f"{', '.join(alike)} rank alike: {name} {best:.4f} each{others}."
    second = done.mean(order[1], name) or 0.0
    lead = f", {100 * (best / second - 1):.1f} % above {order[1]} ({second:.4f})" if second else ""
    start = f"{order[0]} ranks best: {name} {best:.4f}{lead}."
    if certain(done, name):
        return f"{start} It differs from every other method at p < {LEVEL}, over users and seeds."
    by_users = {label: each["users"] for label, each in done.marking(name).items()}
    near = [label for label, p in by_users.items() if p is None or p >= LEVEL]
    if near:
        return f"{start} Over users it does not differ for certain from {', '.join(near)}."
    few = "a single seed says nothing of chance in training" if len(done.seeds) < 2 else (
        "over the seeds the difference is not certain for each of them"
    )  # fmt: skip
    return f"{start} Over users it differs from every other at p < {LEVEL}; {few}."


def leaderboard(done: Comparison, name: str) -> Chart:
    """Bars of the main metric, best first."""
    order = done.ranked(name)
    return bar_chart(
        f"{name}, best first",
        order,
        [
            Series(
                name,
                [done.mean(label, name) for label in order],
                "main",
                [done.interval(label, name) for label in order],
            )
        ],
        unit=name,
        first="method",
        strong=0,
        note="Lines on the bars are 95 % intervals over users.",
    )


def table(done: Comparison) -> tuple[list[str], list[list[str]]]:
    """Every metric of every method, best first by the main one, with deviations over seeds."""
    rows, main = [], main_metric(done)
    cutoff = main.partition("@")[2]
    names = sorted(done.metrics, key=lambda name: (name != main, not name.endswith(f"@{cutoff}")))
    for label in done.ranked(main):
        row = [label]
        for name in names:
            mean, deviation = done.mean(label, name), done.deviation(label, name)
            spread = f" ± {deviation:.4f}" if len(done.seeds) > 1 and abs(mean or 0) < 10 else ""
            row.append(shown(mean) + (spread if mean is not None else ""))
        rows.append(row)
    return ["method", *names], rows


def differences(done: Comparison, name: str) -> dict[str, Any] | None:
    """How far the best is above each other one; None where there is no other."""
    order = done.ranked(name)
    if len(order) < 2:
        return None
    tests, tailed = done.tests(name), done.tests_one_tailed(name)
    found = {label: done.difference(order[0], label, name) for label in order[1:]}
    best = done.mean(order[0], name) or 0.0
    rows = []
    for label, (gain, ends) in found.items():
        between = "–" if ends is None else f"[{ends[0]:+.4f}, {ends[1]:+.4f}]"
        share = "–" if not best - gain else f"{100 * gain / (best - gain):+.1f} %"
        rows.append([label, f"{gain:+.4f}", between, share, p_shown(tests[label]["users"]),
                     p_shown(tests[label]["seeds"]), p_shown(tailed[label]["users"])])  # fmt: skip
    chart = bar_chart(
        f"How much {order[0]} is above each other method",
        list(found),
        [
            Series(
                f"difference in {name}",
                [max(gain, 0.0) for gain, _ in found.values()],
                "second",
                [ends for _, ends in found.values()],
            )
        ],
        unit=f"difference in {name}",
        first="method",
        note="Where the line on a bar reaches 0 the difference may be chance.",
    )
    head = ["method", "difference", "95 %", "relative", "p, users", "p, seeds", "p, one-tailed"]
    return {"chart": chart, "head": head, "rows": rows, "best": order[0]}


def p_shown(p: float | None) -> str:
    """A p-value.

    >>> p_shown(0.0314), p_shown(1e-9), p_shown(None)
    ('0.031', '< 0.001', '–')
    """
    if p is None:
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def cost_charts(done: Comparison, name: str) -> list[Chart]:
    """Seconds of a fit, and effective rank beside the main metric, where they are known."""
    order = done.ranked(name)
    timed = [label for label in order if done.mean(label, "seconds") is not None]
    charts = []
    if timed:
        charts.append(
            bar_chart(
                "Seconds of a fit",
                timed,
                [
                    Series(
                        "seconds",
                        [done.mean(label, "seconds") for label in timed],
                        "soft",
                        write=brief,
                    )
                ],
                unit="seconds",
                first="method",
            )
        )
    # One of popularity alone is 1, of a single column.
    embedded = [label for label in order if (done.mean(label, "effective_rank") or 0) > 1]
    if len(embedded) > 1:
        charts.append(
            point_chart(
                "Effective rank and accuracy",
                [done.mean(label, "effective_rank") or 0.0 for label in embedded],
                [done.mean(label, name) for label in embedded],
                x_label="effective rank of the embeddings",
                y_label=name,
                names=embedded,
                note="A higher rank is not by itself a better ranking.",
            )
        )
    return charts


def made(done: Comparison) -> list[tuple[str, list[tuple[str, str]]]]:
    """Data, seeds and versions."""
    data = [
        ("data", done.data),
        ("fingerprint of the split", done.fingerprint),
        ("protocol", done.protocol),
        ("seeds", ", ".join(map(str, done.seeds))),
        *records.listed(records.mapping(done.drawn.get("split"))),
    ]
    return [("Data", data), ("Versions", records.listed(versions()))]
