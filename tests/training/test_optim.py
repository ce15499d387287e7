from __future__ import annotations

import pytest
import torch

from fullrank.training.optim import Adagrad, Adam, optimizer

LR = 0.1


def sgd(x, g, memory):
    return x - LR * g


def adagrad(x, g, memory):
    memory["sum"] = memory.get("sum", 0) + g**2
    return x - LR * g / (memory["sum"].sqrt() + 1e-10)


def adam(x, g, memory):
    memory["t"] = memory.get("t", 0) + 1
    memory["m"] = 0.9 * memory.get("m", 0) + 0.1 * g
    memory["v"] = 0.999 * memory.get("v", 0) + 0.001 * g**2
    mean = memory["m"] / (1 - 0.9 ** memory["t"])
    return x - LR * mean / ((memory["v"] / (1 - 0.999 ** memory["t"])).sqrt() + 1e-8)


@pytest.mark.parametrize(("name", "rule"), [("sgd", sgd), ("adagrad", adagrad), ("adam", adam)])
def test_rows_move_as_if_each_were_alone(name, rule):
    generator = torch.Generator().manual_seed(0)
    table = torch.randn(6, 3, generator=generator, dtype=torch.float64)
    slow, memories = table.clone(), [{} for _ in range(6)]
    ours = optimizer(name)
    for _ in range(20):
        rows = torch.randint(5, (7,), generator=generator)  # row 5 is never drawn
        grad = torch.randn(7, 3, generator=generator, dtype=torch.float64)
        for row in set(rows.tolist()):
            slow[row] = rule(slow[row], grad[rows == row].sum(0), memories[row])
        before = table[5].clone()
        ours.step("x", table, rows, grad, LR)
        assert torch.equal(table[5], before)
    torch.testing.assert_close(table, slow, rtol=1e-10, atol=1e-12)
    whole = torch.randn(6, 3, generator=generator, dtype=torch.float64)
    slow = torch.stack([rule(slow[row], whole[row], memories[row]) for row in range(6)])
    ours.step("x", table, None, whole, LR)
    torch.testing.assert_close(table, slow, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("rule", [Adagrad, Adam])
def test_state_of_rows_not_drawn_stays(rule):
    ours = rule()
    table = torch.zeros(4, 2)
    ours.step("x", table, torch.tensor([1, 1]), torch.ones(2, 2), LR)
    for state in ours.state.values():
        assert (state[[0, 2, 3]] == 0).all()
        assert (state[1] != 0).all()
