"""Runs are found by their content, trained once, and gone on with."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pydantic
import pytest
import torch

from fullrank.engine.devices import torch_threads
from fullrank.errors import DataError
from fullrank.lab.spec import Run
from fullrank.lab.store import Store
from fullrank.methods.table import method_named
from fullrank.training import Silent

BPR = Run("bpr", {"epochs": 7, "dim": 8, "batch_size": 64}, "made")


class Counting(Silent):
    """Counts the trainings, and stops one after an epoch."""

    trained = 0
    known = 0
    """Epochs that the last training began with."""
    stop_after: int | None = None

    def start(self, epochs, steps, history) -> None:
        type(self).trained += 1
        type(self).known = len(history)

    def epoch(self, record) -> None:
        if record["epoch"] == self.stop_after:
            raise MemoryError("as if the process had died")


@pytest.fixture
def counting():
    class Own(Counting):
        pass

    return Own


def test_a_finished_run_is_not_trained_again(tmp_path, splits, counting):
    store = Store(tmp_path, splits.of, reporter=counting)
    first = store.get(BPR)
    again = Store(tmp_path, splits.of, reporter=counting).get(BPR)
    assert counting.trained == 1
    assert again.history == first.history
    assert again.metrics == first.metrics
    assert [record["epoch"] for record in first.history] == list(range(8))


@pytest.mark.parametrize(
    "changed",
    [
        {"settings": {**BPR.settings, "lr": 11.0}},
        {"settings": {**BPR.settings, "epochs": 8}},
        {"method": "bce"},
        {"seed": 1},
        {"part": "test"},
        {"every": 2},
        {"start": dataclasses.replace(BPR, method="bce")},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_what_changes_a_run_changes_its_key(store, changed):
    assert store.key(dataclasses.replace(BPR, **changed)) != store.key(BPR)


def test_what_changes_nothing_does_not(store):
    same = {**BPR.settings, "patience": 3, "validate_every": 2, "optimizer": "sgd"}
    assert store.key(dataclasses.replace(BPR, settings=same, seeds=1)) == store.key(BPR)


def test_runs_of_before_there_was_a_setting_stand(store, monkeypatch):
    """Where it has the value that changes nothing; one that is absent for another reason stays."""

    def before(method, **options):
        found = pydantic.BaseModel.model_dump(method, **options)
        del found["item_power"]
        assert "init_dim" in found
        return found

    now = store.key(BPR)
    other = store.key(dataclasses.replace(BPR, settings={**BPR.settings, "item_power": 0.5}))
    monkeypatch.setattr(method_named("bpr"), "model_dump", before)
    assert store.key(BPR) == now != other


def test_other_data_is_another_run(tmp_path, splits):
    other = splits.named("made", validation=False)
    store, elsewhere = Store(tmp_path, splits.of), Store(tmp_path, lambda run: other)
    assert store.key(BPR) != elsewhere.key(BPR)


def test_repeated_test_pairs_and_what_is_never_shown_are_other_runs(tmp_path, splits):
    run = dataclasses.replace(BPR, part="test")
    split = splits.of(run)

    def key(part, name, value):
        other = copy.copy(getattr(split, part))
        setattr(other, name, value)
        changed = dataclasses.replace(split, **{part: other})
        return Store(tmp_path, lambda _: changed).key(run)

    rows = [np.full(len(split.test), times, dtype=np.int32) for times in (2, 3)]
    test = copy.copy(split.test)
    test.rows, test.merged = rows[0], len(test)
    split = dataclasses.replace(split, test=test)
    keys = [key("test", "rows", each) for each in rows]
    once = Store(tmp_path, splits.of).key(run)
    assert len({once, *keys}) == 3
    assert key("train", "never", split.test) not in (once, *keys)


def test_seconds_are_of_the_threads_that_were_asked_for(store):
    timed = dataclasses.replace(BPR, timed=True)
    with torch_threads(1):
        one, same = store.key(timed), store.key(BPR)
    with torch_threads(2):
        assert store.key(timed) != one
        assert store.key(BPR) == same


@pytest.mark.slow
def test_a_run_that_died_goes_on_and_has_the_same_bits(tmp_path, splits, counting):
    whole = Store(tmp_path / "whole", splits.of).get(BPR)
    counting.stop_after = 6
    store = Store(tmp_path / "died", splits.of, reporter=counting)
    with pytest.raises(MemoryError):
        store.get(BPR)
    assert not store.has(BPR)
    assert list((tmp_path / "died").glob("*.checkpoint"))
    counting.stop_after = None
    done = store.get(BPR)
    assert counting.known == 5  # not anew
    assert not list((tmp_path / "died").glob("*.checkpoint"))
    for mine, theirs in zip(done.history, whole.history, strict=True):
        assert {k: v for k, v in mine.items() if k != "seconds"} == {
            k: v for k, v in theirs.items() if k != "seconds"
        }
    assert done.metrics == whole.metrics


def test_a_damaged_run_is_trained_anew(tmp_path, splits, counting):
    said = []
    store = Store(tmp_path, splits.of, said.append, counting)
    done = store.get(BPR)
    (tmp_path / f"{done.key}.json").write_text("{}")
    assert store.get(BPR).metrics == done.metrics
    assert counting.trained == 2
    assert "damaged" in said[0]


def test_a_run_can_start_from_the_tables_of_another(store):
    first = dataclasses.replace(BPR, settings={**BPR.settings, "epochs": 2})
    second = Run("directspec+", {**first.settings, "lr": 1.0}, "made", start=first)
    done, start = store.get(second), store.tables(first)
    assert set(start) == {"users", "items"}
    assert done.history[0]["effective_rank"] == store.get(first).history[-1]["effective_rank"]
    assert all(table.dtype == torch.float32 for table in start.values())


def test_a_loss_that_diverges_is_an_answer(store):
    wild = dataclasses.replace(BPR, settings={**BPR.settings, "lr": 1e30})
    done = store.get(wild)
    assert done.error is not None
    assert "epoch" in done.error
    assert done.metrics == {}
    with pytest.raises(DataError, match="tables to start from"):
        store.tables(wild)


def test_a_closed_form_is_solved_and_tested(store):
    done = store.get(Run("popularity", {}, "made", "test"))
    assert done.history == []
    assert {name.split("/")[0] for name in done.metrics} == {"standard", "published"}
    assert len(done.users["standard/ndcg@10"]) == 80


def test_a_run_for_spectra_alone_is_not_evaluated(store):
    done = store.get(dataclasses.replace(BPR, part="none"))
    assert done.metrics == {}
    assert "ndcg@10" not in done.history[-1]
    assert done.history[-1]["effective_rank"] > 1
