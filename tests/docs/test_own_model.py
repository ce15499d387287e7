"""The page about a model of one's own runs, and its example does what the page says."""

from __future__ import annotations

import importlib.util
import json
import os
import re
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import nn

import fullrank as fr
from fullrank.spectrum import AdaptiveDirectSpecPlus

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "own-model.md").read_text("utf-8")
DIAGNOSIS, LOOP, COMPILED = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("two_tower", ROOT / "examples" / "two_tower.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_diagnosis_runs(capsys):
    generator = torch.Generator().manual_seed(0)
    counts = [torch.arange(n) % 7 for n in (90, 70)]
    tables = [torch.randn(n, 8, generator=generator) for n in (90, 70)]
    for table, count in zip(tables, counts, strict=True):
        table[count > 0] = torch.ones(8) + 0.01 * table[count > 0]
    names = dict(zip(("user_counts", "item_counts"), counts, strict=True))
    exec(DIAGNOSIS, names | dict(zip(("user_table", "item_table"), tables, strict=True)))
    said = capsys.readouterr().out
    assert said.startswith("Collapsed: the table uses 1.")
    assert "Not counted: 23 rows without interactions (" in said


def test_the_loop_trains_and_adapts():
    torch.manual_seed(0)
    towers = {name: nn.Embedding(40, 64) for name in ("user_tower", "item_tower")}
    parameters = [each.weight for each in towers.values()]
    for table in parameters:
        nn.init.normal_(table, mean=300.0)  # collapsed, so that α has something to do
    before = [each.detach().clone() for each in parameters]
    names = {"torch": torch, **towers, "optimizer": torch.optim.Adam(parameters)}
    names["batches"] = [tuple(torch.randint(40, (2, 32))) for _ in range(3)]
    exec(LOOP, names)
    assert names["balance"].alpha.item() > 0
    assert all(not torch.equal(*pair) for pair in zip(before, parameters, strict=True))


@pytest.mark.slow
def test_a_compiled_model_keeps_its_alpha(tmp_path):
    torch._dynamo.reset()
    model = example().TwoTower(30, 20, "softmax", AdaptiveDirectSpecPlus(64, alpha=0.2, target=0.9))
    path = tmp_path / "model.pt"
    user, item = torch.arange(16), torch.arange(16)
    exec(COMPILED, {"torch": torch, "model": model, "user": user, "item": item, "path": path})
    assert model.users[1].weight.grad.abs().sum() > 0
    stored = torch.load(path, weights_only=True)
    assert stored["balance.alpha"].item() == model.balance.alpha.item() != 0.2


@pytest.mark.slow
def test_effective_rank_and_recall_rise_in_the_example():
    if "FULLRANK_DATA" not in os.environ:
        pytest.skip("FULLRANK_DATA names no folder with ml-100k")
    run, data = example(), fr.load("ml-100k")
    names = ("raw rows", "adaptive")
    before, after = (run.train(data, "softmax", name, seed=0)["test"] for name in names)
    assert after["effective_rank"] > before["effective_rank"] + 1
    assert after["recall"] > before["recall"]


BEFORE = {"positives": "unit rows", "softmax": "raw rows"}


@pytest.mark.parametrize("loss", BEFORE)
def test_both_rise_with_every_seed_that_is_stored(loss):
    runs = json.loads((ROOT / "results" / "two_tower.json").read_text("utf-8"))
    found = {(run["balance"], run["seed"]): run["test"] for run in runs if run["loss"] == loss}
    seeds = {seed for _, seed in found}
    assert seeds
    for seed in seeds:
        before, after = found[BEFORE[loss], seed], found["adaptive", seed]
        assert after["effective_rank"] > before["effective_rank"]
        assert after["recall"] > before["recall"]


@pytest.mark.slow
def test_the_example_runs_under_autocast_and_compiled():
    run = example()
    run.EPOCHS, run.BATCH = 1, 32
    data = fr.load("demo")
    torch._dynamo.reset()
    found = run.train(data, "softmax", "adaptive", seed=0, amp=True, compiled=True)
    assert 1 < found["test"]["effective_rank"] <= 64
