"""Files of lists by workers of Ray: the bits of one process, whatever dies on the way."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import scored
from command import assert_refused, fullrank
from scored import KINDS, Killed, fitted, job_of, same, top

from fullrank import native
from fullrank.errors import DataError, SettingError
from fullrank.scale import scoring_workers
from fullrank.scale.cluster import cluster
from fullrank.scale.scoring import fingerprint, score
from fullrank.scale.scoring_folder import MANIFEST
from fullrank.scale.scoring_worker import Task, Worker, result_of
from fullrank.scale.scoring_workers import BLAS, blas_threads, is_steady, workers

ray = pytest.importorskip("ray")
CHILDREN = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")


@pytest.fixture(scope="module")
def running():
    """One cluster for all; it takes seconds to start."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with cluster(2) as found:
        after = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        assert after == before  # Ray takes them for itself
        found.cloudpickle.register_pickle_by_value(scored)
        yield found


@pytest.fixture(scope="module")
def folders(small, tmp_path_factory):
    home = tmp_path_factory.mktemp("models")
    return {name: (fitted(name, small, home / name), home / name) for name in KINDS}


@pytest.mark.slow
def test_two_workers_give_the_bits_of_one_process(running, folders, tmp_path):
    """Of a method whose dense products round by the users and threads that share them."""
    model, folder = folders["allpass"]
    written = score(job_of(model, tmp_path), model, workers(model, folder, 2))
    ids = model.users.values
    assert same(tmp_path, pl.concat([top(model, ids[at : at + 60]) for at in range(0, 200, 60)]))
    assert (written.made, written.rows) == (4, 1000)
    assert written.lengths == Counter({5: 200, 0: 0})


@pytest.mark.slow
def test_a_worker_that_is_killed_is_replaced(running, folders, tmp_path, capfd):
    model, folder = folders["bpr"]
    (tmp_path / "marks").mkdir()
    make = Killed(model.users.values[70], tmp_path / "marks")
    job, said = job_of(model, tmp_path / "lists", make=make), []
    written = score(job, model, workers(model, folder, 1, say=said.append))
    assert len(list((tmp_path / "marks").iterdir())) == 1
    assert written.made == 4
    assert same(tmp_path / "lists", top(model, model.users.values))
    assert said == ["a worker died; another has taken its place and begun its users again"]
    assert not [each.name for each in job.out.iterdir() if each.name.startswith(".")]
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_users_who_kill_their_worker_end_the_run_in_one_line(running, folders, tmp_path):
    model, folder = folders["bpr"]
    (tmp_path / "marks").mkdir()
    make = Killed(model.users.values[70], tmp_path / "marks", most=100)
    job = job_of(model, tmp_path / "lists", make=make)
    with pytest.raises(DataError, match="died at the same users; expected memory for all of them"):
        score(job, model, workers(model, folder, 1, retries=0))
    made = score(replace(job, make=top), model).made
    assert made == 3  # the first was whole
    assert same(tmp_path / "lists", top(model, model.users.values))


@pytest.mark.slow
def test_what_a_worker_finds_wrong_comes_back_as_one_line(folders, tmp_path):
    model, folder = folders["bpr"]

    def row_of(make, folder):
        task = Task(job_of(model, tmp_path, make=make), folder, "", 1, None, {})
        return {name: each[0] for name, each in Worker(task)({"number": np.array([2])}).items()}

    def wide(model, users):
        raise MemoryError("no room")

    for make, at, kind, words in (
        (top, tmp_path / "none", DataError, "found no such folder"),
        (top, folder, DataError, "found another model; expected the one that the lists were"),
    ):
        with pytest.raises(kind, match=words):
            result_of(None, row_of(make, at))
    task = Task(job_of(model, tmp_path, make=wide), folder, fingerprint(folder), 1, None, {})
    row = {name: each[0] for name, each in Worker(task)({"number": np.array([2])}).items()}
    with pytest.raises(SettingError, match="memory: found none left"):
        result_of(None, row)


@pytest.mark.slow
def test_the_command_gives_the_rows_of_the_plain_one(running, folders, tmp_path):
    """Under a rule, of users who are folded in: workers get a copy of the model with them."""
    _, folder = folders["bpr"]
    pairs = pl.DataFrame({"user_id": [f"new{n // 3}" for n in range(300)], "item_id": ["i1"] * 300})
    items = pl.Series([f"i{n}" for n in np.random.default_rng(0).integers(0, 120, 300)])
    pairs.with_columns(item_id=items).unique().write_csv(tmp_path / "new.csv")
    common = [
        "recommend",
        folder,
        "-k",
        7,
        "--fold-in",
        tmp_path / "new.csv",
        "--at-most",
        "title=1",
    ]
    plain, lists = tmp_path / "plain.parquet", tmp_path / "lists"
    assert fullrank(*common, "-o", plain).code == 0
    by = ["-o", lists, "--users-per-file", 50, "--json"]
    run = fullrank(*common, *by, "--workers", 2)
    assert run.code == 0, run.err
    assert same(lists, pl.read_parquet(plain))
    assert run.json["files_made"] == run.json["files"] == 2
    assert fullrank(*common, *by).json == run.json | {"files_made": 0}


@pytest.mark.slow
@pytest.mark.skipif(not CHILDREN.exists(), reason="needs a list of a process's children")
def test_ctrl_c_ends_none_of_the_processes_of_ray(running):
    """A terminal sends it to all; one that ended by it would take this process along."""
    status = [Path(f"/proc/{pid}/status").read_text() for pid in CHILDREN.read_text().split()]
    of_ray = [text for text in status if text.splitlines()[0].endswith(("raylet", "gcs_server"))]
    assert len(of_ray) == 2
    for text in of_ray:
        ignored = int(text.partition("SigIgn:")[2].split()[0], 16)
        assert ignored >> (signal.SIGINT - 1) & 1


@pytest.mark.slow
def test_more_workers_than_processors_is_one_line(running, folders, tmp_path):
    model, folder = folders["bpr"]
    total = int(running.cluster_resources()["CPU"])
    with pytest.raises(SettingError, match=f"{total + 1} for a cluster of {total} processors"):
        score(job_of(model, tmp_path), model, workers(model, folder, total + 1))


def test_a_machine_that_sees_neither_folder_has_files_and_sends_files(folders, tmp_path):
    """The worker of another machine, without one: what it would be given, and what it returns."""
    model, folder = folders["bpr"]
    job = job_of(model, tmp_path / "lists")
    files = {each.name: np.fromfile(each, np.uint8) for each in folder.iterdir()}
    packed = model.scorer.packed_items()
    elsewhere = replace(job, out=tmp_path / "nowhere")
    task = Task(
        elsewhere,
        tmp_path / "no-model",
        fingerprint(folder),
        1,
        (packed.width, packed.panels),
        files,
    )
    job.out.mkdir()
    worker = Worker(task)
    results = []
    for number in range(job.files):
        row = {name: each[0] for name, each in worker({"number": np.array([number])}).items()}
        assert row["file"]
        results.append(result_of(job, row))
    assert results == [(n, Counter({5: 60 if n < 3 else 20, 0: 0})) for n in range(4)]
    assert same(job.out, top(model, model.users.values))
    assert not (tmp_path / "nowhere").exists()


def test_panels_of_other_kernels_are_not_used(folders, tmp_path):
    """Of another width they would be read in the wrong order."""
    model, folder = folders["bpr"]
    packed = model.scorer.packed_items()
    wrong = native.PackedItems(np.zeros_like(model.scorer.item_table.numpy()), 1).panels
    job, lists = job_of(model, tmp_path), []
    for panels in (
        (2 * packed.width, wrong),
        (packed.width, wrong[:-1]),
        (packed.width, wrong),
    ):
        task = Task(job, folder, fingerprint(folder), 1, panels, {})
        row = Worker(task)({"number": np.array([0])})
        lists.append(pl.read_parquet(row["file"][0]))
    expected = top(model, model.users.values[:60])
    assert [each.equals(expected) for each in lists] == [True, True, False]


def test_who_depends_on_threads_has_those_of_this_process(folders, monkeypatch):
    assert {name for name in KINDS if is_steady(folders[name][0].scorer)} == scored.STEADY
    for name in BLAS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(scoring_workers.native, "cores", lambda: 6)
    assert blas_threads() == {"OMP_NUM_THREADS": "6"}
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("MKL_NUM_THREADS", "2")
    assert blas_threads() == {"OMP_NUM_THREADS": "3", "MKL_NUM_THREADS": "2"}


def test_without_ray_the_command_says_what_to_install(folders, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    common = ["recommend", folders["bpr"][1], "--all", "-o", tmp_path / "lists"]
    words = ("option --workers: found no package ray", "pip install 'fullrank[scale]'")
    assert_refused(error_alone(fullrank(*common, "--workers", 2)), *words)
    assert list(tmp_path.iterdir()) == []
    assert fullrank(*common).code == 0


@pytest.mark.slow
def test_options_of_folders(folders, tmp_path):
    _, folder = folders["bpr"]
    common = ["recommend", folder, "-k", 3]
    refused = [
        (["--all", "-o", "lists.parquet", "--workers", 2], "option --workers", "'lists.parquet'"),
        (["--all", "-o", "lists.csv", "--users-per-file", 9], "--users-per-file", "a folder"),
        (["--user", "u1", "-o", "lists", "--workers", 1], "--user", "--all, or a file"),
        (["--user", "u1", "--workers", 1], "option --workers", "no -o"),
        (["--all", "-o", "lists.xlsx"], "'lists.xlsx'", "or a folder's, without an ending"),
        (["--all"], "option --all", "no -o"),
    ]
    for options, *words in refused:
        assert_refused(fullrank(*common, *options, cwd=tmp_path), *words)
    assert list(tmp_path.iterdir()) == []
    run = fullrank(*common, "--all", "-o", "lists", "--users-per-file", 150, cwd=tmp_path)
    assert (run.code, run.out) == (0, "600 rows for 200 users in 2 files of lists\n")
    lists = tmp_path / "lists"
    assert json.loads((lists / MANIFEST).read_text())["model"]["method"] == "bpr"
    for options, *words in (
        (["-k", 4], "lists: found lists of another run: options k 3", "options k 4"),
        (["--exclude", "train"], "options exclude"),
        (["--deny", "deny.txt"], "options deny null"),
    ):
        (tmp_path / "deny.txt").write_text("i1\n")
        given = ["recommend", folder, "-k", 3, "--all", "-o", "lists", "--users-per-file", 150]
        assert_refused(
            error_alone(fullrank(*given, *options, cwd=tmp_path)), "another folder", *words
        )


def error_alone(run):
    """Without the notes before the error."""
    run.err = "\n".join(line for line in run.err.splitlines() if line.startswith("error: "))
    return run
