"""``fullrank data audit``: whether validation and test are draws of the same kind as train."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from fullrank.cli import options
from fullrank.cli.output import Output, say, show_table
from fullrank.cli.tables import SplitOptions, expanded

if TYPE_CHECKING:
    from fullrank.auditing import Audit
    from fullrank.auditing.shares import Bin, Shares


@expanded
def command(
    *,
    data: Annotated[str, typer.Argument(metavar="DATA", help=options.DATA)],
    quick: Annotated[
        bool, typer.Option("--quick", help="Do not fit quick methods to rank them on each part.")
    ] = False,
    holdout: Annotated[float, typer.Option(help="Fraction to hold out.")] = 0.2,
    validation: Annotated[float, typer.Option(help="Fraction of the rest to choose by.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Seed of the split.")] = 0,
    threads: Annotated[int | None, typer.Option(help="Threads to fit with.")] = None,
    table: SplitOptions,
    as_json: options.Json = False,
) -> None:
    """Say whether validation and test are draws of the same kind as train."""
    output = Output(as_json)
    table.check(holdout)
    from fullrank.auditing import audit

    split = table.load(data, test=holdout, validation=validation, seed=seed)
    found = audit(split, worth=not quick, threads=threads)
    output.result(found.to_dict(), lambda: _show(found))


def _show(found: Audit) -> None:
    for of, side in (("items", "popularity"), ("users", "activity")):
        shares = {name: getattr(part, side) for name, part in found.parts.items()}
        typer.echo(f"\nshare of the interactions that is in each part, by {side} of the {of}")
        _show_shares(of, shares)
    _show_facts(found)
    if found.worth is not None and found.worth.values:
        _show_worth(found)
    typer.echo(f"\n{found.data}:")
    for sentence in found.verdict:
        say(f"- {sentence}", indent=2)


def _show_shares(of: str, shares: dict[str, Shares]) -> None:
    from fullrank.auditing.verdict import share

    names = [name for name in ("test", "validation") if name in shares]
    heads = [f"{of} with", of]
    for name in names:
        heads += [name, "uniform"]
    rows = []
    for bins in zip(*(shares[name].bins for name in names), strict=True):
        row: list[Any] = [f"{bins[0].low:,}-{bins[0].high:,}", bins[0].rows]
        for each in bins:
            row += [_interval(each), f"{share(each.expected)}"]
        rows.append(row)
    show_table(heads, rows)
    typer.echo("95 % intervals (Wilson); * certainly and materially off a uniform draw")


def _interval(each: Bin) -> str:
    from fullrank.auditing.verdict import share

    low, high = each.interval
    return f"{share(each.share)} [{share(low)}, {share(high)}]{'*' if each.deviates else ''}"


def _show_facts(found: Audit) -> None:
    rows: dict[str, list[Any]] = {
        "interactions": [],
        "users without train": [],
        "items without train": [],
        "their interactions": [],
        "pairs of an earlier part": [],
        "items near the user's history": [],
        "later than train": [],
        "users wholly after train": [],
    }
    for part in found.parts.values():
        low, high = part.reach["interval"]
        cold, order = part.cold, part.order or {}
        values = [
            part.interactions,
            cold["cold_users"],
            cold["cold_items"],
            cold["pairs_of_cold_users"] + cold["pairs_of_cold_items"],
            part.repeated,
            f"{part.reach['reached']:.3f} [{low:.3f}, {high:.3f}]",
            order.get("later"),
            order.get("users_after"),
        ]
        for row, value in zip(rows.values(), values, strict=True):
            row.append(value)
    show_table(["", *found.parts], [[name, *row] for name, row in rows.items()])


def _show_worth(found: Audit) -> None:
    assert found.worth is not None  # noqa: S101  # narrows the type: the caller has tested it
    worth = found.worth
    orders = {part: worth.ranked(part) for part in found.parts}
    rows = [
        [
            name,
            *(
                f"{each[part]:.4f} ({orders[part].index(name) + 1})" if part in each else "-"
                for part in found.parts
            ),
        ]
        for name, each in worth.values.items()
    ]
    show_table([f"{worth.metric} (rank)", *found.parts], rows)
