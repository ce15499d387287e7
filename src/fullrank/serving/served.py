"""What a fitted model ranks with, in one piece."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fullrank.data.interactions import Interactions
from fullrank.serving.cold import Trained
from fullrank.serving.scorers import Scorer
from fullrank.serving.similar import ItemSpace


@dataclass(frozen=True)
class Served:
    """What a model ranks with."""

    scorer: Scorer
    trained: Trained
    train: Interactions
    space: Callable[[], ItemSpace]
    """Makes, or gives, what items are compared with; asked for by diversity alone."""
