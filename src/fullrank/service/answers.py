"""From rankings to the items of answers, for many lists at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fullrank.service.lookups import Lookup
from fullrank.service.messages import Item
from fullrank.serving import Ranking


def items_of(rankings: Sequence[Ranking], items: Lookup) -> list[list[list[Item]]]:
    """The items of each list of each ranking, best first; ids are looked up once for all.

    Scores are the float32 numbers of the model, written so that they come back as they were.
    """
    if not rankings:
        return []
    flat = np.concatenate([each.items.ravel() for each in rankings])
    there = flat >= 0
    rows = np.where(there, flat, 0)
    ids, titles = items.raw(rows), items.titles(rows)
    kept = there.tolist()
    at, answers = 0, []
    for ranking in rankings:
        lists = []
        for scores in ranking.scores.tolist():
            end = at + len(scores)
            found = zip(ids[at:end], scores, titles[at:end], kept[at:end], strict=True)
            lists.append(
                [
                    Item(item, score, rank, title)
                    for rank, (item, score, title, valid) in enumerate(found, 1)
                    if valid
                ]
            )
            at = end
        answers.append(lists)
    return answers
