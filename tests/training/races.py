"""Searches over a few trials whose metric is known."""

from __future__ import annotations

from runs import trainer

from fullrank.training import Rung, Search, Silent

PLAN = (Rung(9, 1), Rung(2, 2), Rung(1, 3))
QUICK = {"batch_size": 200, "epochs": 6, "validate_every": 2, "patience": 9}


class Watch(Silent):
    def __init__(self):
        self.rows = []

    def trial(self, record):
        self.rows.append((record["alpha"], record["epochs"]))


def search(data, alphas=(0.3, 0.6, 0.9), score=None, **options):
    """A search whose metric says that an alpha of 0.6 is best, and the more so the longer."""

    def build(values):
        run = trainer(data, **QUICK | values)
        how = score or (lambda alpha, epoch: 0.01 * epoch - abs(alpha - 0.6))
        run.validate = lambda: how(run.settings.alpha, run.progress.epoch)
        return run

    return Search(build, [{"alpha": alpha} for alpha in alphas], PLAN, **options)


def spoiling(data, spoilt):
    """Builds trainers; those of an alpha of ``spoilt`` have infinite parameters from that epoch."""

    def build(values):
        run = trainer(data, **QUICK | values)

        def validate():
            if run.progress.epoch >= spoilt.get(run.settings.alpha, 99):
                run.plan.parameters["user_table"].fill_(float("inf"))
            return 0.01 * run.progress.epoch - abs(run.settings.alpha - 0.6)

        run.validate = validate
        return run

    return build
