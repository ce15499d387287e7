"""The command line. Nothing heavy is imported before a verb runs, so that help is quick."""

from __future__ import annotations

import functools
import inspect as inspect_module
import io
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from fullrank.cli import (
    compare,
    data,
    demo,
    doctor,
    evaluate,
    fit,
    inspect,
    methods,
    options,
    recommend,
    similar,
    tune,
)
from fullrank.errors import FullrankError

app = typer.Typer(
    name="fullrank",
    help="Recommenders that use every dimension.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        from fullrank import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    del version


def _importing(command: Callable[..., None]) -> Callable[..., None]:
    """The command with ``--import``, which runs files that add methods, before all else."""

    @functools.wraps(command)
    def run(*args: Any, own: list[str] | None = None, **values: Any) -> None:
        if own:
            from fullrank.methods import import_own

            for each in own:
                import_own(each)
        command(*args, **values)

    signature = inspect_module.signature(command, eval_str=True)
    option = inspect_module.Parameter(
        "own", inspect_module.Parameter.KEYWORD_ONLY, default=None, annotation=options.Import
    )
    run.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*signature.parameters.values(), option]
    )
    run.__annotations__ = {**command.__annotations__, "own": options.Import}
    return run


for verb in (demo, fit, evaluate, recommend, similar, inspect, methods, compare, tune, doctor):
    app.command()(_importing(verb.command))
    app.registered_commands[-1].name = verb.NAME
app.add_typer(data.app, name="data")


def main() -> None:
    """Runs the command line; errors made on purpose are one line and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a narrow code page must not end a run
            stream.reconfigure(errors="replace")
    try:
        app()
    except FullrankError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
