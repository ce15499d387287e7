"""``fullrank data``: the catalogue, and looking at and dividing tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fullrank.cli import options
from fullrank.cli.output import Output, show_table, shown, strict
from fullrank.cli.tables import SplitOptions, TableOptions, expanded
from fullrank.errors import DataError

if TYPE_CHECKING:
    from fullrank.data import Interactions, Split

app = typer.Typer(help="List, fetch, describe and split data sets.", no_args_is_help=True)

DOING = "fullrank data split"
_FILES = ("train.parquet", "validation.parquet", "test.parquet", "never.parquet", "split.json")
Data = Annotated[str, typer.Argument(metavar="DATA", help=options.DATA)]


@app.command("list")
def list_(as_json: options.Json = False) -> None:
    """List the data sets that are known by name."""
    output = Output(as_json)
    from fullrank.data import entries

    rows = entries()
    names = ("name", "users", "items", "interactions")

    def show() -> None:
        show_table(
            [*names, "here", "about"],
            [
                [*(row[name] for name in names), "yes" if row["here"] else "no", row["about"]]
                for row in rows
            ],
        )

    output.result({"data_sets": rows}, show)


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A data set of the catalogue.")],
    as_json: options.Json = False,
) -> None:
    """Download a data set into the cache if needed, and print the paths of its files."""
    output = Output(as_json)
    from fullrank.data import fetch as fetch_files

    files = [str(path) for path in fetch_files(name)]
    output.result(
        {"name": name, "files": files},
        lambda: typer.echo("\n".join(files) or f"{name} is generated: nothing to download"),
    )


@app.command()
@expanded
def describe(
    *,
    data: Data,
    table: TableOptions,
    as_json: options.Json = False,
) -> None:
    """Show sizes, density and fingerprints."""
    output = Output(as_json)
    columns = table.layout()
    from fullrank.data import load
    from fullrank.data.catalog import CATALOG
    from fullrank.data.loading import is_split
    from fullrank.data.sources import shown as shown_source

    whole = data not in CATALOG and not is_split(data)
    test: dict[str, Any] = {"test": 0} if whole else {}
    found = load(data, validation=0, columns=columns, **test)
    name = data if data in CATALOG else shown_source(data)
    if whole:
        summary: dict[str, Any] = found.train.summary()
        parts = {found.name: summary}
    else:
        summary = found.summary()
        parts = {each: part for each, part in summary.items() if each in ("train", "test")}

    def show() -> None:
        rows = [
            [field.replace("_", " "), *(_plain(part[field]) for part in parts.values())]
            for field in next(iter(parts.values()))
        ]
        show_table([name, *parts], rows)

    output.result({"name": name, **summary}, show)


@app.command()
@expanded
def split(
    *,
    data: Data,
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the parts.")],
    test: Annotated[float, typer.Option(help="Fraction to test on.")] = 0.2,
    validation: Annotated[float, typer.Option(help="Fraction of the rest to choose by.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Seed of the split.")] = 0,
    table: SplitOptions,
    as_json: options.Json = False,
) -> None:
    """Write train, validation and test parts as Parquet, with their fingerprints.

    A folder that holds the same split already is left as it is.
    """
    output = Output(as_json)
    from fullrank.data.files import output as writable

    out = writable(out)
    table.check(test, "--test")
    from fullrank.data.locks import exclusive, killed_in

    def load() -> tuple[Split, dict[str, Interactions]]:
        split = table.load(data, test=test, validation=validation, seed=seed)
        never = split.train.never
        return split, split.parts | ({} if never is None else {"never": never})

    def show() -> None:
        files = {name: out / f"{name}.parquet" for name in parts}
        rows = [[name, len(part), str(files[name])] for name, part in parts.items()]
        document = {**summary, "files": {name: str(path) for name, path in files.items()}}
        output.result(document, lambda: show_table(["part", "interactions", "file"], rows))

    try:
        _held_by(out, killed_in(out))  # before anything is made in a folder of somebody else's
    except DataError:
        if _whole(out) is None:
            raise
    with exclusive(out, DOING, folder=True) as before:  # clears what a stopped one left over
        there = _whole(out)
        with nullcontext() if there else _all_or_none(out, before):
            split, parts = load()
            summary = split.summary()
            if there is None:
                _write(parts, out, summary)
        if there not in (None, json.loads(json.dumps(strict(summary)))):
            raise DataError(str(out), "another split", "an empty folder or a free name")
    show()


def _write(parts: dict[str, Interactions], out: Path, summary: dict[str, Any]) -> None:
    from fullrank.data.files import replacing
    from fullrank.data.plain_names import plain_name

    for name, part in parts.items():
        with replacing(out / f"{name}.parquet") as file, plain_name(file) as plain:
            part.to_frame().write_parquet(plain)
    with replacing(out / "split.json") as file:
        text = json.dumps(strict(summary), indent=2)
        file.write_text(text + "\n", encoding="utf-8")


def _whole(folder: Path) -> dict[str, Any] | None:
    """What is known of the split that a folder holds, if it is whole and nothing else is there."""
    from fullrank.data.json_text import json_of
    from fullrank.data.locks import is_leftover
    from fullrank.data.split_folder import NEVER, PARTS

    try:
        known = json_of((folder / "split.json").read_text(encoding="utf-8"))
        there = {path.name for path in folder.iterdir() if not is_leftover(path.name)}
        parts = {f"{name}.parquet" for name in (*PARTS, NEVER) if name in known}
    except (OSError, ValueError, TypeError):
        return None
    return known if there == parts | {"split.json"} and "train" in known else None


@contextmanager
def _all_or_none(folder: Path, before: str) -> Iterator[None]:
    """Empties a folder that was empty, if what was to be written into it was not.

    The parts of a split that was killed half-way make room for those of this one.

    Args:
        folder: One that this process has locked.
        before: What was killed in it, if anything was.

    Raises:
        DataError: there is something else in the folder.
    """
    for path in _held_by(folder, before):
        path.unlink()
    try:
        yield
    except BaseException:
        for path in _held_by(folder, DOING):
            path.unlink()
        raise


def _held_by(folder: Path, before: str) -> list[Path]:
    """The files of a split that was begun in the folder and not ended.

    Args:
        folder: Where the split goes.
        before: What was killed there, if anything was.

    Raises:
        DataError: there is something else in the folder.
    """
    from fullrank.data.locks import is_leftover

    if folder.exists() and not folder.is_dir():
        raise DataError(str(folder), "a file", "an empty folder or a free name")
    there = folder.iterdir() if folder.exists() else ()
    held = [path for path in there if not is_leftover(path.name)]
    if held and (before != DOING or any(path.name not in _FILES for path in held)):
        raise DataError(str(folder), "something there already", "an empty folder or a free name")
    return held


def _plain(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else shown(value)
