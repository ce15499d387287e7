"""What an experiment is asked for: epochs that no run exceeds, and seeds that the store has."""

from __future__ import annotations

import dataclasses

import pytest

from fullrank.lab.scope import Scope
from fullrank.lab.spec import Run


@pytest.mark.parametrize(
    "run",
    [
        Run("bpr", {"preset": "tuned"}, "citeulike", "test"),
        Run("bpr", {}, "made"),
        Run("bpr", {"epochs": 7, "dim": 8}, "made"),
    ],
    ids=["of a preset", "of the method", "of its own"],
)
def test_no_run_exceeds_the_epochs_that_were_asked_for(store, splits, run):
    scope = Scope((run.data,), 1, False, store, splits, most_epochs=2)
    after = dataclasses.replace(run, start=run)
    done = scope.train({"one": run, "after": after, "closed": Run("popularity", {}, "made")})
    assert [len(done[label].done[0].history) for label in done] == [3, 3, 0]
    assert done["after"].run.start == done["one"].run
