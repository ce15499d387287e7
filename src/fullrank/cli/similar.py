"""``fullrank similar``: items near an item."""

from __future__ import annotations

from typing import Annotated

import typer

from fullrank.cli import options
from fullrank.cli.output import Output, show_frame
from fullrank.cli.recommend import unknown_items

NAME = "similar"


def command(
    model_dir: options.ModelDir,
    item: Annotated[list[str], typer.Option("--item", help="An item id; repeatable.")],
    k: options.K = 10,
    strict: options.Strict = False,
    as_json: options.Json = False,
) -> None:
    """Show the items nearest to an item by the cosine of their embeddings."""
    output = Output(as_json)
    from fullrank.recommender import Recommender

    model = Recommender.load(model_dir)
    if not strict:
        known = [each for each, row in zip(item, model.items.rows(item), strict=True) if row >= 0]
        if known and len(known) < len(item):
            unknown_items(output, model.items, item, "option --item")
            item = known
    frame = model.similar_items(item, k)
    document = {"model": str(model_dir), "similar": frame.to_dicts()}
    output.result(document, lambda: show_frame(frame))
