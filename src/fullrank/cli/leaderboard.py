"""The leaderboard of ``--method auto``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from fullrank.cli.choosing import rests_on, weights_read
from fullrank.cli.output import say, show_table


def show_leaderboard(training: Mapping[str, Any]) -> None:
    """A row for each method that was fitted, then a line for each that was not."""
    from fullrank.data.memory import shown as size
    from fullrank.evaluation.intervals import shown as between

    metric, auto = "validation_ndcg@20", training["auto"]
    typer.echo()
    if (said := weights_read(training)) is not None:
        say(said)
    say(rests_on(auto))
    lines = auto["leaderboard"]
    fitted = [line for line in lines if line[metric] is not None]
    rows = [
        [
            line["method"],
            between(line[metric], line["interval"]),
            f"{line['seconds']:.1f} s",
            size(line["memory"]) if line["memory"] else "-",
            line["trials"] or "-",
        ]
        for line in fitted
    ]
    show_table(["method", "validation ndcg@20", "time", "memory", "trials"], rows)
    for line in fitted:
        if line["settings"]:
            say(f"{line['method']}: {_settings(line['settings'])}")
    typer.echo()
    for line in lines:
        if line["note"]:
            say(f"{line['method']}: {line['note']}")


def _settings(values: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in values.items()
    )
