"""``fullrank tune``: settings chosen on the validation part."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from shlex import join, quote
from typing import TYPE_CHECKING, Annotated

import typer

from fullrank.cli import options
from fullrank.cli.output import Output, say
from fullrank.cli.report import command_line
from fullrank.cli.tables import SplitOptions, expanded

if TYPE_CHECKING:
    from fullrank.studies.tune import Study

NAME = "tune"
HOLDOUT = 0.2


@expanded
def command(
    *,
    data: Annotated[str, typer.Argument(metavar="DATA", help=options.DATA)],
    method: Annotated[str, typer.Option(help="A method; see `fullrank methods`.")] = "directspec+",
    trials: Annotated[int, typer.Option(min=1, help="Trials in all, earlier ones counted.")] = 20,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="Folder for study, summary and plot: tune-METHOD."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the search and of the split.")] = 0,
    threads: Annotated[int | None, typer.Option(help="Threads to train with.")] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="Keep a setting fixed: key=value.")
    ] = None,
    validation: Annotated[float, typer.Option(help="Fraction of train to choose by.")] = 0.1,
    repeats: Annotated[
        int, typer.Option(min=1, help="Divisions into train and validation, for a mean value.")
    ] = 1,
    holdout: Annotated[
        float, typer.Option(help="Fraction to keep away from the search.")
    ] = HOLDOUT,
    table: SplitOptions,
    as_json: options.Json = False,
) -> None:
    """Search the settings of a method on validation data; the same command goes on."""
    output = Output(as_json)
    table.check(holdout)
    from fullrank.data.files import output as writable
    from fullrank.data.files import replacing
    from fullrank.data.locks import exclusive
    from fullrank.data.sources import shown
    from fullrank.pages.study import trials_of, write_study
    from fullrank.serving.model_files import REPORT
    from fullrank.studies.plots import study_plot
    from fullrank.studies.trials import AS_IT_COMES, worded
    from fullrank.studies.tune import open_study, optuna_or_error, tune

    optuna_or_error()
    folder = writable(out or f"tune-{method}")
    split = table.load(data, test=holdout, validation=validation, seed=seed)
    with exclusive(folder, "fullrank tune", folder=True, wait=math.inf, say=output.note):
        study = tune(
            split,
            method,
            trials,
            fixed=options.settings_of_pairs(setting or []),
            storage=folder / "study.db",
            seed=seed,
            threads=threads,
            repeats=repeats,
            log=output.note,
        )
        document = dataclasses.asdict(study)
        with replacing(folder / "summary.json") as part:
            part.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        opened = open_study(folder / "study.db")
        plotted = study_plot(opened, folder / "study.png")
        imports = "".join(f" --import {quote(each)}" for each in options.imported)
        # What validation was like is of no matter to a fit without it, which refuses to be asked.
        layout = dataclasses.replace(table, validation_like=SplitOptions.validation_like).flags()
        held = "" if holdout == HOLDOUT else f" --holdout {holdout}"
        following = (
            f"fullrank fit {quote(shown(data))} --method {method} {_flags(study, seed)}"
            f"{layout}{held}{imports} --validation 0 -o model"
        )
        write_study(
            study,
            trials_of(opened),
            folder / REPORT,
            command=command_line(),
            next_command=following,
        )

    def show() -> None:
        over = ""
        if study.repeats > 1:
            each = ", ".join(f"{value:.5f}" for value in study.values)
            over = f", the mean over {study.repeats} divisions ({each})"
        say(f"best of {study.trials} trials: validation ndcg@20 {study.value:.5f}{over}")
        found = ", ".join(f"{name}={worded(value)}" for name, value in study.settings.items())
        say(found or AS_IT_COMES)
        files = "summary, study, plot and" if plotted else "summary, study and"
        typer.echo(f"\n{files} a page, {REPORT}, in {folder}; next:\n  {following}")

    output.result({**document, "folder": str(folder)}, show)


def _flags(study: Study, seed: int) -> str:
    """Options of ``fullrank fit`` for what was found, and for the part that was kept away.

    ``fit`` divides by the seed that it trains with, so that this is the split's: by another one
    the part that it reports on would hold interactions that chose the settings.
    """
    unfit = {"epochs", "seed"}
    chosen = {name: value for name, value in study.settings.items() if name not in unfit}
    if study.epochs:
        chosen["epochs"] = study.epochs
    words = [
        word for name, value in chosen.items() for word in ("--set", f"{name}={json.dumps(value)}")
    ]
    return join([*words, *(["--seed", str(seed)] if seed else [])])
