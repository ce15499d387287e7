from __future__ import annotations

import pytest

from fullrank.engine.compiled import CompiledEngine


@pytest.fixture(autouse=True)
def _a_step_at_a_time(monkeypatch):
    """Signals and reports are then seen after every step, as tests of the loop count them."""
    monkeypatch.setattr(CompiledEngine, "most", 1)
