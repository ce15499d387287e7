"""How a command ends: signals, a forgotten --resume, two at once, full disks, odd paths."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command import COLUMNS, QUICK, assert_refused, fullrank

LONG = [*COLUMNS, "--dim", "8", "--threads", "1", "--epochs", "100000", "--set", "batch_size=16"]
LONG += ["--set", "checkpoint_every=1", "--set", "patience=100000"]
FULL = Path("/dev/full")
COMMAND = [sys.executable, "-m", "fullrank"]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def heed():
    """In the child: signals that nohup or a shell's background have this process ignore."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def start(*arguments, **options):
    options.setdefault("preexec_fn", heed)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([*COMMAND, *map(str, arguments)], **pipes | options)


def until(condition, seconds=60):
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.01)


def assert_last(run, *words):
    assert run.code == 2, run.err
    last = run.err.splitlines()[-1]
    assert last.startswith("error: "), last
    assert all(word in last for word in words), last


@pytest.mark.slow
@pytest.mark.posix
@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGHUP", 129), ("SIGINT", 130)])
def test_a_signal_keeps_a_checkpoint_that_is_not_lost_without_a_word(events, tmp_path, name, code):
    out = tmp_path / "m"
    run = start("fit", events, "-o", out, *LONG)
    until((out / "checkpoint.safetensors").exists)
    second = fullrank("fit", events, "-o", out, *COLUMNS, *QUICK)
    assert_refused(second, f"in use by process {run.pid} (fullrank fit, since 20")
    run.send_signal(getattr(signal, name))
    _, said = run.communicate(timeout=60)
    assert run.returncode == code, said
    assert "--resume goes on" in said.splitlines()[-1]
    assert names(out) == ["checkpoint.safetensors", "log.jsonl"]
    kept = (out / "checkpoint.safetensors").read_bytes()
    forgotten = fullrank("fit", events, "-o", out, *COLUMNS, *QUICK)
    assert_refused(forgotten, "the checkpoint of an unfinished run", "--resume", "--restart")
    assert (out / "checkpoint.safetensors").read_bytes() == kept
    both = fullrank("fit", events, "-o", out, *COLUMNS, *QUICK, "--resume", "--restart")
    assert_refused(both, "both --resume and --restart")
    anew = fullrank("fit", events, "-o", out, *COLUMNS, *QUICK, "--restart")
    assert anew.code == 0, anew.err
    assert "going on" not in anew.err
    assert not (out / "checkpoint.safetensors").exists()


@pytest.mark.slow
@pytest.mark.posix
@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_signal_keeps_the_best_method_so_far(events, tmp_path, name, code):
    """Where no method is named: a model that is served, and no checkpoint."""
    out = tmp_path / "m"
    run = start("fit", events, "-o", out, *COLUMNS, "--threads", "1")
    log = out / "log.jsonl"
    until(lambda: log.exists() and log.read_text("utf-8").count("\n") > 2)
    run.send_signal(getattr(signal, name))
    said, notes = run.communicate(timeout=60)
    assert (run.returncode, said) == (code, ""), notes
    last = notes.splitlines()[-1]
    assert last.startswith("interrupted: "), last
    assert "methods on the validation part" in last
    assert last.endswith(f"is kept in {out}")
    assert "checkpoint.safetensors" not in names(out)
    training = json.loads((out / "manifest.json").read_text("utf-8"))["training"]
    assert training["auto"]["stopped"] == name
    assert fullrank("recommend", out, "--user", "0017", "-k", 3).code == 0
    anew = fullrank("fit", events, "-o", out, *COLUMNS, "--method", "popularity")
    assert anew.code == 0, anew.err  # it needs no --restart: nothing unfinished is lost


@pytest.mark.slow
@pytest.mark.posix
def test_a_request_to_end_outside_training(events, tmp_path):
    """As a service manager makes it: what was begun is cleared away."""
    code = (
        "import os, signal, sys\n"
        "import polars as pl\n"
        "from fullrank.cli import main\n"
        "pl.DataFrame.write_parquet = lambda *a: os.kill(os.getpid(), signal.SIGTERM)\n"
        "main()\n"
    )
    split = ["data", "split", str(events), "-o", str(tmp_path / "parts"), *COLUMNS]
    done = subprocess.run(
        [sys.executable, "-c", code, *split], capture_output=True, text=True, check=False
    )
    assert done.returncode == 143, done.stderr
    assert "Traceback" not in done.stderr
    assert names(tmp_path) == []


@pytest.mark.slow
@pytest.mark.posix
def test_what_nohup_ignores_stays_ignored(events, tmp_path):
    out = tmp_path / "m"
    ignore = {"preexec_fn": lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)}
    run = start("fit", events, "-o", out, *LONG, **ignore)
    until((out / "checkpoint.safetensors").exists)
    run.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    assert run.poll() is None
    run.terminate()
    run.communicate(timeout=60)
    assert run.returncode == 143


def test_a_split_is_not_mistaken_for_a_killed_one(events, tmp_path):
    out = tmp_path / "parts"
    out.mkdir()
    (out / "train.parquet").write_text("mine")
    assert_refused(fullrank("data", "split", events, "-o", out, *COLUMNS), "something there")
    (out / ".fullrank.json").write_text(json.dumps({"command": "fullrank compare"}))
    assert_refused(fullrank("data", "split", events, "-o", out, *COLUMNS), "something there")
    assert (out / "train.parquet").read_text() == "mine"
    (out / ".fullrank.json").write_text(json.dumps({"command": "fullrank data split"}))
    (out / "notes.txt").write_text("mine")
    assert_refused(fullrank("data", "split", events, "-o", out, *COLUMNS), "something there")
    (out / "notes.txt").unlink()
    assert fullrank("data", "split", events, "-o", out, *COLUMNS).code == 0
    other = fullrank("data", "split", events, "-o", out, *COLUMNS, "--seed", 1)
    assert_refused(other, "another split")


@pytest.mark.slow
@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [["methods"], ["methods", "--json"], ["--help"]])
def test_standard_output_on_a_full_disk(arguments):
    with FULL.open("w") as full:
        run = start(*arguments, stdout=full)
        _, said = run.communicate(timeout=60)
    assert run.returncode == 2, said
    assert said.startswith("error: standard output: found a full disk")
    assert len(said.splitlines()) == 1


@pytest.mark.slow
@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
def test_notes_on_a_full_disk_end_no_run(events, tmp_path):
    with FULL.open("w") as full:
        run = start("fit", events, "-o", tmp_path / "m", *COLUMNS, *QUICK, stderr=full)
        run.communicate(timeout=60)
    assert run.returncode == 0
    assert (tmp_path / "m" / "manifest.json").is_file()


@pytest.mark.posix
def test_a_log_on_a_full_disk(events, tmp_path, monkeypatch):
    if not FULL.exists():
        pytest.skip("needs /dev/full")
    from fullrank.training import JsonLines

    def start(self, *args):
        self.path.symlink_to(FULL)

    monkeypatch.setattr(JsonLines, "start", start)
    given = ("--set", "alpha=0.8", "--set", "tau=3.0")  # the log begins with the first epoch
    run = fullrank("fit", events, "-o", tmp_path / "m", *COLUMNS, *QUICK, *given)
    assert_last(run, "log.jsonl: found a full disk")


@pytest.mark.slow
def test_odd_paths(events, tmp_path, monkeypatch):
    (tmp_path / "table.csv").write_text("mine")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    commands = {
        "fit": ["fit", events, *COLUMNS],
        "split": ["data", "split", events, *COLUMNS],
        "compare": ["compare", "demo"],
        "tune": ["tune", "demo"],
    }
    for command in commands.values():
        below = fullrank(*command, "-o", tmp_path / "table.csv" / "model")
        assert_refused(below, "the file", "table.csv; expected a folder")
        assert_refused(fullrank(*command, "-o", tmp_path / ("x" * 300)), "file name too long")
    assert names(tmp_path) == ["table.csv"]
    done = fullrank("fit", events, "--out=~/my model", *COLUMNS, *QUICK)
    assert done.code == 0, done.err
    assert f"fullrank recommend '{tmp_path}/my model' --user" in done.out
    assert fullrank("recommend", "~/my model", "--user", "0017", cwd=tmp_path).code == 0
    lists = fullrank(
        "recommend", tmp_path / "my model", "--all", "-o", tmp_path / ("x" * 300 + ".csv")
    )
    assert_refused(lists, "file name too long")


def test_a_split_that_is_whole_can_be_said_again(events, tmp_path):
    """As after a signal that came when the last file was in its place."""
    command = ("data", "split", events, "-o", tmp_path / "s", *COLUMNS)
    first = fullrank(*command, "--json")
    assert first.code == 0, first.err
    before = {path.name: path.read_bytes() for path in (tmp_path / "s").iterdir()}
    (tmp_path / "s" / ".fullrank.json").write_text(json.dumps({"command": "fullrank data split"}))
    again = fullrank(*command, "--json")
    assert (again.code, again.json) == (0, first.json)
    assert {path.name: path.read_bytes() for path in (tmp_path / "s").iterdir()} == before
    assert_refused(fullrank(*command, "--seed", 1), "found another split")
    (tmp_path / "s" / "mine.txt").write_text("x")
    assert_refused(fullrank(*command), "found something there already")
    assert (tmp_path / "s" / "mine.txt").exists()


def test_a_split_that_another_process_has_just_written_is_the_same_split(
    events, tmp_path, monkeypatch
):
    """It ends between the look at the folder and the lock."""
    from fullrank.data import locks

    command = ["data", "split", events, "-o", tmp_path / "parts", *COLUMNS, "--json"]
    real, others = locks.exclusive, []

    def after_another(*arguments, **options):
        monkeypatch.setattr(locks, "exclusive", real)
        others.append(fullrank(*command))
        return real(*arguments, **options)

    monkeypatch.setattr(locks, "exclusive", after_another)
    run = fullrank(*command)
    assert [run.code, others[0].code] == [0, 0], run.err
    assert run.json == others[0].json
    another = fullrank(*command, "--seed", "1")
    assert_refused(another, "another split")
    assert fullrank(*command).code == 0
