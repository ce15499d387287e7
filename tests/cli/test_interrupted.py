"""A signal at the start of any import of a command: its exit code, one line at most, no litter."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command import COLUMNS, QUICK

from fullrank import ends
from fullrank.errors import Stopped

pytestmark = pytest.mark.posix
SCRIPT = Path(__file__).with_name("interrupted.py")
NEVER = 10**9


def interrupted(name, at, *words):
    command = [sys.executable, str(SCRIPT), name, str(at), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def assert_quiet(name, at, events, out):
    done = interrupted(name, at, "fit", events, "-o", out, *COLUMNS, *QUICK)
    assert done.returncode == 128 + getattr(signal, name), (at, done.stderr)
    said = [line for line in done.stderr.splitlines() if line]
    assert "Traceback" not in done.stderr, (at, done.stderr)
    assert len([line for line in said if "orders" not in line and "fitting" not in line]) <= 1, said
    assert not out.exists() or (out / "checkpoint.safetensors").exists(), at


# Of the command line, of torch from C++, and of what is imported once the output is locked.
@pytest.mark.slow
@pytest.mark.parametrize(("name", "at"), [("SIGINT", 20), ("SIGINT", 700), ("SIGTERM", 1300)])
def test_a_signal_during_imports(events, tmp_path, name, at):
    assert_quiet(name, at, events, tmp_path / "m")


@pytest.mark.slow
def test_a_signal_at_any_import(events, tmp_path):
    whole = interrupted("SIGINT", NEVER, "fit", events, "-o", tmp_path / "m", *COLUMNS, *QUICK)
    assert whole.returncode == 0, whole.stderr
    count = int(re.search(r"(\d+) imports", whole.stderr)[1])
    assert count > 500
    for at in range(1, count, 1 + count // 24):
        assert_quiet("SIGINT", at, events, tmp_path / f"m-{at}")


@pytest.fixture
def left(monkeypatch):
    """Exit codes of the ends at once, which tests live through."""
    codes = []
    monkeypatch.setattr(os, "_exit", codes.append)
    return codes


def during_an_import(folder, name, text):
    (folder / f"{name}.py").write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        __import__(name)


RAISE = "import signal\nsignal.raise_signal(signal.SIGINT)\n"


def test_nothing_is_raised_in_an_import(tmp_path, left):
    with ends.raised(lambda: False):
        during_an_import(tmp_path, "asked_to_end_at_once", RAISE)
    assert left == [130]


def test_what_was_begun_puts_the_end_off_until_after_an_import(tmp_path, left):
    with ends.raised(lambda: True):
        during_an_import(tmp_path, "asked_to_end_later", RAISE + "after = True\n")
        assert sys.modules["asked_to_end_later"].after
        with pytest.raises(Stopped) as stopped:
            time.sleep(60)  # it is asked again before that
    assert stopped.value.exit_code == 130
    assert left == []


def test_outside_an_import_it_is_raised_and_handlers_are_given_back(left):
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(Stopped), ends.raised(lambda: False):
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
    assert left == []


def test_what_is_ignored_stays_ignored(monkeypatch, left):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        ends.at_once()
        with ends.raised(lambda: False):
            signal.raise_signal(signal.SIGINT)
    finally:
        for name in ("SIGTERM", "SIGHUP"):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
        signal.signal(signal.SIGINT, before)
    assert left == []


def test_what_is_lost_in_a_destructor_is_raised_again(left):
    class Asked:
        def __del__(self):
            signal.raise_signal(signal.SIGINT)

    hook = sys.unraisablehook
    with pytest.raises(Stopped), ends.raised(lambda: True):  # noqa: PT012
        asked = Asked()
        del asked  # an exception in it goes nowhere
        time.sleep(60)
    assert sys.unraisablehook is hook
    assert left == []


def test_other_errors_in_destructors_are_told_as_ever(monkeypatch):
    class Wrong:
        def __del__(self):
            raise ValueError("a bug")

    told = []
    monkeypatch.setattr(sys, "unraisablehook", lambda each: told.append(str(each.exc_value)))
    with ends.raised(lambda: True):
        wrong = Wrong()
        del wrong
    assert told == ["a bug"]
