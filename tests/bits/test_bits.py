"""The same bits as ever: a change that is not meant to move a number moves none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import two_epochs

pytestmark = pytest.mark.slow

FRESH = """
import json, sys
sys.path.insert(0, sys.argv[1])
import two_epochs
found = {d: {n: two_epochs.run(n, d) for n in two_epochs.cases()} for d in two_epochs.DATA}
print(json.dumps([two_epochs.build(), found]))
"""


@pytest.mark.parametrize("kernels", ["1", "0"], ids=["native", "torch"])
def test_two_epochs_of_every_method_end_with_the_stored_bits(kernels):
    if "FULLRANK_DATA" not in os.environ:
        pytest.skip("FULLRANK_DATA names no folder with ml-100k")
    environment = {**os.environ, **two_epochs.BLAS, "FULLRANK_NATIVE": kernels}
    folder = str(Path(two_epochs.__file__).parent)
    done = subprocess.run(
        [sys.executable, "-c", FRESH, folder],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    build, found = json.loads(done.stdout)
    stored = json.loads(two_epochs.STORED.read_text())
    if build not in stored:
        pytest.skip(f"no hashes for {build}: see {two_epochs.__name__}.py --store")
    assert found == stored[build]


def test_the_hash_tells_a_bit():
    """The check above is worth what it finds: another seed, another hash."""
    import fullrank as fr

    data = fr.load("demo")
    one, again, other = (
        two_epochs.tables_hash("bpr", {"lr": lr}, data) for lr in (10.0, 10.0, 10.000001)
    )
    assert one == again
    assert one != other
