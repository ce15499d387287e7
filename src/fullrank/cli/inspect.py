"""``fullrank inspect``: how many of its dimensions an embedding table uses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fullrank.cli import options
from fullrank.cli.output import Output
from fullrank.errors import DataError

if TYPE_CHECKING:
    import polars as pl
    from torch import Tensor

    from fullrank.recommender import Recommender
    from fullrank.spectrum import Spectrum

NAME = "inspect"
EXPECTED = "a .npy, .safetensors or .parquet file, or a model folder"
BARS = "▁▂▃▄▅▆▇█"


def command(
    path: Annotated[Path, typer.Argument(metavar="FILE|DIR", help=EXPECTED + ".")],
    as_json: options.Json = False,
) -> None:
    """Diagnose an embedding table: its spectrum, its effective rank and what they mean."""
    output = Output(as_json)
    found = dict(_tables(path))
    reports = {}
    for name, tables in found.items():
        if len(found) > 1 and not is_tall(tables):
            shape = " x ".join(str(size) for size in tables[0].shape)
            output.note(f"{name} left out: {shape} is no table of embeddings")
            continue
        reports[name] = _report(f"{path}, {name}" if name else str(path), tables)
    if not reports:
        raise DataError(str(path), f"{len(found)} matrices", "one with as many rows as columns")
    document = {
        "path": str(path),
        "tables": [{"name": name, **each.to_dict()} for name, each in reports.items()],
    }

    def show() -> None:
        for name, spectrum in reports.items():
            _show(name or path.name, spectrum)

    output.result(document, show)


def tables_of(model: Recommender) -> dict[str, tuple[Tensor, Tensor]]:
    """The embeddings of users and items, not copies; of a blend those of each part by its method.

    Empty where there are none.
    """
    from fullrank.portfolio import Blend
    from fullrank.serving import AllPassScorer, DotScorer
    from fullrank.serving.blend_scorer import BlendScorer

    scorers = {"": model.scorer}
    if isinstance(model.scorer, BlendScorer) and isinstance(model.settings, Blend):
        names = [part["method"] for part in model.settings.parts]
        scorers = dict(zip(names, (part.scorer for part in model.scorer.parts), strict=True))
    return {
        name: (scorer.user_table, scorer.item_table)
        for name, scorer in scorers.items()
        if isinstance(scorer, DotScorer | AllPassScorer)
    }


def is_tall(tables: tuple[Tensor, ...]) -> bool:
    """Whether this is a table of embeddings, of more than one column, and not one of weights."""
    width = tables[0].shape[1]
    return 2 <= width <= sum(len(table) for table in tables)


def _report(where: str, tables: tuple[Tensor, ...]) -> Spectrum:
    from fullrank.spectrum import Spectrum

    try:
        return Spectrum.of(*tables)
    except ValueError as error:
        what, _, rest = str(error).partition(": ")
        found, _, expected = rest.removeprefix("found ").partition("; expected ")
        raise DataError(where + what.removeprefix("embedding table"), found, expected) from None


def _show(name: str, spectrum: Spectrum) -> None:
    typer.echo(f"{name}: {spectrum.shape[0]:,} rows x {spectrum.shape[1]} dimensions")
    typer.echo("  " + spectrum.verdict.replace(" (", "\n  ("))
    typer.echo(f"  90 % of the squared norm in {spectrum.dimensions_for_90_percent} directions")
    typer.echo(
        f"  mean squared cosine of two rows {spectrum.mean_squared_cosine:.4f} "
        f"(random: {1 / spectrum.shape[1]:.4f})"
    )
    typer.echo(f"  singular values, largest first: {_sparkline(spectrum)}")


def _sparkline(spectrum: Spectrum, width: int = 40) -> str:
    values = (spectrum.singular_values / spectrum.singular_values[0].clamp_min(1e-300)).tolist()
    count = min(width, len(values))
    picked = [values[round(slot * (len(values) - 1) / max(count - 1, 1))] for slot in range(count)]
    return "".join(BARS[min(int(value * len(BARS)), len(BARS) - 1)] for value in picked)


def _tables(path: Path) -> Iterator[tuple[str, tuple[Tensor, ...]]]:
    if path.is_dir():
        from fullrank.recommender import Recommender

        model = Recommender.load(path)
        of_parts = tables_of(model) or {"": model._tables()}  # which says that there are none
        for part, (users, items) in of_parts.items():
            start = f"{part}, " if part else ""
            yield f"{start}users", (users,)
            yield f"{start}items", (items,)
            yield f"{start}users and items", (users, items)
        return
    if not path.is_file():
        raise DataError(str(path), "no such file", EXPECTED)
    readers = {".npy": _npy, ".safetensors": _safetensors, ".parquet": _parquet}
    if path.suffix not in readers:
        raise DataError(str(path), f"a name that ends in {path.suffix!r}", EXPECTED)
    yield from readers[path.suffix](path)


def _npy(path: Path) -> Iterator[tuple[str, tuple[Tensor, ...]]]:
    import numpy as np

    with path.open("rb") as file:
        begin = file.read(len(np.lib.format.MAGIC_PREFIX))
    try:
        if begin != np.lib.format.MAGIC_PREFIX:
            raise ValueError
        # Mapped, so that a header which promises more than the file holds cannot fill the memory.
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # NumPy evaluates the header, which may raise anything
        reason = "pickled objects" if "object" in str(error).lower() else "a damaged file"
        raise DataError(str(path), reason, "a numeric array in .npy format") from None
    yield "", (_numeric(path, array),)


def _safetensors(path: Path) -> Iterator[tuple[str, tuple[Tensor, ...]]]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from fullrank.data.plain_names import plain_name

    try:
        with plain_name(path) as plain:
            tensors = load_file(plain)
    except (SafetensorError, OSError) as error:
        raise DataError(str(path), f"a damaged file ({error})", "a safetensors file") from None
    tables = {name: each for name, each in tensors.items() if each.ndim == 2}
    if not tables:
        shapes = ", ".join(f"{name} {tuple(each.shape)}" for name, each in tensors.items())
        raise DataError(str(path), shapes or "no tensors", "a tensor with two dimensions")
    for name, table in tables.items():
        yield name, (table,)


def _parquet(path: Path) -> Iterator[tuple[str, tuple[Tensor, ...]]]:
    import polars as pl

    from fullrank.data.panics import unprinted_panics
    from fullrank.data.plain_names import plain_name
    from fullrank.data.probe import check_survivable

    check_survivable(path, "Parquet")
    try:
        with unprinted_panics(), plain_name(path) as plain:
            frame = pl.read_parquet(plain, glob=False)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
        raise DataError(str(path), "a damaged file", "a Parquet file") from None
    kinds = frame.schema.items()
    lists = [name for name, kind in kinds if isinstance(kind, pl.List | pl.Array)]
    # Whole numbers beside floats are ids or counts; alone they may be a quantised table.
    numbers = [name for name, kind in kinds if kind.is_float()]
    numbers = numbers or [name for name, kind in kinds if kind.is_integer()]
    if len(lists) == 1:
        yield "", (_numeric(path, _unlisted(path, frame[lists[0]])),)
    elif numbers:
        yield "", (_numeric(path, frame.select(numbers).to_numpy()),)
    else:
        found = "the columns " + ", ".join(frame.columns)
        raise DataError(str(path), found, "columns of numbers, or one column of lists of them")


def _unlisted(path: Path, column: pl.Series) -> Any:
    """(rows, width): the numbers of a column of lists."""
    import polars as pl

    if isinstance(column.dtype, pl.Array):
        column = column.arr.to_list()
    widths = column.list.len().fill_null(0).to_numpy()
    if len(set(widths.tolist())) > 1:
        found = f"lists of {widths.min()} to {widths.max()} numbers in column {column.name}"
        raise DataError(str(path), found, "lists of one length")
    if not widths.any():
        found = f"no numbers in column {column.name}"
        raise DataError(str(path), found, "a list of numbers in every row")
    values = column.explode()
    if not values.dtype.is_numeric():
        return values.to_numpy()
    return values.cast(pl.Float64).to_numpy().reshape(len(column), -1)


def _numeric(path: Path, array: Any) -> Tensor:
    import numpy as np
    import torch

    if not np.issubdtype(array.dtype, np.number) or np.iscomplexobj(array):
        raise DataError(str(path), f"values of type {array.dtype}", "real numbers")
    if not np.issubdtype(array.dtype, np.floating) or array.dtype.itemsize > 8:
        array = array.astype(np.float64)
    return torch.from_numpy(np.ascontiguousarray(array.astype(array.dtype.newbyteorder("="))))
