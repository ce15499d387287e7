"""Memory and threads that the system refuses: an error or fewer threads, and the process lives."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from fullrank import native

pytestmark = [
    pytest.mark.skipif(not native.available(), reason=native.state()),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits as Linux has them"),
    pytest.mark.skipif("LD_PRELOAD" in os.environ, reason="a sanitizer needs its own memory"),
]

HEAD = """
import os, resource, sys, threading
import numpy as np
from fullrank import native
native.library()
rng = np.random.default_rng(0)

def room(more):  # of bytes beyond what is in use
    pages = int(open("/proc/self/statm").read().split()[0])
    limit = pages * resource.getpagesize() + more
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

def refused(work):
    try:
        work()
    except MemoryError as error:
        return str(error)
    raise SystemExit("no MemoryError")
"""


def run(code):
    done = subprocess.run(
        [sys.executable, "-c", HEAD + code],
        env={**os.environ, native.CORES: "4"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_steps_that_are_too_large():
    out = run("""
room(2**28)
plus = {"objective": "log-positive", "balance": "directspec+"}
print(refused(lambda: native.PairSteps((9, 9, 16), 60_000, 1, **plus)))
print(refused(lambda: native.PairSteps((9, 9, 2**31 - 1), 2**31 - 1, 1, **plus)))
print(refused(lambda: native.NegativeSteps((9, 9, 16), 2**20, 2**10, 1, "bpr")))
print(refused(lambda: native.NegativeSteps((9, 9, 2**31 - 1), 2**20, 2**10, 1, "ccl", shared=True)))
steps = native.PairSteps((9, 9, 16), 64, 1, **plus)
at = rng.integers(9, size=(2, 64))
tables = [native.ParameterTable(rng.random((9, 16), dtype=np.float32)) for _ in range(2)]
assert np.isfinite(steps.run(tables, native.OptimizerStep(), at, at)).all()
""")
    lines = out.splitlines()
    assert len(lines) == 4
    for line in lines:
        assert line.startswith("kernel ")
        assert "_open: no room for " in line
        assert line.endswith(" bytes")
    size = int(lines[0].split("no room for ")[1].split()[0].replace(",", ""))
    assert size >= 60_000**2 * 4


def test_memory_refused_to_a_member_of_a_team():
    """The lists of four members are asked for before they start."""
    out = run("""
items = native.PackedItems(rng.random((1_000_000, 1), dtype=np.float32), 1)
users = rng.random((40, 1), dtype=np.float32)
job = users, items, np.arange(40), 500_000, 4
room(2**28)
print(refused(lambda: native.top_k(*job)))
found, _, _ = native.top_k(users, items, np.arange(40), 3, 4)
print(found.shape)
""")
    message, shape = out.splitlines()
    assert message.startswith("kernel top_k: no room for ")
    assert shape == "(40, 3)"


@pytest.mark.slow
def test_memory_refused_within_a_step():
    """The rows of a batch are counted as they come, so their sums are asked for by a member."""
    out = run("""
n, batch, dim = 40_000, 40_000, 512
tables = [native.ParameterTable(np.ones((n, dim), dtype=np.float32)) for _ in range(2)]
steps = native.NegativeSteps((n, n, dim), batch, 1, 4, "bpr")
at = np.arange(batch)[None]
room(2**26)
print(refused(lambda: steps.run(tables, native.OptimizerStep(lr=0.1), at, at, at[..., None])))
assert all((each.table == 1).all() for each in tables)
""")
    assert out.startswith("kernel negative_run: no room for ")


@pytest.mark.slow
def test_threads_that_are_refused_are_done_without():
    """`ulimit -u` does not bind root, so the process becomes nobody first."""
    out = run("""
tables = [native.ParameterTable(rng.random((50, 16), dtype=np.float32)) for _ in range(2)]
at = rng.integers(50, size=(3, 64))
excluded = [(np.zeros(51, dtype=np.int64), np.empty(0, dtype=np.int32))]
edges = native.Edges(np.arange(51), np.arange(50, dtype=np.int32), np.ones(50, dtype=np.float32))

def results():
    mine = [native.ParameterTable(each.table.copy()) for each in tables]
    plus = {"objective": "log-positive", "balance": "directspec+", "values": {"tau": 4.0}}
    steps = native.PairSteps((50, 50, 16), 64, 4, **plus)
    losses = steps.run(mine, native.OptimizerStep(lr=0.1), at, at)
    items = native.PackedItems(mine[1].table, 4)
    found = native.top_k(mine[0].table, items, np.arange(50), 5, 4, excluded=excluded)
    parts = losses, mine[0].table, *found[:2], edges.gather(mine[1].table, 4)
    return b"".join(part.tobytes() for part in parts)

before = results()
if os.getuid() == 0:
    os.setuid(65534)
resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
try:
    threading.Thread(target=int).start()
except RuntimeError:
    print("refused")
print(results() == before)
""")
    if "refused" not in out:
        pytest.skip("threads are not refused here")
    assert out.splitlines() == ["refused", "True"]
