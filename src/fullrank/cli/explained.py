"""``recommend --explain``: the reasons of each recommendation, as text or for JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

    from fullrank.recommender import Recommender

NAMED = 3
"""Items of the history that are named for each recommendation."""

Reasons = list[dict[str, Any]]


def reasons(model: Recommender, frame: pl.DataFrame) -> list[Reasons]:
    """Of each row of a frame of lists, what carried it, as `Recommender.explain` has it."""
    import polars as pl

    known = set(model.users.values.to_list())
    found: dict[tuple[Any, Any], Reasons] = {}
    for (user,), lists in frame.group_by("user_id", maintain_order=True):
        items = lists["item_id"].unique(maintain_order=True)
        if user not in known:
            found |= {(user, item): [{"kind": "popular", "share": 1.0}] for item in items}
            continue
        table = model.explain(user, items, most=NAMED)
        for (item,), rows in table.group_by("item_id", maintain_order=True):
            kept = rows.drop("item_id", "title", "score", strict=False)
            if kept["part"].n_unique() == 1:
                kept = kept.drop("part")
            found[user, item] = [
                {name: value for name, value in row.items() if value is not None}
                for row in kept.sort(pl.col("share").abs(), descending=True).to_dicts()
            ]
    pairs = zip(frame["user_id"], frame["item_id"], strict=True)
    return [found[pair] for pair in pairs]


def with_reasons(model: Recommender, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with a column ``because``: the items of the history with their shares."""
    import polars as pl

    texts = [_text(each) for each in reasons(model, frame)]
    return frame.with_columns(because=pl.Series(texts, dtype=pl.String))


def _text(found: Reasons) -> str:
    if found and found[0]["kind"] == "popular":
        return "popular: the same for all"
    by_item: dict[str, float] = {}  # a blend names an item once for each part
    for each in found:
        if each["kind"] == "history":
            name = str(each.get("because_title", each["because_item_id"]))
            by_item[name] = by_item.get(name, 0.0) + each["share"]
    largest = sorted(by_item.items(), key=lambda pair: -abs(pair[1]))[:NAMED]
    return ", ".join(f"{name} {share:.1%}" for name, share in largest)
