from __future__ import annotations

import pytest
import torch

from fullrank.training.optim import SGD, Adagrad, Adam, DenseAdam, optimizer, summed

LR = 0.1


def sgd(x, g, memory):
    return x - LR * g


def adagrad(x, g, memory):
    memory["square"] = memory.get("square", 0) + g**2
    return x - LR * g / (memory["square"].sqrt() + 1e-10)


def adam(x, g, memory):
    memory["count"] = memory.get("count", 0) + 1
    memory["mean"] = 0.9 * memory.get("mean", 0) + 0.1 * g
    memory["square"] = 0.999 * memory.get("square", 0) + 0.001 * g**2
    mean = memory["mean"] / (1 - 0.9 ** memory["count"])
    return x - LR * mean / ((memory["square"] / (1 - 0.999 ** memory["count"])).sqrt() + 1e-8)


RULES = [("sgd", sgd), ("adagrad", adagrad), ("adam", adam)]


def draws(dtype=torch.float64, steps=40):
    """Batches of 7 of the first 5 rows, so that rows repeat; rows 5 and 6 are never drawn."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        rows = torch.randint(5, (7,), generator=generator)
        yield rows, torch.randn(7, 3, generator=generator, dtype=torch.float64).to(dtype)


def table_of(dtype=torch.float64):
    return torch.randn(7, 3, generator=torch.Generator().manual_seed(1), dtype=dtype)


@pytest.mark.parametrize(("name", "rule"), RULES)
def test_rows_move_as_if_each_were_alone(name, rule):
    table = table_of()
    slow, memories = table.clone(), [{} for _ in table]
    ours = optimizer(name)
    for rows, grad in draws():
        for row in set(rows.tolist()):
            alone = sum(g for r, g in zip(rows.tolist(), grad, strict=True) if r == row)
            slow[row] = rule(slow[row], alone, memories[row])
        ours.step("x", table, rows, grad, LR)
        torch.testing.assert_close(table, slow, rtol=1e-10, atol=1e-12)
    for key in set().union(*memories):
        wanted = [memory.get(key, 0.0) for memory in memories]
        state = ours.state[f"x.{key}"]
        for row, value in enumerate(wanted):
            expected = torch.as_tensor(value, dtype=torch.float64).expand_as(state[row])
            torch.testing.assert_close(state[row], expected, rtol=1e-10, atol=1e-14)
    whole = torch.randn(7, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    slow = torch.stack([rule(slow[row], whole[row], memories[row]) for row in range(7)])
    ours.step("x", table, None, whole, LR)
    torch.testing.assert_close(table, slow, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["sgd", "adagrad", "adam"])
def test_rows_not_drawn_keep_every_bit(name):
    table, ours = table_of(torch.float32), optimizer(name)
    for rows, grad in draws(torch.float32, 10):
        before = {"table": table.clone(), **{k: v.clone() for k, v in ours.state.items()}}
        ours.step("x", table, rows, grad, LR)
        rest = [row for row in range(7) if row not in rows.tolist()]
        for key, now in {"table": table, **ours.state}.items():
            old = before.get(key, torch.zeros_like(now))
            assert torch.equal(now[rest], old[rest])
            assert not torch.equal(now, old)
    assert all((state[5:] == 0).all() for state in ours.state.values())


@pytest.mark.parametrize(
    ("name", "peer"), [("adagrad", "Adagrad"), ("adam", "Adam"), ("dense-adam", "Adam")]
)
def test_of_whole_tables_it_is_the_rule_of_torch(name, peer):
    table, ours = table_of(), optimizer(name)
    theirs = table.clone().requires_grad_()
    their_rule = getattr(torch.optim, peer)([theirs], lr=LR)
    for seed in range(10):
        grad = torch.randn(7, 3, generator=torch.Generator().manual_seed(seed)).double()
        theirs.grad = grad.clone()
        their_rule.step()
        ours.step("x", table, None, grad, LR)
    torch.testing.assert_close(table, theirs.detach(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("rule", [SGD, Adagrad, Adam, DenseAdam])
def test_gradients_are_left_as_they_are(rule):
    rows, grad = next(draws())
    kept = grad.clone()
    rule().step("x", table_of(), rows, grad, LR)
    assert torch.equal(grad, kept)


@pytest.mark.parametrize("name", ["sgd", "adagrad", "adam", "dense-adam"])
def test_a_continued_state_is_the_same_state(name):
    batches = list(draws(torch.float32))
    whole, part = table_of(torch.float32), table_of(torch.float32)
    one, first, second = optimizer(name), optimizer(name), optimizer(name)
    for rows, grad in batches:
        one.step("x", whole, rows, grad, LR)
    for rows, grad in batches[:13]:
        first.step("x", part, rows, grad, LR)
    second.state.update({key: value.clone() for key, value in first.state.items()})
    for rows, grad in batches[13:]:
        second.step("x", part, rows, grad, LR)
    assert torch.equal(whole, part)


def test_two_parameters_have_two_memories():
    ours, left, right = Adam(), table_of(), table_of()
    for rows, grad in draws(steps=3):
        ours.step("left", left, rows, grad, LR)
    rows, grad = next(draws())
    ours.step("right", right, rows, grad, LR)
    alone = table_of()
    Adam().step("x", alone, rows, grad, LR)
    assert torch.equal(right, alone)


def test_gradients_of_a_repeated_row_add_up():
    rows, grad = torch.tensor([3, 1, 3]), torch.tensor([[1.0], [2.0], [4.0]])
    distinct, total = summed(rows, grad)
    assert distinct.tolist() == [1, 3]
    assert total.tolist() == [[2.0], [5.0]]


@pytest.mark.parametrize("rule", [Adam, DenseAdam])
def test_adam_on_a_vector_is_torchs(rule):
    """The weights of a product, as in enmf: every number moves at every step."""
    mine = torch.linspace(-1, 1, 5)
    theirs = torch.nn.Parameter(mine.clone())
    ours, reference = rule(), torch.optim.Adam([theirs], lr=0.1)
    for step in range(4):
        theirs.grad = torch.arange(5.0) - 2 + step
        ours.step("weight", mine, None, theirs.grad.clone(), 0.1)
        reference.step()
    torch.testing.assert_close(mine, theirs.detach())
