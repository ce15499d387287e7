"""A type checker knows every setting of a method: names, types, and that all have defaults."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

RIGHT = """
import fullrank as fr

reveal_type(fr.methods.BPR(lr=0.1, dim=8).negatives)
fr.Recommender(fr.methods.CCL(margin=0.5, shared_negatives=True))
fr.methods.EASE()
"""
WRONG = """
import fullrank as fr

fr.methods.BPR(lr="fast")
fr.methods.BPR(lrr=0.1)
fr.methods.EASE(margin=1.0)
"""


def test_what_is_right_passes_and_what_is_wrong_is_named(tmp_path):
    for name, code in (("right.py", RIGHT), ("wrong.py", WRONG)):
        (tmp_path / name).write_text(code)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path)]
    done = subprocess.run(
        [*command, "right.py", "wrong.py"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    said = [line.partition(": ") for line in done.stdout.splitlines()]
    right, found = (
        [what for where, _, what in said if where.startswith(name)]
        for name in ("right.py", "wrong.py")
    )
    assert right == ['note: Revealed type is "int"']
    assert len(found) == 3
    assert 'Argument "lr" to "BPR" has incompatible type "str"' in found[0]
    assert 'Unexpected keyword argument "lrr" for "BPR"; did you mean "lr"?' in found[1]
    assert 'Unexpected keyword argument "margin" for "EASE"' in found[2]
