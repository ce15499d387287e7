"""What a verb prints: one JSON document, or tables for a person."""

from __future__ import annotations

import json
import math
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import typer

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

SHOWN_TIES = 0.05
"""Share of users with a tie at a cutoff from which on it is printed; the document has it always."""


class Output:
    """Standard output for results, standard error for everything else.

    Args:
        as_json: Whether to print one JSON document and nothing more on standard output.
    """

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        warnings.showwarning = _one_line_warning

    def notes(self) -> Console:
        """The console on standard error."""
        from rich.console import Console

        return Console(stderr=True, highlight=False)

    def note(self, text: str) -> None:
        """Says something that is not a result."""
        _aside(text)

    def result(self, document: Mapping[str, Any], show: Callable[[], None]) -> None:
        """Prints the document as JSON, or calls ``show``."""
        if self.as_json:
            typer.echo(json.dumps(strict(document), allow_nan=False))
        else:
            show()


def strict(value: Any) -> Any:
    """Plain values for strict JSON; numbers that are not finite become null."""
    if isinstance(value, Mapping):
        return {str(key): strict(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set):
        return [strict(each) for each in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def show_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Prints aligned columns, numbers to the right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    rows = [list(row) for row in rows]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for slot, name in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[slot], int | float) for row in rows)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(shown(value) for value in row))
    Console(highlight=False).print(table)


def show_frame(frame: pl.DataFrame) -> None:
    """Prints a data frame as a table, ids as they are: 1234 is not 1,234."""
    ids = {slot for slot, name in enumerate(frame.columns) if name.endswith("_id")}
    rows = ([str(v) if p in ids else v for p, v in enumerate(row)] for row in frame.iter_rows())
    show_table(frame.columns, rows)


def say(text: str, indent: int = 0) -> None:
    """Prints a sentence, broken into lines of at most 80 characters."""
    import textwrap

    margin = " " * indent
    lines = textwrap.wrap(text, 80 - indent, break_long_words=False, break_on_hyphens=False)
    typer.echo("\n".join(margin + line for line in lines))


def shown(value: Any) -> str:
    """A value as a person reads it; rounding happens here and nowhere else."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4f}" if abs(value) < 10 else f"{value:,.1f}"
    if isinstance(value, int):
        return f"{value:,}"
    return str(value)


def show_metrics(
    metrics: Mapping[str, float],
    protocol: Mapping[str, Any],
    intervals: Mapping[str, Sequence[float]],
) -> None:
    """Prints metrics by name and k with their intervals, and the protocol they are in."""
    from fullrank.evaluation.intervals import shown as between

    cutoffs = protocol["k"]
    names = list(dict.fromkeys(name.split("@")[0] for name in metrics))
    show_protocol(protocol)
    rows = [
        [name, *(between(metrics[f"{name}@{k}"], intervals.get(f"{name}@{k}")) for k in cutoffs)]
        for name in names
    ]
    show_table(["metric", *(f"@{k}" for k in cutoffs)], rows)


def show_protocol(protocol: Mapping[str, Any]) -> None:
    """Says what figures are of: the protocol, the users, what was masked and left out."""
    say(
        f"protocol {protocol['name']}: {protocol['users_evaluated']:,} users evaluated, "
        f"{protocol['users_left_out']:,} without test items left out, "
        f"masked: {', '.join(protocol['masked']) or 'nothing'}"
        + "".join(f"; {each}" for each in left_out(protocol))
    )
    for line in (protocol.get("audit", {}).get("line"), _validation_of(protocol)):
        if line:
            say(line)


def _validation_of(protocol: Mapping[str, Any]) -> str | None:
    """How the validation part was drawn, where that is not uniformly."""
    like = (protocol.get("split") or {}).get("validation_like")
    named = {
        "test": "validation is drawn with the test part's share by popularity",
        "time": "validation is the last of what is not tested on, by time",
    }
    return named.get(like) if like else None


def left_out(protocol: Mapping[str, Any]) -> list[str]:
    """What an evaluation left out beside users without test items, where there is any."""
    pairs = protocol.get("test_pairs", 0)
    cold = protocol.get("untrained_users", 0)
    served = "got the popular list" if protocol.get("untrained_users_evaluated") else "left out"
    serves_all = protocol["name"] == "published"  # untrained items are in its lists
    told = [
        (protocol.get("unknown_pairs_left_out"), "test pairs of unknown ids left out"),
        (protocol.get("unknown_users_left_out"), "unknown users among them"),
        (cold, f"users without training interactions {served}"),
        (0 if serves_all else protocol.get("untrained_items"), "untrained items in no list"),
        (
            0 if serves_all else protocol.get("test_pairs_of_untrained_items"),
            f"of {pairs:,} test pairs of such items",
        ),
        (
            protocol.get("test_pairs_masked"),
            f"of {pairs:,} test pairs are masked, so that no list can hit them",
        ),
    ]
    shown = [f"{count:,} {what}" for count, what in told if count]
    ties = protocol.get("ties", {}).get("users_tied_at_cutoff", {})
    worst = max(ties.values(), default=0.0)
    if worst >= SHOWN_TIES:
        shown.append(f"{worst:.0%} of users have a tie at a cutoff, broken at random")
    return shown


def _one_line_warning(message: Any, *_: Any, **__: Any) -> None:
    _aside(f"warning: {message}")


def _aside(text: str) -> None:
    """Writes a line to standard error; where there is no room for it, the run goes on without.

    Raises:
        BrokenPipeError: whoever read it has gone.
    """
    try:
        typer.echo(text, err=True)
    except BrokenPipeError:
        raise
    except OSError:
        silence(sys.stderr, 2)


def silence(stream: TextIO | None, number: int) -> None:
    """Sends what a stream still holds, and all that follows, nowhere if it cannot be written."""
    try:
        if stream is not None:
            stream.flush()
    except (OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, number)
        os.close(null)


def without_secrets(line: str) -> str:
    """A message without the passwords of addresses among the words of the command.

    Where a path is expected, an address is one, and stands in the message as such.
    """
    for word in sys.argv[1:]:
        if ":" not in word or "@" not in word:
            continue
        from fullrank.data.sources.address import shown

        for given in (word, word.partition("=")[2]):
            for form in filter(None, (given, str(Path(given)))):
                line = line.replace(form, shown(form))
    return line
