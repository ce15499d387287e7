"""Every mutant still names a passage of the package, so that a run of them tries them all."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from rooms import auditing, evaluation, nightly, rules, search, serving, sources, splits, studies

ROOMS = (auditing, evaluation, nightly, rules, search, serving, sources, splits, studies)
ALL = [mutant for room in ROOMS for mutant in room.MUTANTS]


@pytest.mark.parametrize("mutant", ALL, ids=lambda mutant: f"{mutant.file}-{mutant.key()[:6]}")
def test_a_mutant_finds_its_passage_once_and_is_python(mutant):
    ast.parse(mutant.mutated())
