from __future__ import annotations

import statistics
import warnings
from itertools import pairwise

import naive
import pytest
import torch

from fullrank.spectrum import balance_spectrum, effective_rank


@pytest.mark.parametrize(("power", "iterations"), [(0, 2), (1, 1), (1, 5), (2, 2), (3, 1)])
def test_algorithm_1_is_its_formula(power, iterations, generator):
    x = torch.randn(12, 5, generator=generator, dtype=torch.float64)
    alpha = 0.5 / torch.linalg.svdvals(x)[0].item() ** max(2 * power, 1)
    expected = naive.algorithm_1(x, alpha, power, iterations)
    found = balance_spectrum(x, alpha, power, iterations)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
    if iterations == 1:
        sigma = torch.linalg.svdvals(x)
        moved = (sigma * (1 - alpha * sigma ** (2 * power))).sort(descending=True).values
        torch.testing.assert_close(torch.linalg.svdvals(found), moved)


def test_it_balances_completely_in_the_end(generator):
    x = torch.randn(20, 6, generator=generator, dtype=torch.float64)
    assert effective_rank(balance_spectrum(x, 0.01, iterations=200_000)) == pytest.approx(
        6, abs=0.01
    )


def test_it_is_differentiable(generator):
    x = torch.randn(5, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda h: balance_spectrum(h, 0.01, 2, 2), (x,))


def test_it_warns_where_alpha_breaks_the_all_pass_property(generator):
    x = torch.randn(20, 6, generator=generator, dtype=torch.float64)
    safe = torch.linalg.svdvals(x)[0].item() ** -2
    with pytest.warns(RuntimeWarning, match=f"largest safe alpha here is {safe:.3g}"):
        balance_spectrum(x, 1.01 * safe)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        balance_spectrum(x, 0.99 * safe)


# The stated alpha = 1e-3 cannot have given the paper's row for L: with sigma_1 about 6,
# 1 - alpha sigma_1^6 is below zero at L = 3. At 4e-6 all of L = 0 .. 3 is safe.
TABLE_1 = {
    "iterations": ((0, 1, 10, 100, 500, 1000), {"alpha": 1e-3}),
    "alpha": ((0, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2), {"iterations": 50}),
    "power": ((0, 1, 2, 3), {"alpha": 4e-6, "iterations": 50}),
}
PAPER = {
    "iterations": (7.64, 7.72, 8.11, 8.59, 9.57, 9.75),
    "alpha": (7.64, 8.43, 8.71, 9.09, 9.35, 9.59),
}


@pytest.mark.filterwarnings("ignore:balance_spectrum")
@pytest.mark.parametrize("setting", TABLE_1)
def test_table_1(setting):
    values, fixed = TABLE_1[setting]
    draws = [
        torch.randn(10, 10, generator=torch.Generator().manual_seed(seed)).double()
        for seed in range(100)
    ]
    means = [
        statistics.mean(
            effective_rank(balance_spectrum(x, **{**fixed, setting: value})) for x in draws
        )
        for value in values
    ]
    assert all(later > earlier for earlier, later in pairwise(means))
    assert means[0] == pytest.approx(7.9, abs=0.15)
    for mean, printed in zip(means, PAPER.get(setting, ()), strict=False):
        assert mean == pytest.approx(printed, abs=0.45)
