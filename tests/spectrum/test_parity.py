"""The published forward and its gradients, to nine digits."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from fullrank.data import Ids, Interactions
from fullrank.data.graph import Nearness
from fullrank.objectives import log_positive
from fullrank.spectrum import DirectSpecPlus

# Resolved at import: the variable may be relative, and tests change the working directory.
FOLDER = Path(os.environ["FULLRANK_DATA"]).resolve() if "FULLRANK_DATA" in os.environ else None
FILE = None if FOLDER is None else FOLDER.parent / "parity" / "directspec_plus.npz"
CASES = {
    "constant": {"alpha": 1.0, "tau": 3.0, "shrink": 0.03},
    "constant_noshrink": {"alpha": 0.8, "tau": 3.0},
    "graph": {"alpha": 0.7, "tau": 4.0, "tau_near": 3.5, "shrink": 0.02},
}


@pytest.mark.skipif(
    FILE is None or not FILE.is_file(), reason="no parity file beside FULLRANK_DATA"
)
@pytest.mark.parametrize("size", ["small", "full"])
@pytest.mark.parametrize("case", CASES)
def test_loss_and_gradients_match_the_published_ones(size: str, case: str):
    stored = np.load(FILE)
    tables = [
        torch.tensor(stored[f"{size}_{side}_table"], requires_grad=True)
        for side in ("user", "item")
    ]
    rows = [stored[f"{size}_{side}"] for side in ("user", "item")]
    near: list[torch.Tensor | None] = [None, None]
    if case == "graph":
        ids = [Ids(pl.Series(np.arange(len(table)))) for table in tables]
        edges = Interactions.from_rows(*ids, stored[f"{size}_rows"], stored[f"{size}_cols"])
        nearness = Nearness(edges, 2)
        near = [
            torch.from_numpy(nearness.users(rows[0])),
            torch.from_numpy(nearness.items(rows[1])),
        ]
    balancer = DirectSpecPlus(**CASES[case])
    balanced = [
        balancer(table[torch.from_numpy(idx)], block)
        for table, idx, block in zip(tables, rows, near, strict=True)
    ]
    loss = log_positive(*balanced)
    loss.backward()
    plain = torch.nn.functional.softplus(-(balanced[0] * balanced[1]).sum(1)).mean()
    for found in (loss.item(), plain.item()):
        assert found == pytest.approx(float(stored[f"{size}_{case}_loss"]), rel=1e-9, abs=0)
    for table, side in zip(tables, ("user", "item"), strict=True):
        expected = torch.from_numpy(stored[f"{size}_{case}_{side}_grad"])
        assert table.grad is not None
        difference = (table.grad - expected).abs().max()
        # Against the largest, since gradients are as small as 1e-7; and absolutely.
        assert difference <= 1e-9 * min(expected.abs().max().item(), 1.0)
