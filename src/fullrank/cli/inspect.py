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
    from torch import Tensor

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
    reports = {}
    for name, tables in _tables(path):
        reports[name] = _report(f"{path}, {name}" if name else str(path), tables)
    document = {
        "path": str(path),
        "tables": [{"name": name, **each.to_dict()} for name, each in reports.items()],
    }

    def show() -> None:
        for name, spectrum in reports.items():
            _show(name or path.name, spectrum)

    output.result(document, show)


def _report(place: str, tables: tuple[Tensor, ...]) -> Spectrum:
    from fullrank.spectrum import Spectrum

    try:
        return Spectrum.of(*tables)
    except ValueError as error:
        what, _, rest = str(error).partition(": ")
        found, _, expected = rest.removeprefix("found ").partition("; expected ")
        raise DataError(place + what.removeprefix("embedding table"), found, expected) from None


def _show(name: str, spectrum: Spectrum) -> None:
    typer.echo(f"{name}: {spectrum.shape[0]:,} rows x {spectrum.shape[1]} dimensions")
    typer.echo(f"  {spectrum.verdict}")
    typer.echo(f"  90 % of the squared length in {spectrum.dimensions_for_90_percent} directions")
    typer.echo(
        f"  mean squared cosine of two rows {spectrum.mean_squared_cosine:.4f} "
        f"(random: {1 / spectrum.shape[1]:.4f})"
    )
    typer.echo(f"  singular values, largest first: {_sparkline(spectrum)}")


def _sparkline(spectrum: Spectrum, width: int = 40) -> str:
    values = (spectrum.singular_values / spectrum.singular_values[0].clamp_min(1e-300)).tolist()
    count = min(width, len(values))
    picked = [
        values[round(place * (len(values) - 1) / max(count - 1, 1))] for place in range(count)
    ]
    return "".join(BARS[min(int(value * len(BARS)), len(BARS) - 1)] for value in picked)


def _tables(path: Path) -> Iterator[tuple[str, tuple[Tensor, ...]]]:
    if path.is_dir():
        from fullrank.recommender import Recommender

        model = Recommender.load(path)
        users, items = model.user_embeddings, model.item_embeddings
        yield from (("users", (users,)), ("items", (items,)), ("users and items", (users, items)))
        return
    if not path.is_file():
        raise DataError(str(path), "no such file", EXPECTED)
    readers = {".npy": _npy, ".safetensors": _safetensors, ".parquet": _parquet}
    if path.suffix not in readers:
        raise DataError(str(path), f"a name that ends in {path.suffix!r}", EXPECTED)
    yield from readers[path.suffix](path)


def _npy(path: Path) -> Iterator[tuple[str, tuple[Tensor, ...]]]:
    import numpy as np

    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        reason = "pickled objects" if "pickle" in str(error) else "a damaged file"
        raise DataError(str(path), reason, "a numeric array in .npy format") from None
    yield "", (_numeric(path, array),)


def _safetensors(path: Path) -> Iterator[tuple[str, tuple[Tensor, ...]]]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise DataError(str(path), f"a damaged file ({error})", "a safetensors file") from None
    tables = {name: each for name, each in tensors.items() if each.ndim == 2}
    if not tables:
        shapes = ", ".join(f"{name} {tuple(each.shape)}" for name, each in tensors.items())
        raise DataError(str(path), shapes or "no tensors", "a tensor with two dimensions")
    for name, table in tables.items():
        yield name, (table,)


def _parquet(path: Path) -> Iterator[tuple[str, tuple[Tensor, ...]]]:
    import numpy as np
    import polars as pl

    try:
        frame = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError):
        raise DataError(str(path), "a damaged file", "a Parquet file") from None
    lists = [name for name, kind in frame.schema.items() if isinstance(kind, pl.List | pl.Array)]
    numbers = [name for name, kind in frame.schema.items() if kind.is_float()]
    if len(lists) == 1:
        rows = frame[lists[0]].to_list()
        widths = {len(row) if row is not None else 0 for row in rows}
        if len(widths) > 1:
            found = f"lists of {min(widths)} to {max(widths)} numbers in column {lists[0]}"
            raise DataError(str(path), found, "lists of one length")
        yield "", (_numeric(path, np.array(rows)),)
    elif numbers:
        yield "", (_numeric(path, frame.select(numbers).to_numpy()),)
    else:
        found = "the columns " + ", ".join(frame.columns)
        raise DataError(str(path), found, "float columns, or one column of lists of numbers")


def _numeric(path: Path, array: Any) -> Tensor:
    import numpy as np
    import torch

    if not np.issubdtype(array.dtype, np.number) or np.iscomplexobj(array):
        raise DataError(str(path), f"values of type {array.dtype}", "real numbers")
    if not np.issubdtype(array.dtype, np.floating) or array.dtype.itemsize > 8:
        array = array.astype(np.float64)
    return torch.from_numpy(np.ascontiguousarray(array.astype(array.dtype.newbyteorder("="))))
