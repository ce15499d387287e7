"""Compiling at the first use: by many at once, against damage and strangers, and where it fails."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from filelock import FileLock
from first_use import one_round

from fullrank import SettingError, native
from fullrank.native import build, compiled, compiler, folder

needs_kernels = pytest.mark.skipif(not native.available(), reason=native.state())
needs_posix = pytest.mark.skipif(os.name == "nt", reason="permissions and groups of POSIX")

STATE = """
import warnings
from fullrank import native
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    print(native.state())
    native.state(), native.library()
print(*(f"{each.category.__name__}: {each.message}" for each in seen), sep="\\n")
"""
COMPILED = "native (compiled for this processor)"


def states(**environment: str | None) -> tuple[str, list[str]]:
    """State of the kernels in a new process, and its warnings."""
    merged = {**os.environ, "FULLRANK_NATIVE": "", **environment}
    done = subprocess.run(
        [sys.executable, "-c", STATE],
        env={name: value for name, value in merged.items() if value is not None},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    state, *warned = done.stdout.splitlines()
    return state, [line for line in warned if line]


@pytest.fixture
def kept(tmp_path, monkeypatch) -> Path:
    """An empty folder for kernels of this test alone, which are compiled in a moment."""
    monkeypatch.setenv(folder.VARIABLE, str(tmp_path / "kernels"))
    monkeypatch.setattr(build, "PACKAGED", tmp_path / "none")
    monkeypatch.setattr(compiler, "SOURCES", ("cpu.cpp",))
    return tmp_path / "kernels"


@pytest.fixture
def counted(monkeypatch) -> list[Path]:
    """Folders that something was compiled into."""
    calls, compile_ = [], compiled._compile
    monkeypatch.setattr(
        compiled, "_compile", lambda command, kept: calls.append(kept) or compile_(command, kept)
    )
    return calls


def script(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
    return path


@pytest.mark.slow
@needs_kernels
def test_many_at_once_all_have_the_same_kernels(tmp_path):
    seen, errors = one_round(4, 4, tmp_path / "kernels")
    assert len(seen) == 16
    assert len(set(seen)) == 1
    assert seen[0][0] == COMPILED
    assert errors == ""
    (library,) = (tmp_path / "kernels").rglob("*.so")
    assert library.stat().st_mode & 0o77 == 0
    assert (tmp_path / "kernels").stat().st_mode & 0o77 == 0
    assert not list(tmp_path.rglob("part-*"))


@needs_kernels
def test_what_is_there_is_not_compiled_again(kept, counted):
    first, second = (compiled.load_compiled()[1:] for _ in range(2))
    assert first == second
    assert counted == [first[0].parent]


@pytest.mark.slow
@needs_kernels
@pytest.mark.parametrize("left", [0, 1000, -1])
def test_a_damaged_library_is_compiled_again(kept, counted, left):
    """Loading a library that was cut short can end the process, so it must not come to that."""
    _, file, _ = compiled.load_compiled()
    content = file.read_bytes()
    file.unlink()  # this process still has it in memory
    file.write_bytes(content[:left] if left >= 0 else content[:-7] + b"garbage")
    file.chmod(0o600)
    _, again, reason = compiled.load_compiled()
    assert (again, again.read_bytes(), reason) == (file, content, "")
    assert counted == [file.parent] * 2


@pytest.mark.slow
@needs_kernels
@needs_posix
def test_a_library_that_others_can_write_is_not_loaded(kept, counted):
    _, file, _ = compiled.load_compiled()
    file.chmod(0o666)
    _, again, reason = compiled.load_compiled()
    assert (again.stat().st_mode & 0o777, reason) == (0o600, "")
    assert counted == [file.parent] * 2


@pytest.mark.slow
@needs_kernels
@needs_posix
@pytest.mark.parametrize("place", ["the folder", "one above it"])
def test_a_planted_library_is_not_loaded(kept, counted, place):
    """The folder is right in all but that everybody could have put the library there."""
    _, planted, _ = compiled.load_compiled()
    (kept if place == "the folder" else kept.parent).chmod(0o777)
    kernels, file, reason = compiled.load_compiled()
    assert planted.is_file()
    assert kept not in file.parents
    assert "can be written by" in reason
    assert kernels.fr_cpu_level() >= 0
    assert not file.exists()  # in memory alone
    assert counted == [planted.parent, file.parent]


@needs_kernels
@pytest.mark.parametrize("trouble", ["no home", "a file in the way"])
def test_without_a_folder_every_process_compiles(tmp_path, trouble, kept, monkeypatch):
    if trouble == "no home":
        monkeypatch.delenv(folder.VARIABLE)
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    else:
        kept.write_text("a file")
    again = build._Once()
    with pytest.warns(RuntimeWarning, match="every process compiles the kernels anew") as seen:
        assert again().state == COMPILED
    assert again().kernels is not None
    assert len(seen) == 1
    assert ("no home folder" if trouble == "no home" else "Not a directory") in str(seen[0].message)


@needs_kernels
@needs_posix
def test_a_read_only_folder_can_be_used(kept, counted):
    _, file, _ = compiled.load_compiled()
    for each in (file.parent, kept):
        each.chmod(0o500)
    assert compiled.load_compiled()[1:] == (file, "")
    assert counted == [file.parent]


@needs_kernels
@pytest.mark.parametrize("prefix", ["", "env "])
def test_a_compiler_may_have_flags(prefix, kept, monkeypatch):
    found = compiler.compiler()[0]
    monkeypatch.setenv("CXX", f"{prefix}'{found}' -DSOMETHING='1 2' -w")
    assert compiler.compiler()[-3:] == [found, "-DSOMETHING=1 2", "-w"]
    assert compiled.load_compiled()[2] == ""
    assert len(list(kept.rglob("*.so"))) == 1


@pytest.mark.slow
@needs_kernels
def test_who_waits_too_long_compiles_alone(kept, counted, monkeypatch):
    monkeypatch.setattr(compiled, "WAIT", 0.2)
    mine = folder.opened(folder.opened(kept) / compiled._key(compiler.compiler()))
    with FileLock(mine / "lock"):
        _, file, reason = compiled.load_compiled()
    assert (file.parent, reason) == (mine, "")
    assert counted == [mine]


@pytest.mark.slow
@needs_kernels
def test_who_waited_takes_what_another_process_compiled(kept, counted):
    command = compiler.compiler()
    mine = folder.opened(folder.opened(kept) / compiled._key(command))
    with ThreadPoolExecutor(1) as pool:
        with FileLock(mine / "lock"):
            waiting = pool.submit(compiled.load_compiled)
            time.sleep(0.3)
            assert not waiting.done()
            file = compiled._compile(command, mine)
        assert waiting.result()[1:] == (file, "")
    assert counted == [mine]


@needs_kernels
def test_what_a_killed_compiler_left_is_removed(kept):
    mine = folder.opened(folder.opened(kept) / compiled._key(compiler.compiler()))
    old, new = mine / "part-old", mine / "part-new"
    for each in (old, new):
        each.mkdir()
    os.utime(old, (1, 1))
    compiled.load_compiled()
    assert not old.exists()
    assert new.exists()


@needs_posix
def test_without_a_compiler_one_warning_says_so(tmp_path):
    state, warned = states(PATH=str(tmp_path), FULLRANK_KERNELS=str(tmp_path), CXX="")
    assert state == "torch (no compiler: none of c++, g++, clang++)"
    (line,) = warned
    assert line.startswith("RuntimeWarning: no compiled kernels, so torch does their work")
    assert "no compiler: none of c++, g++, clang++" in line
    assert "`fullrank doctor`" in line


@pytest.mark.slow
def test_nobody_is_warned_of_what_was_asked_for():
    assert states(FULLRANK_NATIVE="0") == ("torch (FULLRANK_NATIVE is 0)", [])


@pytest.mark.slow
@needs_posix
def test_a_compiler_that_fails_is_named(tmp_path):
    broken = script(tmp_path / "cxx", "echo 'In file x.h:' >&2", "echo 'error: no x' >&2", "exit 1")
    state, (warning,) = states(FULLRANK_KERNELS=str(tmp_path), CXX=str(broken))
    assert state == f"torch ({broken} failed: error: no x)"
    assert "error: no x" in warning
    state, _ = states(FULLRANK_KERNELS=str(tmp_path), CXX="/nonesuch/c++ -m64")
    assert state == "torch (/nonesuch/c++ cannot be started: No such file or directory)"


def test_a_warning_that_is_an_error_comes_once(monkeypatch):
    monkeypatch.setattr(build, "_load", lambda: build._torch("a test"))
    again = build._Once()
    with pytest.warns(RuntimeWarning, match="a test"):
        again()
    monkeypatch.undo()
    assert again().state == "torch (a test)"


def test_threads_load_once_and_one_of_them_is_warned(monkeypatch):
    calls = []

    def slow():
        calls.append(time.sleep(0.2))
        return build._torch("a test")

    monkeypatch.setattr(build, "_load", slow)
    again = build._Once()
    with pytest.warns(RuntimeWarning) as seen, ThreadPoolExecutor(8) as pool:
        answers = [each.result() for each in [pool.submit(again) for _ in range(8)]]
    assert len(calls) == len(seen) == 1
    assert all(answer is answers[0] for answer in answers)


FORK = """
import os, threading, time, warnings
from fullrank.native import build
warnings.simplefilter("ignore")
build._load = lambda: time.sleep(1) or build._torch("a test")
threading.Thread(target=build.loaded).start()
time.sleep(0.2)
child = os.fork()
if child == 0:
    os._exit(0 if build.state() == "torch (a test)" else 1)
print(os.waitpid(child, 0)[1])
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="has no fork")
def test_a_fork_while_a_thread_loads_does_not_hang():
    """The thread that holds the lock is not there in the child."""
    out = subprocess.check_output([sys.executable, "-c", FORK], text=True, timeout=30)
    assert out.strip() == "0"


def test_an_unknown_build_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(build, "PACKAGED", tmp_path)
    monkeypatch.setenv(build.VARIABLE, "x86-64-v9")
    with pytest.raises(SettingError, match="'x86-64-v9'; expected 0, 1, compile or a packaged"):
        build._Once()()
