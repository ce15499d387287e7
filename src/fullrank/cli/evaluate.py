"""``fullrank evaluate``: the metrics of a model on held-out interactions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from fullrank.cli import options
from fullrank.cli.items import Items, model_with_items
from fullrank.cli.output import Output, show_metrics
from fullrank.cli.rules import RuleOptions, evaluate_rules
from fullrank.cli.tables import TableOptions, expanded
from fullrank.errors import DataError

if TYPE_CHECKING:
    from fullrank.data import Columns, Interactions

NAME = "evaluate"


@expanded
def command(
    *,
    model_dir: options.ModelDir,
    test: Annotated[
        str | None,
        typer.Argument(metavar="TEST", help="A path or a catalogue name; else the held-out part."),
    ] = None,
    protocol: Annotated[str, typer.Option(help="standard or published.")] = "standard",
    k: Annotated[
        str | None,
        typer.Option("--k", help="Lengths of the lists.", show_default="10,20"),
    ] = None,
    metrics: Annotated[str | None, typer.Option(help="Names, such as ndcg,recall.")] = None,
    include_cold: Annotated[
        bool,
        typer.Option(
            "--include-cold",
            help="Also users without training interactions, by the popular list they get.",
        ),
    ] = False,
    items: Items = None,
    given: RuleOptions,
    table: TableOptions,
    as_json: options.Json = False,
) -> None:
    """Evaluate a model on the part it held out, or on interactions of your own.

    With rules: what each of them costs.
    """
    output = Output(as_json)
    cutoffs = None if k is None else options.cutoffs_of(k)
    columns = table.layout()
    from fullrank.recommender import Recommender

    rules = given.described()
    model = Recommender.load(model_dir)
    model_with_items(model, items, output)
    part = None if test is None else interactions_to_test(test, columns)
    how: dict[str, Any] = {
        "k": cutoffs or options.usual_cutoffs(len(model.items)),
        "protocol": protocol,
        "metrics": [name.strip() for name in metrics.split(",")] if metrics else None,
        "include_cold": include_cold,
    }
    if rules is not None:
        evaluate_rules(output, model, rules, part, {"model": str(model_dir)}, **how)
        return
    result = model.evaluate(part, **how)
    document = {"model": str(model_dir), **result.to_dict()}
    document["effective_rank"] = model.training.get("effective_rank")
    output.result(document, lambda: show_metrics(result, result.protocol, result.intervals))


def interactions_to_test(test: str, columns: Columns | None) -> Interactions:
    """The test part of a data set of that name, or the interactions in a file."""
    from fullrank.data import load, read
    from fullrank.data.catalog import CATALOG
    from fullrank.data.loading import place_of

    if test not in CATALOG:
        return read(place_of(test), columns=columns)
    part = load(test, validation=0, columns=columns).test
    if part is None:
        raise DataError(f"data set {test!r}", "no test part", "one with a test part")
    return part
