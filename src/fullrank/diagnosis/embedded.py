"""What of a model has rows that can be inspected."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from fullrank.recommender import Recommender


def tables_of(model: Recommender) -> dict[str, tuple[Tensor, Tensor]]:
    """The embeddings of users and items, not copies; of a blend those of each part by its method.

    Empty where there are none.
    """
    from fullrank.portfolio import Blend
    from fullrank.serving import AllPassScorer, DotScorer
    from fullrank.serving.blend_scorer import BlendScorer

    scorers = {"": model.scorer}
    if isinstance(model.scorer, BlendScorer) and isinstance(model.settings, Blend):
        names = [part["method"] for part in model.settings.parts]
        scorers = dict(zip(names, (part.scorer for part in model.scorer.parts), strict=True))
    return {
        name: (scorer.user_table, scorer.item_table)
        for name, scorer in scorers.items()
        if isinstance(scorer, DotScorer | AllPassScorer)
    }


def is_tall(rows: int, width: int) -> bool:
    """Whether this is a table of embeddings, of more than one column, and not one of weights."""
    return 2 <= width <= rows
