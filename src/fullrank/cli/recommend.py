"""``fullrank recommend``: top-N lists for some users or for all."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fullrank.cli import options
from fullrank.cli.output import Output, show_frame
from fullrank.errors import SettingError

if TYPE_CHECKING:
    import polars as pl


NAME = "recommend"
BLOCK_USERS = 50_000
SUFFIXES = (".parquet", ".csv", ".jsonl")


def command(
    model_dir: options.ModelDir,
    user: Annotated[list[str] | None, typer.Option("--user", help="A user id; repeatable.")] = None,
    k: options.K = 10,
    everyone: Annotated[bool, typer.Option("--all", help="Lists for every user.")] = False,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="A .parquet, .csv or .jsonl file.")
    ] = None,
    allow: Annotated[Path | None, typer.Option(help="Only these items: one id a line.")] = None,
    deny: Annotated[Path | None, typer.Option(help="Not these items: one id a line.")] = None,
    include_seen: Annotated[
        bool, typer.Option("--include-seen", help="Also what a user already interacted with.")
    ] = False,
    fold_in: Annotated[
        Path | None,
        typer.Option(help="Interactions of new users, to embed them and recommend to them."),
    ] = None,
    user_column: options.UserColumn = options.DEFAULT_USER,
    item_column: options.ItemColumn = options.DEFAULT_ITEM,
    timestamp_format: options.TimestampFormat = None,
    file_format: options.Format = None,
    separator: options.Separator = None,
    no_header: options.NoHeader = False,
    column_names: options.ColumnNames = None,
    no_quotes: options.NoQuotes = False,
    as_json: options.Json = False,
) -> None:
    """Recommend items to users."""
    output = Output(as_json)
    if bool(user) == everyone and fold_in is None:
        raise SettingError("options", "both --user and --all, or neither", "one of them")
    if everyone and out is None:
        raise SettingError("option --all", "no -o", "a file for the lists, as -o recs.parquet")
    if out is not None and out.suffix not in SUFFIXES:
        raise SettingError(
            "option -o", repr(out.name), f"a name that ends in {', '.join(SUFFIXES)}"
        )
    columns = options.columns_of(
        user_column,
        item_column,
        timestamp_format=timestamp_format,
        named_format=file_format,
        separator=separator,
        no_header=no_header,
        names=column_names,
        no_quotes=no_quotes,
    )
    from fullrank.data.files import output as writable

    out = None if out is None else writable(out)
    allowed, denied = options.id_lines(allow), options.id_lines(deny)
    from fullrank.recommender import Recommender

    model = Recommender.load(model_dir)
    if fold_in is not None:
        from fullrank.data import read

        model = model.fold_in(read(fold_in, columns=columns))
    wanted = list(user) if user else model.users.values.to_list()

    def lists() -> Iterator[pl.DataFrame]:
        for start in range(0, len(wanted), BLOCK_USERS):
            yield model.recommend(
                wanted[start : start + BLOCK_USERS],
                k,
                exclude_seen=not include_seen,
                allow=allowed,
                deny=denied,
            )

    if out is not None:
        rows = _write(lists(), out, output.note)
        document = {"file": str(out), "users": len(wanted), "rows": rows}
        output.result(
            document, lambda: typer.echo(f"{rows:,} rows for {len(wanted):,} users in {out}")
        )
        return
    import polars as pl

    frame = pl.concat(list(lists()))
    document = {"model": str(model_dir), "recommendations": frame.to_dicts()}
    output.result(document, lambda: show_frame(frame))


def _write(lists: Iterator[pl.DataFrame], out: Path, say: Callable[[str], None]) -> int:
    """Writes block by block, so that memory does not grow with the number of users."""
    import polars as pl

    from fullrank.data.files import replacing
    from fullrank.data.locks import exclusive, part_folder

    rows = 0
    with (
        exclusive(out, "fullrank recommend", wait=math.inf, say=say),
        replacing(out) as part,
        part_folder(out) as folder,
    ):
        files = []
        for number, frame in enumerate(lists):
            files.append(folder / f"{number:06d}.parquet")
            frame.write_parquet(files[-1])
            rows += len(frame)
        blocks = pl.scan_parquet(files, glob=False)
        if out.suffix == ".parquet":
            blocks.sink_parquet(part)
        elif out.suffix == ".csv":
            blocks.sink_csv(part)
        else:
            blocks.sink_ndjson(part)
    return rows
