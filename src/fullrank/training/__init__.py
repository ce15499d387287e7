"""From parameters at random to parameters that rank: one loop, row-sparse updates, checkpoints."""

from fullrank.training.checkpoint import CheckpointFile, Progress
from fullrank.training.loop import Plan, Trainer
from fullrank.training.progress import Bar, JsonLines, Reporter, Several, Silent
from fullrank.training.search import Rung, Search, rungs
from fullrank.training.settings import TrainingSettings

__all__ = [
    "Bar",
    "CheckpointFile",
    "JsonLines",
    "Plan",
    "Progress",
    "Reporter",
    "Rung",
    "Search",
    "Several",
    "Silent",
    "Trainer",
    "TrainingSettings",
    "rungs",
]
