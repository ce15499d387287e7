"""``fullrank export``: a model's embeddings for other programs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fullrank.cli import options
from fullrank.cli.output import Output

if TYPE_CHECKING:
    from fullrank.exporting import Exported, Verified

NAME = "export"
TARGETS = "npz, safetensors, parquet, faiss, usearch, hnswlib, pgvector, qdrant or onnx."


def command(
    model_dir: options.ModelDir,
    to: Annotated[str, typer.Option("--to", help=TARGETS)],
    out: Annotated[Path, typer.Option("-o", "--out", help="A new folder, or an older export.")],
    pairs: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting of the export as key=value; repeatable."),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(help="Load it there too: postgresql://… for pgvector, http://… for qdrant."),
    ] = None,
    part: Annotated[int | None, typer.Option(help="Which part of a blend, from 1.")] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Also embeddings that are not the whole score.")
    ] = False,
    users: Annotated[
        int | None,
        typer.Option("--verify", min=1, help="Read it back and compare the lists of that many."),
    ] = None,
    k: options.K = 20,
    as_json: options.Json = False,
) -> None:
    """Write a model's embeddings for an index, a database or another program."""
    output = Output(as_json)
    from fullrank.exporting import ExportSettings, export, verify
    from fullrank.recommender import Recommender

    values = options.settings_of_pairs(pairs or [])
    if to == "onnx":
        values.setdefault("k", k)
    settings = ExportSettings(**values)
    model = Recommender.load(model_dir)
    said = export(model, to, out, settings=settings, database=database, part=part, partial=partial)
    for note in said.notes:
        output.note(note)
    checked = None if users is None else verify(model, out, users=users, k=k, database=database)
    document: dict[str, Any] = {"folder": str(out), **asdict(said)}
    document["verified"] = None if checked is None else asdict(checked)
    output.result(document, lambda: _show(out, said, checked))


def _show(out: Path, said: Exported, checked: Verified | None) -> None:
    loaded = "" if said.database is None else f", loaded into {said.database}"
    typer.echo(
        f"{said.items:,} items and {said.users:,} users of {said.method}, {said.dimensions} "
        f"dimensions, nearest by {said.metric}, as {said.target} in {out}{loaded}"
    )
    if checked is not None:
        typer.echo(
            f"recall@{checked.k} {checked.recall:.4f} against the model's lists of "
            f"{checked.users:,} users, {checked.queries_per_second:,.0f} queries per second"
        )
