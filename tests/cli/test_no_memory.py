"""Memory that runs out in the middle is one line, and nothing is left half-written."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from command import COLUMNS, QUICK, assert_refused, fullrank

from fullrank.data.memory import exhausted


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="a limit on addresses")
@pytest.mark.parametrize(
    ("method", "size"),
    [("bpr", "dim=300000"), ("directau", "dim=300000"), ("directspec+", "dim=300000")],
)
def test_memory_that_ends_in_the_middle_of_a_fit(events, tmp_path, monkeypatch, method, size):
    import resource

    monkeypatch.setattr("fullrank.data.memory.SMALL", 2**62)  # no estimate stands before it
    before = resource.getrlimit(resource.RLIMIT_AS)
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    used = int(re.search(r"VmSize:\s+(\d+)", status)[1]) * 1024
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**29, before[1]))
    try:
        command = ["fit", events, "-o", tmp_path / "m", "--method", method, *COLUMNS, *QUICK]
        run = fullrank(*command, "--set", size)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    run.err = "\n".join(line for line in run.err.splitlines() if "error: " in line)
    assert_refused(run, "memory: found none left (", "expected sizes that fit into it")
    assert not (tmp_path / "m" / "manifest.json").exists()


@pytest.mark.parametrize(
    "allocate",
    [
        lambda: torch.empty(2**60, dtype=torch.uint8),
        lambda: np.empty(2**60, dtype=np.uint8),
        lambda: bytearray(2**60),
    ],
    ids=["torch", "numpy", "python"],
)
def test_what_libraries_say_of_no_memory_is_known(allocate):
    with pytest.raises((MemoryError, RuntimeError)) as caught:
        allocate()
    line = str(exhausted(caught.value))
    assert line.startswith("memory: found none left (")
    assert "\n" not in line
    assert "enforce fail" not in line


def test_other_errors_are_no_lack_of_memory():
    assert exhausted(RuntimeError("a bug")) is None
    assert exhausted(ValueError("out of memory")) is None
