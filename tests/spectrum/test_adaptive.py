"""The controller of AdaptiveDirectSpecPlus against a slow one that keeps every row."""

from __future__ import annotations

import copy
import math

import naive
import pytest
import torch
from torch import Tensor

from fullrank.spectrum import AdaptiveDirectSpecPlus, DirectSpecPlus, effective_rank, unit_rows


class Slow:
    """Every unit row ever seen, with its weight, in float64."""

    def __init__(self, alpha: float, **values: float):
        self.alpha, self.values = alpha, values
        self.rows: list[tuple[float, Tensor]] = []
        self.shares: list[float] = []

    def see(self, x: Tensor, idx: list[int] | None = None) -> None:
        for b, row in enumerate(naive.unit(x.double())):
            self.rows.append((1.0 if idx is None else 1 / idx.count(idx[b]), row))

    def adapt(self) -> None:
        table = torch.stack([math.sqrt(weight) * row for weight, row in self.rows])
        self.shares.append(naive.effective_rank(table) / table.shape[1])
        self.alpha += self.values["rate"] * (self.values["target"] - self.shares[-1])
        if len(self.shares) > 1:
            self.alpha -= self.values["gain"] * (self.shares[-1] - self.shares[-2])
        self.alpha = min(self.values["ceiling"], max(0.0, self.alpha))
        self.rows = [(weight * self.values["memory"], row) for weight, row in self.rows]


def batch(generator: torch.Generator, spread: float, n: int = 24, d: int = 6) -> Tensor:
    """Rows around one direction; farther from it with larger ``spread``."""
    return torch.ones(d) + spread * torch.randn(n, d, generator=generator)


@pytest.mark.parametrize("distinct", [False, True])
@pytest.mark.parametrize("memory", [0.0, 0.7])
def test_alpha_moves_as_in_the_slow_controller(distinct, memory, generator):
    values = {"target": 0.6, "alpha": 0.3, "ceiling": 0.5, "rate": 0.4, "gain": 0.3}
    slow = Slow(**values, memory=memory)
    fast = AdaptiveDirectSpecPlus(6, distinct=distinct, **values, memory=memory)
    seen = []
    for spread in (0.1, 0.1, 0.3, 1.0, 4.0, 4.0, 4.0, 4.0, 0.1):
        for _side in range(2):  # users and items of a step
            x = batch(generator, spread)
            numbers = torch.randint(9, (24,), generator=generator)
            if distinct:
                x = batch(generator, spread, 9)[numbers]
            fast(x, idx=numbers if distinct else None)
            slow.see(x, numbers.tolist() if distinct else None)
        fast.adapt()
        slow.adapt()
        assert fast.alpha.item() == pytest.approx(slow.alpha, abs=1e-5)
        seen.append(slow.alpha)
    assert max(seen) == 0.5  # the ceiling
    assert min(seen) < 0.3  # of the start


def test_collapsed_rows_raise_alpha_and_even_ones_take_it_to_nothing(generator):
    balance = AdaptiveDirectSpecPlus(6, target=0.8, rate=0.5)
    for _ in range(20):
        balance(batch(generator, 0.1))
        balance.adapt()
    assert balance.alpha.item() == 1.0
    for _ in range(50):
        balance(torch.randn(24, 6, generator=generator))
        balance.adapt()
    assert balance.alpha.item() == 0.0
    x = batch(generator, 0.1)
    torch.testing.assert_close(balance(x), unit_rows(x))


@pytest.mark.slow
def test_training_on_pairs_alone_is_held_at_the_target():
    """Without balance the tables collapse; with it, they stay where they are held."""

    def trained(balance: AdaptiveDirectSpecPlus) -> tuple[float, float]:
        generator = torch.Generator().manual_seed(0)
        tables = torch.randn(2, 60, 8, generator=generator).requires_grad_()
        users = torch.arange(60).repeat(5)
        items = torch.randint(60, (300,), generator=generator)
        for _ in range(600):
            z_user, z_item = balance(tables[0]), balance(tables[1])
            dots = (z_user[users] * z_item[items]).sum(dim=1)
            (-torch.nn.functional.logsigmoid(dots).mean()).backward()
            with torch.no_grad():
                tables -= 100 * tables.grad
            tables.grad = None
            balance.adapt()
        return effective_rank(unit_rows(tables.detach()).flatten(0, 1)) / 8, balance.alpha.item()

    off, _ = trained(AdaptiveDirectSpecPlus(8, ceiling=0.0))
    assert off < 0.3
    for target in (0.6, 0.8):
        found, alpha = trained(AdaptiveDirectSpecPlus(8, target=target))
        assert found == pytest.approx(target, abs=0.01)
        assert 0 < alpha < 1


@pytest.mark.parametrize("shape", [(24, 6), (2, 24, 6)])
def test_rows_and_gradients_are_those_of_the_alpha_of_now(shape, generator):
    x = torch.randn(*shape, generator=generator).requires_grad_()
    adaptive = AdaptiveDirectSpecPlus(6, 4.0, shrink=0.3, alpha=0.75)
    plain = DirectSpecPlus(0.75, 4.0, shrink=0.3)
    found, expected = adaptive(x), plain(x)
    torch.testing.assert_close(found, expected)
    (wanted,) = torch.autograd.grad(expected.pow(3).sum(), x)
    again = adaptive(x)
    adaptive.adapt()  # before the backward pass, which is of the alpha that was
    assert adaptive.alpha.item() != 0.75
    torch.testing.assert_close(torch.autograd.grad(again.pow(3).sum(), x)[0], wanted)
    (grad,) = torch.autograd.grad(found.pow(3).sum(), x, create_graph=True)
    torch.testing.assert_close(grad, wanted)


def test_after_eval_rows_come_back_and_nothing_is_measured(generator):
    balance = AdaptiveDirectSpecPlus(6, alpha=0.5).eval()
    x = batch(generator, 0.1)
    assert balance(x) is x
    balance.adapt()
    assert balance.alpha.item() == 0.5
    assert not balance.gram.any()
    assert balance.share is None


def test_a_state_that_was_loaded_goes_on_like_the_one_that_was_saved(generator):
    one = AdaptiveDirectSpecPlus(6, target=0.9)
    batches = [batch(generator, 0.5) for _ in range(6)]
    for x in batches[:3]:
        one(x)
        one.adapt()
    other = AdaptiveDirectSpecPlus(6, target=0.9)
    other.load_state_dict(copy.deepcopy(one.state_dict()))
    assert 0 < other.alpha.item() == one.alpha.item()
    for x in batches[3:]:
        for each in (one, other):
            each(x)
            each.adapt()
    assert torch.equal(one.alpha, other.alpha)


def test_rows_that_are_not_finite_leave_alpha_as_it_is(generator):
    balance = AdaptiveDirectSpecPlus(6, alpha=0.5, target=0.9)
    x = batch(generator, 0.1)
    x[2, 1] = torch.nan
    assert balance(x).isnan().any()
    balance.adapt()
    assert balance.alpha.item() == 0.5
    balance(batch(generator, 0.1))
    balance.adapt()
    assert 0.5 < balance.alpha.item() < 1


def test_no_rows_and_zero_rows_say_nothing():
    balance = AdaptiveDirectSpecPlus(6, alpha=0.5)
    assert balance(torch.zeros(0, 6)).shape == (0, 6)
    balance(torch.zeros(3, 6))
    balance.adapt()
    assert balance.alpha.item() == 0.5


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_a_model_of_another_type_keeps_alpha_in_float32(dtype, generator):
    model = torch.nn.Sequential(torch.nn.Linear(6, 6), AdaptiveDirectSpecPlus(6, alpha=0.701))
    balance = model.to(dtype)[1]
    assert balance.alpha.dtype == balance.gram.dtype == torch.float32
    assert balance.alpha.item() == pytest.approx(0.701, abs=1e-7)
    model(batch(generator, 0.1).to(dtype)).sum().backward()
    balance.adapt()
    assert balance.alpha.item() > 0.701


def test_repr_shows_the_settings_and_the_alpha_of_now(generator):
    balance = AdaptiveDirectSpecPlus(6, 4.0, target=0.9, rate=1.0)
    balance(batch(generator, 0.01))
    balance.adapt()
    shown = repr(balance)
    assert f"dim=6, target=0.9, ceiling=1.0, alpha={balance.alpha.item():.3g}, tau=4.0," in shown
    assert balance.alpha.item() > 0.5


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"dim": 1}, "found dim = 1; expected 2 or more"),
        ({"target": 0.0}, "found target = 0.0; expected a share above 0 and below 1"),
        ({"target": 1.0}, "found target = 1.0; expected a share above 0 and below 1"),
        ({"target": float("nan")}, "found target = nan"),
        ({"alpha": -0.1}, "found alpha = -0.1; expected a number of 0 or more"),
        ({"alpha": 0.9, "ceiling": 0.8}, "found ceiling = 0.8; expected alpha, 0.9, or more"),
        ({"ceiling": float("inf")}, "found ceiling = inf"),
        ({"rate": -1.0}, "found rate = -1.0; expected 0 or more"),
        ({"gain": float("inf")}, "found gain = inf; expected 0 or more"),
        ({"memory": 1.0}, "found memory = 1.0; expected 0 or more, below 1"),
        ({"tau": -3.0}, "found tau = -3.0"),
    ],
)
def test_arguments_that_cannot_be_are_refused(values, words):
    with pytest.raises(ValueError, match=words) as caught:
        AdaptiveDirectSpecPlus(**({"dim": 6} | values))
    assert "\n" not in str(caught.value)


def test_rows_of_another_width_are_refused():
    with pytest.raises(ValueError, match="found rows of width 5; expected dim = 6"):
        AdaptiveDirectSpecPlus(6)(torch.ones(4, 5))
