"""``fullrank report``: a page about a model, for who would rather look than type."""

from __future__ import annotations

import shlex
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fullrank.cli import options
from fullrank.cli.output import Output
from fullrank.errors import FullrankError, SettingError

if TYPE_CHECKING:
    from fullrank.recommender import Recommender

NAME = "report"
NoReport = Annotated[
    bool, typer.Option("--no-report", help="Write no page about the model into its folder.")
]


def command(
    model_dir: options.ModelDir,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="The .html file.", show_default="report.html in DIR"),
    ] = None,
    users: Annotated[
        int, typer.Option(min=0, max=100, help="Sample users to show with their lists.")
    ] = 10,
    as_json: options.Json = False,
) -> None:
    """Write a page about a model: accuracy, who is served, training, embeddings, sample users."""
    output = Output(as_json)
    from fullrank.data.files import WAIT, expanded
    from fullrank.data.locks import exclusive
    from fullrank.pages.model import write_report
    from fullrank.recommender import Recommender
    from fullrank.serving.model_files import REPORT, read_manifest

    folder = expanded(model_dir)
    path = page_named(out) if out is not None else folder / REPORT
    read_manifest(folder)  # before anything is made in a folder of somebody else's
    beside = exclusive(folder, "fullrank report", folder=True, wait=WAIT)
    # No other model may take the place of this one before its page is there.
    with nullcontext() if out is not None else beside:
        model = Recommender.load(folder)
        write_report(model, path, folder=folder, users=users)
    output.result({"model": str(model_dir), "report": str(path)}, lambda: typer.echo(str(path)))


def page_named(path: Path) -> Path:
    """A path that a page can be written to, as far as its name says; before long work.

    Raises:
        SettingError: it is called something else than a page.
        DataError: it cannot be a file.
    """
    from fullrank.data.files import output

    if path.suffix.lower() not in (".html", ".htm"):
        raise SettingError("option for a page", repr(str(path)), "a name that ends in .html")
    return output(path)


def command_line() -> str:
    """The command that runs, as a shell would take it; bytes that are no text are escaped.

    No password of a URL is in it: it is printed and stored.
    """
    from fullrank.data.sources.address import redacted

    words = shlex.join(["fullrank", *map(redacted, sys.argv[1:])])
    return words.encode("utf-8", "backslashreplace").decode("utf-8")


def prepare() -> None:
    """Imports what pages need, so that a signal or a broken installation ends a run before it."""
    import fullrank.pages.model  # noqa: F401


def add_report(model: Recommender, folder: Path, output: Output) -> str | None:
    """Writes the page beside a model that was just saved; a model is a model without it.

    Returns:
        Where the page is, if there is one.

    Raises:
        KeyboardInterrupt: Ctrl-C or a request to end; the model is whole.
    """
    from fullrank.pages.model import write_report
    from fullrank.serving.model_files import REPORT

    try:
        write_report(model, folder / REPORT, folder=folder)
    except KeyboardInterrupt:
        output.note(f"interrupted: the model is whole, and in {folder}, without a new {REPORT}")
        raise
    except (FullrankError, MemoryError) as error:
        output.note(f"no {REPORT}: {error or 'too little memory'}")
        return None
    return str(folder / REPORT)
