"""How training went: curves over epochs, the trials of a search, the contest of ``auto``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fullrank.pages import records
from fullrank.pages.charts import bar_chart, line_chart
from fullrank.pages.drawing import Chart, Series
from fullrank.pages.scales import Number, shown

MOST_POINTS = 400
"""Epochs that a curve has; of more, these are taken evenly."""
METRIC = "validation_ndcg@20"
CURVES = (
    ("loss", "Training loss", "mean loss of a training step"),
    (METRIC, "Accuracy on the validation part", "ndcg@20"),
    ("effective_rank", "Effective rank of the embeddings", "directions in use"),
)


def curves(training: Mapping[str, Any]) -> list[Chart]:
    """A chart for each of what was recorded over the epochs, if anything was."""
    history = [
        each for each in records.mappings(training.get("history")) if _epoch(each) is not None
    ]
    history.sort(key=lambda each: float(each["epoch"]))
    best = records.number(training.get("best_epoch"))
    history = thinned(history, best)
    epochs = [float(each["epoch"]) for each in history]
    charts = []
    for name, title, unit in CURVES:
        values: list[Number] = [records.number(each.get(name)) for each in history]
        known = [(at, value) for at, value in zip(epochs, values, strict=True) if value is not None]
        if not known:
            continue
        mark = None if best is None or name == "loss" else (best, f"best, epoch {best:.0f}")
        charts.append(
            line_chart(
                title,
                [at for at, _ in known],
                [Series(unit, [value for _, value in known])],
                x_label="epoch",
                y_label=unit,
                mark=mark,
            )
        )
    return charts


def thinned(history: Sequence[dict[str, Any]], best: float | None) -> list[dict[str, Any]]:
    """At most about `MOST_POINTS` records: evenly, with the best and the last among them."""
    if len(history) <= MOST_POINTS:
        return list(history)
    step = -(-len(history) // MOST_POINTS)
    last = len(history) - 1
    return [
        each
        for at, each in enumerate(history)
        if at % step == 0 or at == last or each["epoch"] == best
    ]


def search_table(training: Mapping[str, Any]) -> tuple[list[str], list[list[str]], int] | None:
    """Head and rows of the trials of a method's own search, best first, and which was chosen."""
    trials = records.mappings(training.get("search"))
    if not trials:
        return None
    measured = ("epochs", METRIC, "effective_rank")
    every = dict.fromkeys(name for trial in trials for name in trial)  # later ones may try more
    names = [name for name in every if name not in measured]
    trials.sort(key=lambda trial: -(records.number(trial.get(METRIC)) or float("-inf")))
    head = [*names, "epochs", "validation ndcg@20", "effective rank"]
    rows = [
        [*(records.setting(trial.get(name)) for name in names)]
        + [shown(records.number(trial.get(name))) for name in measured]
        for trial in trials
    ]
    return [str(each) for each in head], rows, 0


def leaderboard(training: Mapping[str, Any]) -> dict[str, Any] | None:
    """The contest of ``auto``: a chart, a table and notes on what was left out."""
    auto = records.mapping(training.get("auto"))
    lines = records.mappings(auto.get("leaderboard"))
    valued = [line for line in lines if records.number(line.get(METRIC)) is not None]
    if not valued:
        return None
    names = [records.text(line.get("method"), 60) for line in valued]
    values = [records.number(line.get(METRIC)) for line in valued]
    ends = [records.interval(line.get("interval")) for line in valued]
    chart = bar_chart(
        "Methods on the validation part, best first",
        names,
        [Series("validation ndcg@20", values, "main", ends)],
        unit="validation ndcg@20",
        first="method",
        strong=0,
        note="Lines on the bars are 95 % intervals over users; the first was chosen.",
    )
    rows = [
        [
            name,
            shown(value),
            "–" if end is None else f"[{end[0]:.4f}, {end[1]:.4f}]",
            f"{records.number(line.get('seconds')) or 0:.1f}",
            records.setting(line.get("trials")),
            records.setting(line.get("settings")),
        ]
        for name, value, end, line in zip(names, values, ends, valued, strict=True)
    ]
    notes: dict[str, list[str]] = {}
    for line in lines:
        if line.get("note"):
            names_of_note = notes.setdefault(records.text(line["note"], 300), [])
            names_of_note.append(records.text(line.get("method"), 60))
    head = ["method", "validation ndcg@20", "95 %", "seconds", "trials", "settings"]
    return {"chart": chart, "head": head, "rows": rows, "notes": list(notes.items())}


def without_curves(training: Mapping[str, Any]) -> str:
    """Why there are none."""
    if records.mapping(training.get("engine")).get("name") == "closed form":
        return "This method is solved at once: it has no epochs, and so no curves."
    if "folded_in" in training:
        return "These users were folded into a model that was trained on others."
    return "No record of the epochs lies with this model, so there are no curves."


def _epoch(record: Mapping[str, Any]) -> float | None:
    return records.number(record.get("epoch"))
