"""``fullrank refit``: a model once more, on all its interactions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fullrank.cli import options
from fullrank.cli.claims import claimed
from fullrank.cli.output import Output
from fullrank.cli.progress import reporter
from fullrank.cli.report import NoReport, add_report, command_line, prepare

NAME = "refit"


def command(
    model_dir: options.ModelDir,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="Folder for the new model.", show_default="DIR itself"),
    ] = None,
    device: Annotated[
        str, typer.Option(help="Trains on: auto (a GPU where quicker), cpu or cuda.")
    ] = "auto",
    no_report: NoReport = False,
    as_json: options.Json = False,
) -> None:
    """Fit a model once more as it was fitted, on its held-out interactions, too."""
    output = Output(as_json)
    from fullrank.recommender import Recommender

    model = Recommender.load(model_dir, device=device)
    if not no_report:
        prepare()
    with claimed(model_dir if out is None else out) as folder:
        model.refit(reporter=reporter(output))
        model.training |= {"command": command_line()}
        model.save(folder)
        report = None if no_report else add_report(model, folder, output)
    said = model.training["final"]
    document = {"model": str(folder), "method": model.method, "final": said, "report": report}
    count = f"{said['interactions']:,} interactions"
    output.result(document, lambda: typer.echo(f"{model.method} on all {count}, in {folder}"))
