from __future__ import annotations

import numpy as np
import pytest

import fullrank as fr
from fullrank import DataError, FitError, SettingError
from fullrank.data import Split, generate, random_split
from fullrank.data.divisions import divisions
from fullrank.methods import METHODS, ByRule, Span, build_method
from fullrank.studies import tune as tuning
from fullrank.studies.trials import Best
from fullrank.studies.tune import tune

FIXED = {"dim": 8, "batch_size": 64, "epochs": 4, "validate_every": 2}
SPACE = {"lr": Span(0.1, 100.0, log=True), "negatives": Span(1, 3)}


@pytest.mark.parametrize("method", METHODS)
def test_every_space_is_of_settings_that_hold(method):
    """The ends of each span are values that the method takes."""
    for name, each in METHODS[method].space.items():
        each = each.otherwise if isinstance(each, ByRule) else each
        ends = each if isinstance(each, tuple) else (each.low, each.high)
        for value in ends:
            assert getattr(build_method(method, {name: value}), name) == value


def test_methods_without_a_space_have_nothing_to_search():
    assert [name for name, method in METHODS.items() if not method.space] == ["popularity"]


def test_the_best_trial_wins(small):
    lines = []
    study = tune(small, "bpr", 6, fixed=FIXED, space=SPACE, log=lines.append)
    assert len(lines) == study.trials == 6
    assert study.settings["dim"] == 8
    assert 0.1 <= study.settings["lr"] <= 100
    assert isinstance(study.settings["negatives"], int)
    assert study.epochs in (2, 4)
    model = fr.Recommender("bpr", **study.settings).fit(small.train, small.validation)
    assert model.training["validation_ndcg@20"] == study.value
    shown = [float(line.split()[4]) for line in lines if line.split()[4][0].isdigit()]
    assert round(study.value, 5) == max(shown)


@pytest.mark.slow
def test_the_seed_makes_the_search(small):
    one, again, other = [], [], []
    for seed, lines in ((1, one), (1, again), (2, other)):
        tune(small, "bpr", 5, fixed=FIXED, space=SPACE, seed=seed, log=lines.append)
    assert one == again
    assert one[0] == other[0]  # what the method comes with
    assert not set(one[1:]) & set(other[1:])


def test_the_test_part_is_not_looked_at(small):
    nothing = Split("small", small.train, small.validation, None)
    found = [tune(split, "bpr", 3, fixed=FIXED, space=SPACE) for split in (small, nothing)]
    assert found[0].settings == found[1].settings


@pytest.mark.slow
def test_a_study_goes_on(small, tmp_path):
    storage = tmp_path / "what?[1]%41" / "study.db"
    tune(small, "bpr", 3, fixed=FIXED, space=SPACE, storage=storage)
    assert storage.is_file()
    lines = []
    study = tune(small, "bpr", 5, fixed=FIXED, space=SPACE, storage=storage, log=lines.append)
    assert [line.split(":")[0] for line in lines] == ["trial 4 of 5", "trial 5 of 5"]
    assert study.trials == 5
    with pytest.raises(DataError, match="another fixed"):
        tune(small, "bpr", 6, fixed=FIXED | {"dim": 4}, space=SPACE, storage=storage)


@pytest.mark.slow
@pytest.mark.parametrize("stops", [(1,), (3,), (2, 4)])
def test_a_study_that_went_on_is_the_study_without_a_stop(small, tmp_path, stops):
    """The same trials, the same best of all, and no trial twice, wherever it stopped."""
    whole, parts = [], []
    once = tune(small, "bpr", 6, fixed=FIXED, space=SPACE, storage=tmp_path / "1", log=whole.append)
    for trials in (*stops, 6):
        last = tune(
            small, "bpr", trials, fixed=FIXED, space=SPACE, storage=tmp_path / "2", log=parts.append
        )
    assert [line.partition(": ")[2] for line in parts] == [
        line.partition(": ")[2] for line in whole
    ]
    assert len({line.partition("lr ")[2] for line in parts}) == 6
    assert (last.value, last.settings, last.epochs) == (once.value, once.settings, once.epochs)


def test_the_best_so_far_is_the_highest():
    best = Best([0.2, 0.4, 0.3])
    assert [best.seen(value) for value in (0.3, 0.4, None, 0.5, 0.45)] == [
        "",
        "",
        "",
        "(best so far)  ",
        "",
    ]
    assert Best().seen(0.0) == "(best so far)  "


@pytest.mark.slow
def test_the_first_trial_that_was_asked_for_is_made_after_a_kill(small, tmp_path):
    """Killed in its first trial, which stays in the storage as one that runs."""
    storage = tmp_path / "study.db"
    start = {"lr": 0.5, "negatives": 2}
    more = {"fixed": FIXED, "space": SPACE, "storage": storage, "start": start}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tuning, "_run", stop_in_a_trial)
        with pytest.raises(KeyboardInterrupt):
            tune(small, "bpr", 2, **more)
    lines = []
    tune(small, "bpr", 2, **more, log=lines.append)
    assert "lr 0.5, negatives 2" in lines[0]
    assert "lr 0.5, negatives 2" not in lines[1]
    tune(small, "bpr", 4, **more, log=lines.append)  # of a study that has made it
    assert len(lines) == 4
    assert not any("lr 0.5, negatives 2" in line for line in lines[1:])


def stop_in_a_trial(*args):
    raise KeyboardInterrupt


@pytest.mark.slow
@pytest.mark.parametrize("direction", [1, -1])
def test_the_study_has_the_settings_of_the_highest_value(small, tmp_path, monkeypatch, direction):
    """The value of a trial is a known function of its setting; its largest is what is found."""

    def known(optuna, trial, splits, method, values, threads):
        return optuna.trial.TrialState.COMPLETE, direction * values["lr"]

    monkeypatch.setattr(tuning, "_run", known)
    space = {"lr": Span(1.0, 2.0)}
    storage = tmp_path / "study.db"
    study = tune(small, "bpr", 12, fixed=FIXED, space=space, storage=storage)
    assert tuning.open_study(storage).best_value == study.value  # what the search goes by
    assert study.value == direction * study.settings["lr"]
    assert study.settings["lr"] > 1.9 if direction > 0 else study.settings["lr"] < 1.1


@pytest.mark.parametrize("method", ["bpr", "itemknn"])
def test_a_value_is_the_mean_over_divisions(small, method):
    """Each by a fit of its own on the division, and the epochs are the median of the best."""
    more = {"fixed": FIXED, "space": SPACE} if method == "bpr" else {}
    study = tune(small, method, 3, **more, repeats=3)
    values, epochs = [], []
    for each in divisions(small, 3):
        model = fr.Recommender(method, **study.settings)
        if method == "bpr":
            model.fit(each.train, each.validation)
            values.append(model.training["validation_ndcg@20"])
            epochs.append(model.training["best_epoch"])
        else:
            found = model.fit(each.train).evaluate(each.validation, k=20, metrics=("ndcg",))
            values.append(found["ndcg@20"])
    assert study.values == pytest.approx(values, abs=1e-12)
    assert study.value == pytest.approx(np.mean(values))
    assert study.repeats == 3
    assert study.epochs == (int(np.median(epochs)) if epochs else None)
    once = tune(small, method, 3, **more)
    assert once.values == [once.value]
    assert once.value != study.value


def test_the_epochs_are_the_median_of_those_of_the_divisions(small, monkeypatch):
    found = iter([(0.1, 9), (0.3, 2), (0.2, 4)])
    monkeypatch.setattr(tuning, "fitted", lambda model, split, watch: next(found))
    study = tune(small, "bpr", 1, fixed=FIXED, space=SPACE, repeats=3)
    assert (study.epochs, study.values) == (4, [0.1, 0.3, 0.2])
    assert study.value == pytest.approx(0.2)


@pytest.mark.slow
def test_a_study_over_divisions_goes_on(small, tmp_path):
    """Killed on a later division of a trial: the trial is made anew, the others are not."""
    more = {"fixed": FIXED, "space": SPACE, "repeats": 2}
    once = tune(small, "bpr", 4, **more)
    storage, real, seconds = tmp_path / "study.db", tuning.fitted, []
    whole, lines = [], []
    tune(small, "bpr", 4, **more, log=whole.append)

    def killed(model, split, watch):
        seconds.append(watch is None)
        if sum(seconds) == 2:
            raise KeyboardInterrupt
        return real(model, split, watch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tuning, "fitted", killed)
        with pytest.raises(KeyboardInterrupt):
            tune(small, "bpr", 4, **more, storage=storage)
    again = tune(small, "bpr", 4, **more, storage=storage, log=lines.append)
    assert 1 <= len(lines) < 4
    assert lines == whole[-len(lines) :]
    assert (again.value, again.settings, again.values) == (once.value, once.settings, once.values)
    with pytest.raises(DataError, match="another split"):
        tune(small, "bpr", 5, **more | {"repeats": 1}, storage=storage)


@pytest.mark.parametrize("method", ["bpr", "itemknn"])
def test_fewer_items_than_the_cutoff(method):
    split = random_split(generate(40, 12, 200, seed=3), test=0, validation=0.2)
    study = tune(split, method, 1, fixed={"epochs": 1, "batch_size": 8} if method == "bpr" else {})
    assert 0 < study.value <= 1


def test_methods_without_epochs(small):
    study = tune(small, "itemknn", 3)
    assert study.epochs is None
    assert set(study.settings) == {"neighbours", "shrinkage", "popularity"}


def test_trials_that_diverge_are_failures(small):
    space = {"lr": Span(1e30, 1e31)}
    with pytest.raises(FitError, match="no trial with a value"):
        tune(small, "bpr", 2, fixed=FIXED, space=space)


def test_what_cannot_be_tuned(small):
    with pytest.raises(DataError, match="no validation part"):
        tune(Split("x", small.train, None, small.test), "bpr", 1)
    empty = small.train.select(np.zeros(0, dtype=np.int64))
    with pytest.raises(DataError, match="an empty validation part"):
        tune(Split("x", small.train, empty, small.test), "bpr", 1)
    for arguments, words in (({"trials": 0}, "trials: found 0"), ({"seed": -1}, "seed: found -1")):
        with pytest.raises(SettingError, match=words):
            tune(small, "bpr", **{"trials": 1} | arguments)
    with pytest.raises(SettingError, match="method popularity"):
        tune(small, "popularity", 1)
    with pytest.raises(SettingError, match="no setting that is not fixed"):
        tune(small, "bpr", 1, fixed={"lr": 1.0}, space={"lr": Span(1.0, 2.0)})


def test_a_storage_that_is_no_study_is_one_line(small, tmp_path):
    (tmp_path / "study.db").write_text("no database" * 100)
    with pytest.raises(DataError, match=r"study\.db: found file is not a database") as caught:
        tune(small, "bpr", 1, storage=tmp_path / "study.db")
    assert "\n" not in str(caught.value)


def test_a_storage_on_a_full_disk_is_one_line(small, tmp_path, monkeypatch):
    import sqlite3

    from fullrank.studies import tune as module

    def full(*args):
        try:
            raise sqlite3.OperationalError("database or disk is full")
        except sqlite3.OperationalError as error:
            raise RuntimeError("an internal error") from error

    monkeypatch.setattr(module, "_open", full)
    with pytest.raises(DataError, match="found a full disk"):
        tune(small, "bpr", 1, storage=tmp_path / "study.db")
