"""``fullrank reproduce``: the paper's tables and figures, made again, beside what it prints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fullrank.cli import options
from fullrank.cli.output import Output, show_table
from fullrank.errors import SettingError

NAME = "reproduce"


def command(
    *,
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="As figure-2; or all.")
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Data sets, with commas between; else the paper's own.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each line, seeds 0, 1, …")] = 1,
    quick: Annotated[
        bool, typer.Option("--quick", help="A first look, in minutes: few epochs, coarse grids.")
    ] = False,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads to train with.")] = None,
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for what is made.")] = Path(
        "reproduction"
    ),
    runs: Annotated[
        Path | None, typer.Option(help="Folder of trained runs, to be shared; OUT/runs if absent.")
    ] = None,
    only: Annotated[
        str | None, typer.Option(help="Rows of table-4 to keep, with commas between.")
    ] = None,
    redraw: Annotated[
        bool,
        typer.Option(
            "--redraw", help="Draw what OUT has of these IDs, or of all, anew, and train nothing."
        ),
    ] = False,
    most_epochs: Annotated[
        int | None, typer.Option(min=1, help="Stop each run there, to see that all works.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Redo tables and figures of the paper; the same command goes on where it stopped."""
    output = Output(as_json)
    from fullrank.lab.registry import EXPERIMENTS

    if redraw:
        from fullrank.data.files import expanded
        from fullrank.lab.report import redraw as draw_anew
        from fullrank.lab.reproduce import experiments_named

        idle = {"--data": data, "--seeds": seeds > 1, "--quick": quick, "--threads": threads,
                "--runs": runs, "--only": only, "--most-epochs": most_epochs}  # fmt: skip
        for option in (name for name, value in idle.items() if value):
            raise SettingError(
                "option --redraw", f"{option} beside it", "IDs and -o alone: nothing is trained"
            )
        chosen = [each.id for each in experiments_named(ids or ["all"])]
        stems = draw_anew(expanded(out), chosen)
        output.result({"drawn": stems}, lambda: typer.echo(_drew(len(stems), out)))
        return
    if not ids:
        listed = [
            {"id": each.id, "title": each.title, "data": list(each.on), "cost": each.cost}
            for each in EXPERIMENTS.values()
        ]
        rows = [[row["id"], row["title"], row["cost"]] for row in listed]
        output.result(
            {"experiments": listed}, lambda: show_table(["id", "shows", "whole, not quick"], rows)
        )
        return
    from fullrank.cli.progress import reporter
    from fullrank.lab.lineup import rows_named
    from fullrank.lab.reproduce import Asked, reproduce

    asked = Asked(_listed(data), seeds, quick, threads, rows_named(only or ""), most_epochs)
    try:
        made = reproduce(
            ids, out, asked, runs=runs, note=output.note, reporter=lambda: reporter(output)
        )
    except KeyboardInterrupt:
        output.note("stopped; what was trained is kept, and the same command goes on from it")
        raise
    document = {"folder": str(out), "made": made}
    output.result(document, lambda: typer.echo(_wrote(len(made), out)))


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(each.strip() for each in (text or "").split(",") if each.strip())


def _drew(pictures: int, folder: Path) -> str:
    return f"drew {pictures} picture{'s' * (pictures != 1)} in {folder}"


def _wrote(sections: int, folder: Path) -> str:
    return f"wrote {sections} section{'s' * (sections != 1)} to {folder / 'README.md'}"
