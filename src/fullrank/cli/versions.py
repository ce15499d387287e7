"""``fullrank versions`` and ``fullrank rollback``: what is served, and back to what was."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from fullrank.cli import options
from fullrank.cli.output import Output, show_table
from fullrank.errors import DataError

NAME, ROLLBACK = "versions", "rollback"
Folder = Annotated[
    Path, typer.Argument(metavar="DIR", help="A folder of versions, as `fit --versions` makes.")
]


def command(folder: Folder, as_json: options.Json = False) -> None:
    """List the versions of a model: which is current, how good each was, what the gate said."""
    output = Output(as_json)
    versions = _there(folder)
    rows = [_row(versions, name) for name in versions.names()]

    def show() -> None:
        names = ["version", "", "method", "interactions", "ndcg@20", "gate"]
        shown = [
            [
                row["version"],
                "current" if row["current"] else "",
                row["method"] or row["error"],
                "" if row["interactions"] is None else f"{row['interactions']:,}",
                "" if row["ndcg@20"] is None else f"{row['ndcg@20']:.4f}",
                row["gate"] or "",
            ]
            for row in rows
        ]
        show_table(names, shown)

    output.result({"folder": str(folder), "current": versions.current(), "versions": rows}, show)


def rollback(
    folder: Folder,
    to: Annotated[
        str | None, typer.Option(help="The version to go back to; that before the current if none.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Make an older version the current one."""
    output = Output(as_json)
    versions = _there(folder)
    with versions.held("fullrank rollback"):
        before = versions.current()
        now = versions.rollback(to)
    document = {"folder": str(folder), "before": before, "current": now}
    output.result(document, lambda: typer.echo(f"current is {now}; before it was {before}"))


def _there(folder: Path) -> Any:
    from fullrank.nightly import Versions

    versions = Versions(folder)
    if not versions.names():
        found = "no version" if versions.folder.is_dir() else "no such folder"
        raise DataError(str(folder), found, "a folder that `fullrank fit -o DIR --versions` made")
    return versions


def _row(versions: Any, name: str) -> dict[str, Any]:
    row: dict[str, Any] = {"version": name, "current": versions.current() == name, "error": None}
    row |= dict.fromkeys(("method", "interactions", "ndcg@20", "gate"))
    try:
        manifest = versions.manifest(name)
    except DataError as error:
        return row | {"error": f"cannot be read: {error}"}
    gate = manifest["training"].get("gate")
    metrics = (manifest["metrics"] or {}).get("metrics", {})
    return row | {
        "method": manifest["method"],
        "interactions": manifest["data"]["interactions"].get("train"),
        "ndcg@20": metrics.get("ndcg@20"),
        "gate": None if gate is None else "passed" if gate["passed"] else "rejected",
    }
