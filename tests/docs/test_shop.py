"""The shop of `make demo-service`: from its database to an answer of the service."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_from_a_database_to_an_answer(tmp_path):
    words = [sys.executable, ROOT / "examples" / "shop.py", "--folder", tmp_path / "shop"]
    words += ["--port", "0", "--budget", "8s", "--once"]
    again = None
    for _ in range(2):  # the second night has a model to beat, and to keep
        again = subprocess.run(words, capture_output=True, text=True, env=os.environ, check=False)
        assert again.returncode == 0, again.stderr[-2000:]
    shown = again.stdout
    for part in ("fit", "check", "serve"):
        assert f"$ fullrank {part} " in shown
    answer = json.loads(shown[shown.index("{\n") : shown.rindex("}\n") + 1])
    (found,) = answer["lists"]
    assert len(found["items"]) == 5
    assert "gate: ndcg@20" in again.stderr
    assert "The page to try it: http://127.0.0.1:" in shown
