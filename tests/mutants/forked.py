"""Runs tests on a copy of the package, each time in a fork of a process that has torch in memory.

Importing torch, polars and pytest takes most of the time of a short test; a fork has them at once.
The package itself is never imported before the fork, so that each child reads its own.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from mutant import ROOT, Verdict

HEAVY = (
    *("hypothesis", "numpy", "optuna", "pandas", "polars", "pydantic", "pytest", "safetensors"),
    *("scipy.sparse", "scipy.stats", "torch", "typer", "_pytest.assertion.rewrite"),
)


def preload() -> None:
    """Imports what every test needs, without threads that a fork would lose."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS"):
        os.environ[name] = "1"
    for name in HEAVY:
        importlib.import_module(name)
    assert "fullrank" not in sys.modules


class First:
    """A pytest plugin: the first test that failed, or why none could be collected.

    Tests of many examples come last: most mutants fall to one that is quicker.
    """

    def __init__(self) -> None:
        self.found = {"failed": "", "broken": ""}

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items.sort(key=lambda item: getattr(item.obj, "is_hypothesis_test", False))

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed and not self.found["failed"]:
            self.found["failed"] = report.nodeid

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.found["broken"] = str(report.longrepr).strip().splitlines()[-1]


def verdict_of(tests: str, source: Path, seconds: float) -> Verdict:
    """What tests say of the package in ``source``; ``slow`` if they take longer than that."""
    began = time.monotonic()
    ends, starts = os.pipe()
    child = os.fork()
    if child == 0:
        _child(tests, source, starts)
    os.close(starts)
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() - began > seconds:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            os.close(ends)
            return Verdict("slow", "", round(time.monotonic() - began, 1))
        time.sleep(0.02)
    with os.fdopen(ends, encoding="utf-8") as pipe:
        found = json.loads(pipe.read() or '{"failed": "", "broken": "the process died"}')
    word = "killed" if found["failed"] else "broken" if found["broken"] else "SURVIVED"
    by = found["failed"] or found["broken"]
    return Verdict(word, by, round(time.monotonic() - began, 1))


def _child(tests: str, source: Path, starts: int) -> None:
    os.setpgid(0, 0)
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    os.chdir(ROOT)
    os.environ |= {"PYTHONPATH": str(source), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    sys.path.insert(0, str(source))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
    import hypothesis
    import pytest

    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)  # no time for shrinking
    own = {"phases": phases, "database": None, "deadline": None}
    own["suppress_health_check"] = list(hypothesis.HealthCheck)  # of a busy machine
    hypothesis.settings.register_profile("mutants", **own)
    hypothesis.settings.load_profile("mutants")
    first = First()
    options = ["-x", "-q", "-p", "no:cacheprovider", "-m", "not slow"]
    options += ["-p", "_hypothesis_pytestplugin", "--hypothesis-seed=0"]
    code = pytest.main([*options, *tests.split()], plugins=[first])
    if code not in (0, 1) and not first.found["failed"]:
        first.found["broken"] = first.found["broken"] or f"pytest ended with {code}"
    os.write(starts, json.dumps(first.found).encode())
    os._exit(0)
