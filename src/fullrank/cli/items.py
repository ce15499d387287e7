"""The option ``--items``: what is known of the items, said in a line where it does not fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fullrank.cli.output import Output

if TYPE_CHECKING:
    from fullrank.data import Split
    from fullrank.data.attributes import Described
    from fullrank.data.ids import Ids
    from fullrank.recommender import Recommender

Items = Annotated[
    Path | None,
    typer.Option(help="Table of items: id, title, categories, available, price, any column."),
]


def split_with_items(split: Split, path: Path | None, output: Output) -> Split:
    """The parts of a split with the attributes in a file, which travel with the model."""
    if path is None:
        return split
    from fullrank.data.attributes import described_parts

    described = _read(split.train.items, path, output)
    parts: dict[str, Any] = described_parts(split.parts, described.ids)
    return replace(split, **parts)


def model_with_items(model: Recommender, path: Path | None, output: Output) -> None:
    """The attributes in a file in the place of those that the model came with."""
    if path is not None:
        model.with_items(_read(model.items, path, output).table)


def _read(items: Ids, path: Path, output: Output) -> Described:
    from fullrank.data import read_items
    from fullrank.data.attributes import described

    found = described(items, read_items(path))
    counts = found.counts
    told = {
        "rows of unknown ids passed over": counts["unknown"],
        "rows of ids that were there before passed over": counts["repeated"],
        f"of {len(items):,} items without a row": counts["without"],
    }
    shown = "; ".join(f"{count:,} {what}" for what, count in told.items() if count)
    if shown:
        output.note(f"option --items, {path}, {counts['rows']:,} rows: {shown}")
    return found
