"""``fullrank compare``: methods side by side, with what is certain about them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fullrank.cli import options
from fullrank.cli.output import Output, say, show_table
from fullrank.cli.report import command_line
from fullrank.cli.tables import SplitOptions, expanded

if TYPE_CHECKING:
    from fullrank.studies.comparison import Comparison

NAME = "compare"
SHOWN = ("ndcg@10", "ndcg@20", "recall@10", "recall@20")


@expanded
def command(
    *,
    data: Annotated[str, typer.Argument(metavar="DATA", help=options.DATA)],
    methods: Annotated[
        str, typer.Option(help="Names with commas between, or all; name@lightgcn for an encoder.")
    ] = "popularity,itemknn,bpr,directspec+",
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each method, seeds 0, 1, …")] = 3,
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for runs and tables.")] = Path(
        "comparison"
    ),
    preset: Annotated[
        str | None, typer.Option(help="Where a method has it for the data: tuned, published.")
    ] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="For each method that has it: key=value.")
    ] = None,
    threads: Annotated[int | None, typer.Option(help="Threads to train with.")] = None,
    holdout: Annotated[float, typer.Option(help="Fraction to hold out and report on.")] = 0.2,
    validation: Annotated[float, typer.Option(help="Fraction of train to choose epochs by.")] = 0.1,
    protocol: Annotated[str, typer.Option(help="standard or published.")] = "standard",
    one_tailed: Annotated[
        bool, typer.Option("--one-tailed", help="Mark the best by the paper's one-tailed tests.")
    ] = False,
    table: SplitOptions,
    as_json: options.Json = False,
) -> None:
    """Fit and evaluate methods with several seeds; the same command goes on where it stopped."""
    output = Output(as_json)
    table.check(holdout)
    from fullrank.data.files import output as writable
    from fullrank.data.files import replacing
    from fullrank.data.locks import exclusive
    from fullrank.methods import METHODS, add_plugins
    from fullrank.pages.comparison import write_comparison
    from fullrank.serving.model_files import REPORT
    from fullrank.studies.compare import compare, entries_of
    from fullrank.studies.tables import as_latex, as_markdown

    out = writable(out)
    if methods == "all":
        add_plugins()
    names = list(METHODS) if methods == "all" else [each.strip() for each in methods.split(",")]
    entries = entries_of(names, data, options.settings_of_pairs(setting or []), preset)
    if preset is not None:
        having = ", ".join(entry.label for entry in entries if entry.preset)
        output.note(f"preset {preset} for {having}; any other has its defaults")
    split = table.load(data, test=holdout, validation=validation, seed=0)
    # Another comparison that has the folder makes runs that this one then need not make.
    with exclusive(out, "fullrank compare", folder=True, wait=math.inf, say=output.note):
        done = compare(
            split,
            entries,
            range(seeds),
            out,
            k=options.usual_cutoffs(split.train.n_items),
            protocol=protocol,
            threads=threads,
            one_tailed=one_tailed,
            log=output.note,
        )
        document = done.to_dict()
        shown = [name for name in SHOWN if name in done.metrics] or done.metrics[:4]
        files = {
            "comparison.json": json.dumps(document, indent=1) + "\n",
            "comparison.md": as_markdown(done, shown),
            "comparison.tex": as_latex(done, shown),
        }
        for name, text in files.items():
            with replacing(out / name) as part:
                part.write_text(text, encoding="utf-8")
        write_comparison(done, out / REPORT, command=command_line())
    output.result({**document, "folder": str(out)}, lambda: _show(done, shown, out))


def _show(done: Comparison, shown: list[str], out: Path) -> None:
    from fullrank.studies.tables import note, plain_rows, searched

    typer.echo(f"{done.data}, protocol {done.protocol}, {len(done.seeds)} seeds")
    show_table(["method", *shown, "erank", "s/epoch"], plain_rows(done, shown))
    say(note(done))
    if (said := searched(done)) is not None:
        say(said)
    say(done.drawn["audit"]["line"])
    for label, error in done.errors.items():
        typer.echo(f"{label}: {error}")
    typer.echo(f"\nJSON, Markdown, LaTeX and a page, report.html, in {out}")
