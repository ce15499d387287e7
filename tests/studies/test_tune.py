from __future__ import annotations

import pytest

import fullrank as fr
from fullrank import DataError, FitError, SettingError
from fullrank.data import Split
from fullrank.methods import METHODS, Span, build_method
from fullrank.studies.tune import tune

FIXED = {"dim": 8, "batch_size": 64, "epochs": 4, "validate_every": 2}
SPACE = {"lr": Span(0.1, 100.0, log=True), "negatives": Span(1, 3)}


@pytest.mark.parametrize("method", METHODS)
def test_every_space_is_of_settings_that_hold(method):
    """The ends of each span are values that the method takes."""
    for name, each in METHODS[method].space.items():
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


def test_the_seed_makes_the_search(small):
    one, again, other = (
        tune(small, "bpr", 5, fixed=FIXED, space=SPACE, seed=seed) for seed in (1, 1, 2)
    )
    assert one.settings == again.settings
    assert one.value == again.value
    assert one.settings != other.settings


def test_the_test_part_is_not_looked_at(small):
    nothing = Split("small", small.train, small.validation, None)
    found = [tune(split, "bpr", 3, fixed=FIXED, space=SPACE) for split in (small, nothing)]
    assert found[0].settings == found[1].settings


def test_a_study_goes_on(small, tmp_path):
    storage = tmp_path / "folder" / "study.db"
    tune(small, "bpr", 3, fixed=FIXED, space=SPACE, storage=storage)
    lines = []
    study = tune(small, "bpr", 5, fixed=FIXED, space=SPACE, storage=storage, log=lines.append)
    assert [line.split(":")[0] for line in lines] == ["trial 4 of 5", "trial 5 of 5"]
    assert study.trials == 5
    with pytest.raises(DataError, match="another fixed"):
        tune(small, "bpr", 6, fixed=FIXED | {"dim": 4}, space=SPACE, storage=storage)


def test_methods_without_epochs(small):
    study = tune(small, "itemknn", 3)
    assert study.epochs is None
    assert set(study.settings) == {"neighbours", "shrinkage"}


def test_trials_that_diverge_are_failures(small):
    space = {"lr": Span(1e30, 1e31)}
    with pytest.raises(FitError, match="no trial with a value"):
        tune(small, "bpr", 2, fixed=FIXED, space=space)


def test_what_cannot_be_tuned(small):
    with pytest.raises(DataError, match="no validation part"):
        tune(Split("x", small.train, None, small.test), "bpr", 1)
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
