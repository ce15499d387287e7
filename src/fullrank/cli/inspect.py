"""``fullrank inspect``: how many of its dimensions an embedding table uses, why, and what helps."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fullrank.cli import inspect_text as text
from fullrank.cli import options
from fullrank.cli.output import Output
from fullrank.cli.report import command_line, page_named
from fullrank.cli.tables import TableOptions, expanded
from fullrank.errors import DataError, SettingError

if TYPE_CHECKING:
    from torch import Tensor

    from fullrank.diagnosis import Diagnosis, Table
    from fullrank.diagnosis.harm import Harm
    from fullrank.diagnosis.matching import Known

NAME = "inspect"


@expanded
def command(
    *,
    path: Annotated[Path, typer.Argument(metavar="FILE|DIR", help="Embeddings, or a model.")],
    data: Annotated[
        str | None,
        typer.Option(
            help="Interactions: of the rows of a file, or to make lists of a model for. A "
            "catalogue name or a path."
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Print every figure, with causes, harm and remedies.")
    ] = False,
    fail_below: Annotated[
        float | None,
        typer.Option(
            help="Exit code 1 if a table uses less than this share of its dimensions.",
            metavar="SHARE",
        ),
    ] = None,
    picture: Annotated[
        Path | None, typer.Option("-o", help="Draw the spectrum to a .png file.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", help="Write all of it to an .html page.")
    ] = None,
    table: TableOptions,
    as_json: options.Json = False,
) -> None:
    """Diagnose an embedding table: how many dimensions it uses, why, and what would help."""
    run(path, data, table, everything, fail_below, picture, as_json, report)


def run(
    path: Path,
    data: str | None = None,
    table: TableOptions | None = None,
    everything: bool = False,
    fail_below: float | None = None,
    picture: Path | None = None,
    as_json: bool = False,
    report: Path | None = None,
) -> None:
    """What the command does."""
    output = Output(as_json)
    _check(fail_below, picture)
    page = None if report is None else page_named(report)
    columns = (table or TableOptions()).layout()
    subject = _model(path, data, columns) if path.is_dir() else _file(path, data, columns, output)
    found = _diagnosed(path, subject, output)
    harm = None
    if subject.both is not None and subject.known and (everything or as_json or data or page):
        from fullrank.diagnosis.harm import harm as measured

        harm = measured(*subject.both, subject.known)
    angle = _angle(found)
    document: dict[str, Any] = {
        "path": str(path),
        "tables": [each.to_dict() for each in found],
        "angle_of_leading_directions": angle,
        "harm": None if harm is None else harm.to_dict(),
    }
    if picture is not None:
        from fullrank.diagnosis.picture import draw
        from fullrank.diagnosis.report import foremost

        document["picture"] = str(picture) if draw(foremost(found), picture) else None
        if document["picture"] is None:
            output.note("no picture without matplotlib: pip install 'fullrank[plot]'")
    if page is not None:
        from fullrank.pages.diagnosis import write_diagnosis

        document["report"] = str(page)
        write_diagnosis(path.name, found, page, angle=angle, harm=harm, command=command_line())
    output.result(document, lambda: _show(path, found, angle, harm, everything))
    _fail_below(fail_below, path, found)


@dataclass(frozen=True)
class _Subject:
    """What is diagnosed.

    Attributes:
        groups: Name and tables, stacked, with the interactions of each row if known.
        known: The interactions, if any.
        both: The user and the item table that lists can be made of, rows as ``known`` has them.
        balanced: Whether they were trained with a balancer.
    """

    groups: list[tuple[str, list[Table], Any]] = field(default_factory=list)
    known: Known | None = None
    both: tuple[Tensor, Tensor] | None = None
    balanced: bool = False


def _check(fail_below: float | None, picture: Path | None) -> None:
    if fail_below is not None and not 0 < fail_below <= 1:
        raise SettingError("option --fail-below", str(fail_below), "a share above 0 and at most 1")
    if picture is not None and picture.suffix != ".png":
        raise SettingError("option -o", repr(str(picture)), "a name that ends in .png")


def _model(path: Path, data: str | None, columns: Any) -> _Subject:
    import numpy as np

    from fullrank.diagnosis import Table
    from fullrank.diagnosis.embedded import tables_of
    from fullrank.diagnosis.matching import Known
    from fullrank.recommender import Recommender

    model = Recommender.load(path)
    of_parts = tables_of(model) or {"": model._tables()}  # which says that there are none
    known = Known(model.train, model._parts.get("validation"), "validation", (model.train,))
    if data is not None:
        known = known.finding(data, columns)
    counts = model.train.user_degree, np.asarray(model._trained.popularity)
    groups: list[tuple[str, list[Table], Any]] = []
    for part_of, pair in of_parts.items():
        start = f"{part_of}, " if part_of else ""
        pair_counts = zip(("users", "items"), pair, counts, strict=True)
        sides = [(Table.of(each.cpu(), name), own) for name, each, own in pair_counts]
        groups += [(start + each.name, [each], own) for each, own in sides]
        groups.append((f"{start}users and items", [s[0] for s in sides], np.concatenate(counts)))
    users, items = next(iter(of_parts.values()))
    return _Subject(
        groups=groups,
        known=known,
        both=(users.cpu(), items.cpu()) if len(of_parts) == 1 and "" in of_parts else None,
        balanced=model.method.startswith("directspec"),
    )


def _file(path: Path, data: str | None, columns: Any, output: Output) -> _Subject:
    from fullrank.diagnosis.formats import read_tables

    found = read_tables(path)
    tables = [each for each in found if len(found) == 1 or _is_tall(each, output)]
    if not tables:
        many = f"{len(found)} matrices"
        raise DataError(str(path), many, "one with as many rows as columns")
    if data is None:
        return _Subject([(each.name, [each], None) for each in tables])
    import numpy as np

    from fullrank.diagnosis.matching import belongs, counts_of, known_of, pair_of, side_of

    known = known_of(data, columns)
    other = [each for each in tables if not belongs(each, known)]
    if len(other) < len(tables):  # else the first says what is wrong
        for each in other:
            output.note(f"{each.name} left out: {each.rows} rows are no users or items of the data")
        tables = [each for each in tables if each not in other]
    named = [f"{path}, {each.name}" if each.name else str(path) for each in tables]
    at = [side_of(where, each, known) for where, each in zip(named, tables, strict=True)]
    counts = [counts_of(each, side, known) for each, side in zip(tables, at, strict=True)]
    groups = [(each.name, [each], own) for each, own in zip(tables, counts, strict=True)]
    both = pair_of(tables, at, known)
    if both is not None and len(tables) > 1:
        groups.append(("users and items", tables, np.concatenate(counts)))
    return _Subject(groups, known, both)


def _is_tall(table: Table, output: Output) -> bool:
    from fullrank.diagnosis.embedded import is_tall

    tall = is_tall(table.rows, table.width)
    if not tall:
        output.note(
            f"{table.name} left out: {table.rows} x {table.width} is no table of embeddings"
        )
    return tall


def _diagnosed(path: Path, subject: _Subject, output: Output) -> list[Diagnosis]:
    import torch

    from fullrank.diagnosis import Diagnosis
    from fullrank.diagnosis.embedded import is_tall

    found = []
    for name, tables, counts in subject.groups:
        rows, width = sum(each.rows for each in tables), tables[0].width
        if len(subject.groups) > 1 and not is_tall(rows, width):  # of a model
            output.note(f"{name} left out: {rows} x {width} is no table of embeddings")
            continue
        kept = rows if counts is None else int((counts > 0).sum())
        if kept < width <= rows:
            output.note(f"{name}: {kept} rows with interactions are too few, so all are measured")
            counts = None
        where = f"{path}, {name}" if name else str(path)
        try:
            known = None if counts is None else torch.from_numpy(counts)
            found.append(Diagnosis.of(name or path.name, tables, known, balanced=subject.balanced))
        except ValueError as error:
            raise _one_line(where, error) from None
    if not found:
        many = f"{len(subject.groups)} matrices"
        raise DataError(str(path), many, "one with as many rows as columns")
    return found


def _one_line(where: str, error: ValueError) -> DataError:
    what, _, rest = str(error).partition(": ")
    found, _, expected = rest.removeprefix("found ").partition("; expected ")
    return DataError(where + what.removeprefix("embedding table"), found, expected)


def _angle(found: list[Diagnosis]) -> float | None:
    """Degrees between the leading directions of users and of items, where both are there."""
    from fullrank.diagnosis.causes import angle

    by_name = {each.name: each for each in found}
    if "users" not in by_name or "items" not in by_name:
        return None
    one, other = by_name["users"].direction, by_name["items"].direction
    return angle(one, other) if len(one) == len(other) else None


def _show(
    path: Path, found: list[Diagnosis], angle: float | None, harm: Harm | None, everything: bool
) -> None:
    for each in found:
        text.show(each, everything)
    if angle is not None:
        typer.echo(f"leading directions of users and items: {angle:.0f} degrees apart")
    if harm is not None:
        text.show_harm(harm, everything)
    text.show_advice(found, everything)
    if not everything:
        typer.echo(f"every figure: fullrank inspect {shlex.quote(str(path))} --all")


def _fail_below(least: float | None, path: Path, found: list[Diagnosis]) -> None:
    """Ends with code 1 and one line on standard error, if a table uses too few dimensions."""
    if least is None:
        return
    worst = min(found, key=lambda each: each.share_in_use)
    if worst.share_in_use < least:
        used = f"{worst.spectrum.effective_rank:.1f} of {worst.spectrum.shape[1]} dimensions"
        where = str(path) if worst.name == path.name else f"{path}, {worst.name}"
        typer.echo(f"{where}: uses {used}, {worst.share_in_use:.3f} < {least:g}", err=True)
        raise typer.Exit(1)
