"""The command line. Nothing heavy is imported before a verb runs, so that help is quick."""

from __future__ import annotations

import functools
import inspect as inspect_module
import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from fullrank import ends
from fullrank.cli import (
    audit,
    check,
    compare,
    data,
    demo,
    doctor,
    evaluate,
    export,
    fit,
    inspect,
    methods,
    options,
    prepare,
    recommend,
    refit,
    report,
    reproduce,
    serve,
    similar,
    tune,
    versions,
)
from fullrank.cli.output import silence, without_secrets
from fullrank.errors import FullrankError, Stopped


class _Group(TyperGroup):
    """Commands whose complaints about their words repeat no password."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            if isinstance(said := getattr(error, "message", None), str):  # of typer's own errors
                error.message = without_secrets(said)  # type: ignore[attr-defined]
            raise


app = typer.Typer(
    cls=_Group,
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
        options.imported[:] = own or []
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


VERBS = (
    demo,
    fit,
    report,
    evaluate,
    check,
    recommend,
    serve,
    similar,
    export,
    inspect,
    methods,
    compare,
    tune,
    reproduce,
    refit,
    versions,
    doctor,
)

for verb in VERBS:
    app.command()(_importing(verb.command))
    app.registered_commands[-1].name = verb.NAME
app.command(versions.ROLLBACK)(versions.rollback)
data.app.command("audit")(audit.command)
data.app.command("prepare")(prepare.command)
app.add_typer(data.app, name="data")


def main() -> None:
    """Runs the command line; errors made on purpose are one line and exit code 2.

    A command that a signal ends has 128 and its number, as shells expect: 130 for Ctrl-C, 143 for
    SIGTERM, 129 for SIGHUP.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a narrow code page must not end a run
            stream.reconfigure(errors="replace")
    try:
        with ends.raised(_begun):
            _run()
    except FullrankError as error:
        _fail(str(error))
    except (MemoryError, RuntimeError) as error:
        from fullrank.data.memory import exhausted

        if (known := exhausted(error)) is None:
            raise
        _fail(str(known))
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:  # of standard output, or of a file that nobody thought of
        from fullrank.data.write_errors import write_error

        named = isinstance(error.filename, str | bytes)
        _fail(str(write_error(error, os.fsdecode(error.filename) if named else "standard output")))
    except KeyboardInterrupt as error:
        sys.exit((error if isinstance(error, Stopped) else Stopped()).exit_code)


def _run() -> None:
    """Runs a command, to the last byte of what it prints.

    Raises:
        Stopped: a signal ended it, whatever code it would have left with.
    """
    try:
        app()
    except SystemExit as left:
        behind: BaseException | None = left
        while behind is not None:
            if isinstance(behind, Stopped):
                raise behind from None
            behind = behind.__cause__ or behind.__context__
        if sys.stdout is not None:
            sys.stdout.flush()
        raise


def _begun() -> bool:
    """Whether this process has an output locked, and may have written to it."""
    locks = sys.modules.get("fullrank.data.locks")
    return bool(getattr(locks, "holds", bool)())


def _fail(line: str) -> None:
    """One line, exit code 2, and nothing at the interpreter's end about a stream that failed."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(f"error: {without_secrets(line)}\n")
        sys.stderr.flush()
    for number, stream in enumerate((sys.stdout, sys.stderr), start=1):
        silence(stream, number)
    sys.exit(2)
