"""Which scorer a model folder holds, by the names of its tensors."""

from __future__ import annotations

from torch import Tensor

from fullrank.data.interactions import Interactions
from fullrank.serving import blend_scorer
from fullrank.serving.blend_scorer import BlendScorer
from fullrank.serving.kinds import Single, single_of
from fullrank.serving.scorers import DotScorer, HistoryScorer, Tensors


def tensors_of(scorer: DotScorer | HistoryScorer) -> dict[str, Tensor]:
    """What a model folder keeps of a fitted method, by name."""
    if not isinstance(scorer, BlendScorer | Single):
        raise TypeError(f"found {type(scorer).__name__}; expected a scorer of fullrank.serving")
    return scorer.tensors()


def scorer_of(tensors: Tensors, train: Interactions) -> DotScorer | HistoryScorer:
    """The scorer of what `tensors_of` gave.

    Raises:
        DataError: the tensors are of no scorer.
    """
    if blend_scorer.WEIGHTS in tensors:
        return BlendScorer.from_tensors(tensors, train)
    return single_of(tensors, train)
