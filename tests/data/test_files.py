"""Files that appear whole, one writer at a time, and nothing left of writers that were killed."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import polars as pl
import pytest

from fullrank.data import files
from fullrank.data.files import cache_folder, expanded, output, replacing, write_error
from fullrank.data.locks import exclusive, killed_in
from fullrank.errors import DataError


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def other_process():
    """Runs code in another process, up to a line that it prints."""
    started = []

    def start(code, *arguments):
        command = [sys.executable, "-c", code, *map(str, arguments)]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


HOLDS = """
import sys
from pathlib import Path
from fullrank.data.files import replacing
from fullrank.data.locks import exclusive
target, folder = Path(sys.argv[1]), sys.argv[2] == "folder"
with exclusive(target, "fullrank fit", folder=folder):
    with replacing(target / "x" if folder else target) as part:
        part.write_text("half")
        print("ready", flush=True)
        sys.stdin.readline()
"""


@pytest.mark.slow
@pytest.mark.posix
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_another_holder_is_named_and_waited_for(tmp_path, other_process, kind):
    target, said = tmp_path / "out", []
    holder = other_process(HOLDS, target, kind)
    words = rf"process {holder.pid} \(fullrank fit, since 20\d\d-"
    with (
        pytest.raises(DataError, match=words) as caught,
        exclusive(target, "a second", folder=kind == "folder"),
    ):
        pytest.fail("two holders")
    assert "\n" not in str(caught.value)
    timer = threading.Timer(0.3, lambda: holder.communicate("\n"))
    timer.start()
    with exclusive(target, "a second", folder=kind == "folder", wait=60, say=said.append) as killed:
        assert killed == ""
        assert (target / "x" if kind == "folder" else target).read_text() == "half"
    timer.join()
    assert len(said) == 1
    assert f"process {holder.pid} (fullrank fit" in said[0]
    assert names(tmp_path) == ["out"]


@pytest.mark.slow
@pytest.mark.posix
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_killed_writer_left_goes_with_the_next(tmp_path, other_process, kind):
    target = tmp_path / "out"
    holder = other_process(HOLDS, target, kind)
    home = target if kind == "folder" else tmp_path
    (home / ".hidden.part").write_text("somebody else's")
    holder.kill()
    holder.communicate()
    assert len(names(home)) == 4  # lock, holder, an unfinished file, and the other
    with exclusive(target, "a second", folder=kind == "folder") as killed:
        assert killed == ("fullrank fit" if kind == "folder" else "")
        assert not [name for name in names(home) if "fullrank-" in name and name.endswith("part")]
    assert names(home) == [".hidden.part"]


@pytest.mark.slow
@pytest.mark.posix
def test_a_folder_is_cleared_around_a_writer_at_work(tmp_path, other_process):
    """Of one file in it, who need not have the folder's lock."""
    holder = other_process(HOLDS, tmp_path / "lists.csv", "file")
    with exclusive(tmp_path, "fullrank fit", folder=True):
        assert len([name for name in names(tmp_path) if name.endswith(".part")]) == 1
    holder.communicate("\n")
    assert holder.returncode == 0
    assert (tmp_path / "lists.csv").read_text() == "half"


def test_a_holder_has_what_is_below(tmp_path):
    with exclusive(tmp_path / "a", "outer", folder=True):
        with (
            exclusive(tmp_path / "a", "inner", folder=True),
            replacing(tmp_path / "a" / "x") as part,
        ):
            part.write_text("1")
        assert killed_in(tmp_path / "a") == "outer"
    assert names(tmp_path / "a") == ["x"]


def test_other_threads_wait(tmp_path):
    seen = []

    def second():
        with (
            pytest.raises(DataError, match=f"process {os.getpid()} "),
            exclusive(tmp_path / "x", ""),
        ):
            seen.append("two holders")

    with exclusive(tmp_path / "x", "first"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert seen == []


def test_a_failure_leaves_no_folder_that_was_made_for_it(tmp_path):
    with pytest.raises(RuntimeError), replacing(tmp_path / "new" / "er" / "x"):
        raise RuntimeError
    assert names(tmp_path) == []


def test_a_disk_without_locks_is_written_to(tmp_path, monkeypatch):
    import filelock

    def acquire(self, **options):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(filelock.FileLock, "acquire", acquire)
    with replacing(tmp_path / "x") as part:
        part.write_text("1")
    assert names(tmp_path) == ["x"]


@pytest.mark.posix
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_files_have_the_permissions_of_the_umask(tmp_path, mask):
    before = os.umask(mask)
    try:
        with replacing(tmp_path / "x") as part:
            part.unlink()
            os.close(os.open(part, os.O_CREAT | os.O_WRONLY, 0o600))  # as safetensors does
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o666 & ~mask


@pytest.mark.posix
def test_the_folder_is_synced_after_the_file(tmp_path, monkeypatch):
    synced, real = [], os.fsync

    def fsync(number):
        kind = "folder" if stat.S_ISDIR(os.fstat(number).st_mode) else "file"
        synced.append((kind, (tmp_path / "x").exists()))
        real(number)

    monkeypatch.setattr(files.os, "fsync", fsync)
    with replacing(tmp_path / "x") as part:
        part.write_text("1")
    assert synced == [("file", False), ("folder", True)]


@pytest.mark.parametrize("letters", [200, 255])
def test_the_longest_names(tmp_path, letters):
    with replacing(tmp_path / ("x" * letters)) as part:
        part.write_text("1")
    assert names(tmp_path) == ["x" * letters]


def test_outputs_that_cannot_be(tmp_path, monkeypatch):
    (tmp_path / "table.csv").write_text("mine")
    with pytest.raises(DataError, match=r"found the file .*table\.csv; expected a folder"):
        output(tmp_path / "table.csv" / "below" / "model")
    with pytest.raises(DataError, match="found file name too long"):
        output(tmp_path / ("x" * 300))
    with pytest.raises(DataError, match="found no home folder for ~"):
        expanded("~nobody-of-this-name/x")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert output("~/m") == tmp_path / "m"
    monkeypatch.setenv("FULLRANK_CACHE", "~/cache")
    assert cache_folder() == tmp_path / "cache"
    assert names(tmp_path) == ["table.csv"]


def test_no_home_folder_for_the_cache(monkeypatch):
    import pooch

    monkeypatch.delenv("FULLRANK_CACHE", raising=False)
    monkeypatch.setattr(pooch, "os_cache", lambda name: f"~/.cache/{name}")
    with pytest.raises(DataError, match="no home folder; expected FULLRANK_CACHE"):
        cache_folder()


def test_a_holder_that_cannot_be_read(tmp_path):
    (tmp_path / ".fullrank.json").write_text(json.dumps([1]))
    assert killed_in(tmp_path) == ""
    with exclusive(tmp_path, "x", folder=True):
        pass
    assert names(tmp_path) == []


def test_a_disk_too_full_for_the_holders_name(tmp_path, monkeypatch):
    def full(path, *args, **options):
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files.Path, "write_text", full)
        with exclusive(tmp_path, "x", folder=True), exclusive(tmp_path.parent / "y", "y"):
            pass
    assert names(tmp_path) == []
    assert not [name for name in names(tmp_path.parent) if "fullrank-" in name]


def test_a_writer_that_panics_is_one_line(tmp_path):
    target = tmp_path / "x"
    panic = pl.exceptions.PanicException
    with pytest.raises(DataError, match="x: found index out of bounds; "), replacing(target):
        raise panic("index out of bounds\nbacktrace")
    with pytest.raises(DataError, match="found a full disk"), replacing(target):
        raise panic("called unwrap on Os { os error 28 }")
    with pytest.raises(KeyboardInterrupt), replacing(target):
        raise KeyboardInterrupt
    assert names(tmp_path) == []


def test_replacing(tmp_path):
    target = tmp_path / "new" / "x"
    with replacing(target) as part:
        part.write_text("one")
        assert not target.exists()
    with pytest.raises(UnicodeEncodeError), replacing(target) as part:
        part.write_text("half of tw\udc80", encoding="utf-8")
    assert target.read_text() == "one"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "x"), "found a full disk"),
        (OSError(errno.EDQUOT, "x"), "found a full disk"),
        (Exception("IoError: No space left on device (os error 28)"), "found a full disk"),
        (OSError(errno.EROFS, "Read-only file system"), "found read-only file system"),
        (OSError("odd"), "found odd"),
    ],
)
def test_what_is_said_of_a_failed_write(error, words):
    assert words in str(write_error(error, Path("x")))


def test_bugs_are_not_blamed_on_the_machine():
    assert write_error(ValueError("os error 2"), Path("x")) is None
