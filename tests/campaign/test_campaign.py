"""A small part of the campaign, and that it notices a fault."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import fullrank

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="watches its children as Linux lets it"),
]
SOURCE = Path(fullrank.__file__).resolve().parents[1]


def campaign(folder: Path, source: Path, *words: str) -> tuple[int, dict[str, Any], str]:
    """Runs the program on a package: exit code, figures, and what it printed."""
    command = [sys.executable, str(Path(__file__).with_name("run.py")), *words]
    env = os.environ | {"PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1"}
    out = folder / "campaign.json"
    done = subprocess.run(
        [*command, "--out", out], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, json.loads(out.read_text("utf-8")), done.stdout


def test_a_small_part_of_each_kind_holds(tmp_path):
    only = ["data", "models", "checkpoints", "embeddings", "full-disk"]
    only += ["sources", "rules", "versions", "items"]
    code, document, printed = campaign(
        tmp_path, SOURCE, "--seed", "1", "--share", "0.015", "--only", *only
    )
    assert code == 0, printed
    assert document["runs"][0]["parts"].keys() == set(only)
    for name, part in document["runs"][0]["parts"].items():
        assert part["cases"] >= 5, name
        assert part["failed"] == 0, part["troubles"]
        assert 0 < part["peak_mib"] < 2500, name


@pytest.mark.parametrize(
    ("part", "share", "file", "old", "new"),
    [
        ("models", "0.01", "serving/model_files.py", "(ValueError, KeyError, T", "(KeyError, T"),
        ("rules", "0.03", "rules/filtering.py", "fill_null(False)", "fill_null(True)"),
        ("checkpoints", "0.03", "training/checkpoint.py", "!= _digest(tensors, metadata)", "== ''"),
    ],
)  # fmt: skip
def test_a_planted_fault_is_found(tmp_path, part, share, file, old, new):
    source = tmp_path / "src"
    shutil.copytree(SOURCE, source, ignore=shutil.ignore_patterns("__pycache__"))
    text = (source / "fullrank" / file).read_text("utf-8")
    assert text.count(old) == 1
    (source / "fullrank" / file).write_text(text.replace(old, new), "utf-8")
    words = ("--seed", "1", "--share", share, "--only", part)
    code, document, printed = campaign(tmp_path, source, *words)
    assert code == 1, printed
    assert document["runs"][0]["parts"][part]["failed"] > 0
    assert document["runs"][0]["parts"][part]["troubles"]
