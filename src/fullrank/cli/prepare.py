"""``fullrank data prepare``: a store of a table that need not fit into memory."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from fullrank.cli import options
from fullrank.cli.output import Output, show_table
from fullrank.cli.progress import EVERY
from fullrank.cli.tables import TableOptions, expanded


@expanded
def command(
    *,
    data: Annotated[str, typer.Argument(metavar="DATA", help=options.DATA)],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the store.")],
    test: Annotated[float, typer.Option(help="Fraction to test on.")] = 0.2,
    validation: Annotated[float, typer.Option(help="Fraction of the rest to choose by.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Seed of the split.")] = 0,
    partitions: Annotated[
        int | None,
        typer.Option(help="Pieces to sort pairs in, by the size of DATA if absent; no result."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Processes that Ray starts (fullrank[scale]); none if absent."),
    ] = None,
    table: TableOptions,
    as_json: options.Json = False,
) -> None:
    """Number and divide a table of any size into a folder that `fit` takes as DATA.

    A folder that holds the same store already is left as it is.
    """
    output = Output(as_json)
    columns = table.layout()
    from fullrank.data.store import prepare

    with _hands(workers) as hands:
        made = prepare(
            data,
            out,
            columns=columns,
            test=test,
            validation=validation,
            seed=seed,
            partitions=partitions,
            progress=_Lines(output),
            **hands,
        )
    known = made.manifest
    document = {
        name: known[name] for name in ("rows", "pairs", "users", "items", "shares", "parts")
    }
    rows = [[name, each["pairs"], each["fingerprint"]] for name, each in known["parts"].items()]

    def show() -> None:
        typer.echo(f"{known['users']:,} users, {known['items']:,} items; {known['rows']:,} rows")
        show_table(["part", "interactions", "fingerprint"], rows)

    output.result({"store": str(made.folder), **document}, show)


@contextmanager
def _hands(workers: int | None) -> Iterator[dict[str, Any]]:
    """Who does the passes: this process, or tasks of Ray."""
    if workers is None:
        yield {}
        return
    from fullrank.scale.cluster import cluster
    from fullrank.scale.tasks import by_ray

    with cluster(workers) as ray:
        yield {"readers": workers, "each": by_ray(ray, workers)}


class _Lines:
    """A line now and then of how far a store is."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._said = time.monotonic()

    def __call__(self, what: str, done: int, of: int) -> None:
        if time.monotonic() - self._said >= EVERY:
            self._said = time.monotonic()
            self._output.note(f"{what}: {done:,}" + (f" of {of:,}" if of else ""))
