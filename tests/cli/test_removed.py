"""The output folder is removed while a command is at work: one line, and no traceback."""

from __future__ import annotations

import shutil

import pytest
from command import COLUMNS, QUICK, assert_refused, fullrank

from fullrank.data.files import as_data_errors
from fullrank.training.checkpoint import CheckpointFile


def removing(folder, function):
    """The function, after whose first call the folder is gone."""

    def called(*args, **options):
        result = function(*args, **options)
        shutil.rmtree(folder, ignore_errors=True)
        return result

    return called


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["fit", "tune"])
def test_at_a_checkpoint_or_after_the_first_trial(verb, events, tmp_path, monkeypatch):
    out = tmp_path / "out"
    fixed = ("--set=epochs=4", "--set=batch_size=64", "--set=dim=8", "--threads", "1")
    more = {
        "fit": ("--method", "bpr", "--set=checkpoint_every=1"),
        "tune": ("--method", "bpr", "--trials", "2", "--set=validate_every=2"),
    }[verb]
    if verb == "tune":
        pytest.importorskip("optuna")
        from fullrank.studies import tune

        monkeypatch.setattr(tune, "_run", removing(out, tune._run))
    else:
        file = CheckpointFile
        monkeypatch.setattr(file, "save", removing(out, file.save))
    run = fullrank(verb, events, *COLUMNS, "-o", out, *fixed, *more)
    assert run.code == 2
    assert "Traceback" not in run.err
    assert run.err.splitlines()[-1].startswith(f"error: {out}")
    assert "found no folder any more; expected" in run.err
    monkeypatch.undo()
    again = fullrank(verb, events, *COLUMNS, "-o", out, *fixed, *more)
    assert again.code == 0, again.err


def test_a_comparison_whose_folder_is_removed(events, tmp_path, monkeypatch):
    """A run makes its folder again where it can; what it cannot write is not the method's fault."""
    out = tmp_path / "out"
    command = ("compare", events, *COLUMNS, "-o", out, "--methods", "popularity", "--seeds", 2)
    from fullrank.studies import compare

    monkeypatch.setattr(compare, "_run", removing(out, compare._run))
    run = fullrank(*command, "--json")
    assert run.code == 0, run.err
    assert (out / "comparison.json").is_file()

    def gone(path, *args):
        shutil.rmtree(out)
        with as_data_errors(path):
            path.open()

    monkeypatch.undo()
    monkeypatch.setattr(compare, "write_run", gone)
    shutil.rmtree(out)
    run = fullrank(*command)
    assert_refused(run, f"{out}", "found no folder any more")


@pytest.mark.slow
def test_before_the_final_save(events, tmp_path, monkeypatch):
    """Nothing of a long training is lost: the folder is made again."""
    out = tmp_path / "out"
    from fullrank import recommender

    monkeypatch.setattr(recommender, "evaluate", removing(out, recommender.evaluate))
    run = fullrank("fit", events, *COLUMNS, "-o", out, *QUICK)
    assert run.code == 0, run.err
    assert fullrank("inspect", out).code == 0


def test_a_split_of_which_a_part_is_removed(events, tmp_path, monkeypatch):
    from fullrank.data.interactions import Interactions

    out = tmp_path / "out"
    monkeypatch.setattr(Interactions, "to_frame", removing(out, Interactions.to_frame))
    assert_refused(fullrank("data", "split", events, *COLUMNS, "-o", out), "no folder any more")
    monkeypatch.undo()
    assert fullrank("data", "split", events, *COLUMNS, "-o", out).code == 0
