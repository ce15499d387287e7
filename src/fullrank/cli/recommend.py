"""``fullrank recommend``: top-N lists for some users or for all."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fullrank.cli import options
from fullrank.cli.explained import reasons
from fullrank.cli.items import Items, model_with_items
from fullrank.cli.lists import BLOCK_USERS, SUFFIXES, Asked, FolderOptions, write_folder
from fullrank.cli.output import Output, show_frame
from fullrank.cli.rules import RuleOptions, say_unknown
from fullrank.cli.tables import TableOptions, expanded
from fullrank.errors import DataError, SettingError

if TYPE_CHECKING:
    import polars as pl

    from fullrank.data import Ids
    from fullrank.recommender import Recommender


NAME = "recommend"


@expanded
def command(
    *,
    model_dir: options.ModelDir,
    user: Annotated[list[str] | None, typer.Option("--user", help="A user id; repeatable.")] = None,
    k: options.K = 10,
    everyone: Annotated[bool, typer.Option("--all", help="Lists for every user.")] = False,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="A .parquet, .csv or .jsonl file, or a folder."),
    ] = None,
    allow: Annotated[Path | None, typer.Option(help="Only these items: one id a line.")] = None,
    deny: Annotated[Path | None, typer.Option(help="Not these items: one id a line.")] = None,
    include_seen: Annotated[
        bool, typer.Option("--include-seen", help="Also what a user already interacted with.")
    ] = False,
    fold_in: Annotated[
        str | None,
        typer.Option(help="Interactions of new users, to embed them and recommend to them."),
    ] = None,
    items: Items = None,
    given: RuleOptions,
    table: TableOptions,
    exclude: Annotated[
        str, typer.Option(help="Parts of the model's data whose items a user does not get again.")
    ] = "train,validation,test",
    include_untrained: Annotated[
        bool,
        typer.Option("--include-untrained", help="Also items without training interactions."),
    ] = False,
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Name the items of the history that carried each, and how."),
    ] = False,
    folder: FolderOptions,
    strict: options.Strict = False,
    as_json: options.Json = False,
) -> None:
    """Recommend items to users; unknown users get the popular list."""
    output = Output(as_json)
    in_folder = folder.wanted(out, everyone=not user)
    _check_options(bool(user), everyone, fold_in, None if in_folder else out, in_folder)
    columns = table.layout()
    rules = given.described()
    from fullrank.data.files import output as writable

    out = None if out is None else writable(out)
    allowed, denied = options.id_lines(allow), options.id_lines(deny)
    from fullrank.recommender import Recommender

    model = Recommender.load(model_dir)
    model_with_items(model, items, output)
    ruled = say_unknown(output, rules, model, strict=strict) if rules else {}
    if fold_in is not None:
        from fullrank.data import read

        model = model.fold_in(read(fold_in, columns=columns), strict=strict)
    wanted = list(user) if user else model.users.values.to_list()
    parts = [name.strip() for name in exclude.split(",") if name.strip()]
    popular = users_without_training(model, wanted)
    unknown = {} if strict else popular
    if not strict:
        lists_of_ids = {"allow": (allow, allowed), "deny": (deny, denied)}
        unknown = _unknown_items(output, model, lists_of_ids) | popular | ruled
        _say_popular(output, popular, len(wanted))

    from fullrank.scale.scoring_folder import lengths_of

    lengths: Counter[int] = Counter()
    listed = as_json and out is None  # reasons are lists there, and text in a table

    asked = Asked(
        k=k,
        exclude_seen=not include_seen,
        exclude=tuple(parts),
        allow=None if allowed is None else tuple(allowed),
        deny=None if denied is None else tuple(denied),
        strict=strict,
        include_untrained=include_untrained,
        source=any(popular.values()) or None,
        rules=rules,
        explain=explain and not listed,
    )

    def lists() -> Iterator[pl.DataFrame]:
        for start in range(0, len(wanted), BLOCK_USERS):
            block = wanted[start : start + BLOCK_USERS]
            frame = asked.frame(model, block)
            lengths.update(lengths_of(frame, len(block)))
            yield frame

    if in_folder and out is not None:
        changed = _changed(model, items, fold_in)
        document, lengths = write_folder(output, out, model, model_dir, asked, folder, changed)
        document |= left_out(unknown) | (_say_short(output, lengths, k) if rules else {})
        output.result(document, lambda: typer.echo(_said(document)))
        return
    if out is not None:
        rows = _write(lists(), out, output.note)
        short = _say_short(output, lengths, k) if rules else {}
        document = {"file": str(out), "users": len(wanted), "rows": rows, **left_out(unknown)}
        document |= short
        output.result(
            document, lambda: typer.echo(f"{rows:,} rows for {len(wanted):,} users in {out}")
        )
        return
    import polars as pl

    frame = pl.concat(list(lists()))
    short = _say_short(output, lengths, k) if rules else {}
    rows_of = frame.to_dicts()
    if explain and listed:
        whys = reasons(model, frame)
        rows_of = [row | {"because": why} for row, why in zip(rows_of, whys, strict=True)]
    document = {
        "model": str(model_dir),
        "recommendations": rows_of,
        **left_out(unknown),
        **short,
    }
    output.result(document, lambda: show_frame(frame))


def _say_short(output: Output, lengths: Counter[int], k: int) -> dict[str, dict[str, int]]:
    """Says how many lists rules have left short, or empty."""
    short = sum(count for length, count in lengths.items() if length < k)
    if not short:
        return {}
    output.note(
        f"rules: {short:,} of {lengths.total():,} lists are shorter than {k}, "
        f"{lengths[0]:,} of them empty: no more items are left"
    )
    return {"short_lists": {"users": short, "empty": lengths[0]}}


def _changed(model: Recommender, items: Path | None, fold_in: str | None) -> dict[str, str]:
    """Checksums of what a model has from elsewhere than its folder."""
    changed = {} if fold_in is None else {"folded_in": model.train.fingerprint}
    if items is None:
        return changed
    with items.open("rb") as file:
        return changed | {"items": hashlib.file_digest(file, "sha256").hexdigest()[:16]}


def _said(document: dict[str, Any]) -> str:
    rows, users, files = (f"{document[name]:,}" for name in ("rows", "users", "files"))
    return f"{rows} rows for {users} users in {files} files of {document['folder']}"


def _check_options(
    user: bool, everyone: bool, fold_in: str | None, out: Path | None, in_folder: bool
) -> None:
    if user == everyone and fold_in is None:
        raise SettingError("options", "both --user and --all, or neither", "one of them")
    if in_folder:
        return
    if everyone and out is None:
        raise SettingError("option --all", "no -o", "a file for the lists, as -o recs.parquet")
    if out is not None and out.suffix not in SUFFIXES:
        raise SettingError(
            "option -o",
            repr(out.name),
            f"a name that ends in {', '.join(SUFFIXES)}, or a folder's, without an ending",
        )


def _unknown_items(
    output: Output, model: Recommender, lists: dict[str, tuple[Path | None, list[str] | None]]
) -> dict[str, int]:
    """Counts and says what is unknown in the files of items.

    Raises:
        DataError: no item of ``--allow`` is known, so that every list would be empty.
    """
    unknown: dict[str, int] = {}
    for name, (path, ids) in lists.items():
        if ids is None:
            continue
        if name == "allow" and (model.items.rows(ids) < 0).all():
            raise DataError(str(path), f"{len(ids)} ids, all unknown", "an item of the model")
        unknown[name] = unknown_items(output, model.items, ids, f"option --{name}, {path}")
    return unknown


def _say_popular(output: Output, popular: dict[str, int], n_users: int) -> None:
    shown = " and ".join(f"{count:,} {kind}" for kind, count in popular.items() if count)
    if shown:
        output.note(f"users: {shown} of {n_users:,}; they get the popular list")


def unknown_items(output: Output, items: Ids, ids: list[str], where: str) -> int:
    """Counts the ids that are no items of the model, and says so."""
    rows = items.rows(ids)
    unknown = [each for each, row in zip(ids, rows, strict=True) if row < 0]
    if unknown:
        output.note(
            f"{where}: {len(unknown):,} of {len(ids):,} ids unknown and passed over, "
            f"the first {unknown[0]!r}"
        )
    return len(unknown)


def users_without_training(model: Recommender, wanted: list[Any]) -> dict[str, int]:
    """How many of the users the model does not know, and how many have no training interactions."""
    rows = model.users.rows(wanted)
    known = rows[rows >= 0]
    return {
        "unknown": len(rows) - len(known),
        "without training interactions": int((model.train.user_degree[known] == 0).sum()),
    }


def left_out(counts: dict[str, int]) -> dict[str, dict[str, int]]:
    """The counts that are not zero, for the document."""
    some = {name.replace(" ", "_"): count for name, count in counts.items() if count}
    return {"unknown": some} if some else {}


def _write(lists: Iterator[pl.DataFrame], out: Path, say: Callable[[str], None]) -> int:
    """Writes block by block, so that memory does not grow with the number of users."""
    import polars as pl

    from fullrank.data.files import replacing
    from fullrank.data.locks import exclusive, part_folder
    from fullrank.data.plain_names import plain_name

    rows = 0
    with (
        exclusive(out, "fullrank recommend", wait=math.inf, say=say),
        replacing(out) as part,
        plain_name(part) as plain,
        part_folder(out) as own,
        plain_name(own / "blocks") as folder,
    ):
        files = []
        folder.mkdir()
        for number, frame in enumerate(lists):
            files.append(folder / f"{number:06d}.parquet")
            frame.write_parquet(files[-1])
            rows += len(frame)
        blocks = pl.scan_parquet(files, glob=False)
        if out.suffix == ".parquet":
            blocks.sink_parquet(plain)
        elif out.suffix == ".csv":
            blocks.sink_csv(plain)
        else:
            blocks.sink_ndjson(plain)
    return rows
