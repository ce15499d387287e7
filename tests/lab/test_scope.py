"""What an experiment is asked for: epochs that no run exceeds, and seeds that the store has."""

from __future__ import annotations

import dataclasses
import json

import pytest

from fullrank.lab.reproduce import Asked, reproduce
from fullrank.lab.scope import Scope
from fullrank.lab.spec import Run


@pytest.mark.slow
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


@pytest.mark.slow
def test_the_line_under_the_title_counts_the_seeds_that_are_shown(tmp_path, splits):
    def below(**asked) -> str:
        asked = {"data": ("made",), "quick": True, "most_epochs": 1} | asked
        reproduce(["figure-8"], tmp_path, Asked(**asked), splits=splits)
        document = json.loads((tmp_path / "figure-8-made.json").read_text("utf-8"))
        assert document["below"] in (tmp_path / "figure-8-made.md").read_text("utf-8")
        assert document["seeds"] == asked.get("seeds", 1)  # as the command has it
        return document["below"]

    assert "; 1 seed;" in below()
    assert "; 3 seeds;" in below(seeds=3)
    assert "; 3 seeds;" in below()  # for the store has them, and their mean is what is shown
    newest = max((tmp_path / "runs").glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
    newest.unlink()  # of the last run that was trained
    assert "; 2 to 3 seeds;" in below()
