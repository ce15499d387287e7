from __future__ import annotations

import json
import statistics

import naive
import pytest
import torch

from fullrank.spectrum import Spectrum, effective_rank, measure
from fullrank.spectrum.report import random_singular_values


@pytest.mark.parametrize("shape", [(64, 64), (80, 64), (5000, 64), (30, 60)])
def test_random_spectra_are_those_of_random_tables(shape, generator):
    drawn = [effective_rank(torch.randn(*shape, generator=generator)) for _ in range(20)]
    made = random_singular_values(*shape)
    assert made.shape == (min(shape),)
    assert (made.diff() <= 0).all()
    assert measure.entropy_rank(made) == pytest.approx(statistics.mean(drawn), rel=0.01)
    table = torch.randn(*shape, generator=generator, dtype=torch.float64)
    assert made.norm().item() == pytest.approx(table.norm().item(), rel=0.05)
    assert made[0].item() == pytest.approx(torch.linalg.svdvals(table)[0].item(), rel=0.1)


def test_random_spectra_come_from_their_seed_alone():
    torch.manual_seed(3)
    first = random_singular_values(50, 8, seed=1)
    torch.manual_seed(4)
    assert torch.equal(random_singular_values(50, 8, seed=1), first)
    assert not torch.equal(random_singular_values(50, 8, seed=2), first)


def test_a_random_table_is_balanced(generator):
    spectrum = Spectrum.of(torch.randn(2000, 32, generator=generator))
    assert spectrum.verdict.startswith("Balanced: the table uses 31.")
    assert "a random table of this shape: 31." in spectrum.verdict
    assert spectrum.share == pytest.approx(1, abs=0.01)
    assert spectrum.mean_squared_cosine == pytest.approx(1 / 32, rel=0.05)
    assert 26 <= spectrum.dimensions_for_90_percent <= 29


def test_a_table_of_rank_three_has_collapsed(generator):
    flat = torch.randn(2000, 3, generator=generator) @ torch.randn(3, 32, generator=generator)
    noisy = flat + 1e-3 * torch.randn(2000, 32, generator=generator)
    spectrum = Spectrum.of(noisy[:500], noisy[500:])
    assert spectrum.shape == (2000, 32)
    assert spectrum.verdict.startswith("Collapsed: the table uses 2.9 of its 32 dimensions (a")
    assert spectrum.dimensions_for_90_percent <= 3
    assert spectrum.mean_squared_cosine > 0.3


def test_between_the_two_lies_a_partial_collapse(generator):
    x = torch.randn(2000, 32, generator=generator) * torch.logspace(0, -1.7, 32)
    assert Spectrum.of(x).verdict.startswith("Partly collapsed: the table uses")


def test_rows_too_short_to_have_a_direction_are_in_no_cosine(generator):
    x = torch.randn(40, 8, generator=generator, dtype=torch.float64)
    whole = Spectrum.of(x).mean_squared_cosine
    assert Spectrum.of(1e-30 * x).mean_squared_cosine == pytest.approx(0, abs=1e-12)
    halved = Spectrum.of(torch.cat([x, 1e-30 * x])).mean_squared_cosine
    assert halved == pytest.approx(whole * 40 * 39 / (80 * 79), rel=1e-9)


def test_figures_are_what_they_say(generator):
    x = torch.randn(20, 5, generator=generator) * torch.tensor([3.0, 2, 1, 1, 1])
    x[7] = 0
    spectrum = Spectrum.of(x)
    torch.testing.assert_close(spectrum.singular_values, torch.linalg.svdvals(x.double()))
    assert spectrum.effective_rank == pytest.approx(naive.effective_rank(x))
    h = naive.unit(x.double())
    pairs = [float(h[u] @ h[v]) ** 2 for u in range(20) for v in range(20) if u != v]
    assert spectrum.mean_squared_cosine == pytest.approx(statistics.mean(pairs))
    energy = torch.linalg.svdvals(x.double()).square()
    held = [float(energy[:k].sum() / energy.sum()) for k in range(1, 6)]
    assert spectrum.dimensions_for_90_percent == 1 + next(
        k for k, share in enumerate(held) if share >= 0.9
    )


@pytest.mark.parametrize("table", [torch.eye(6)[:, :3], torch.zeros(6, 3)], ids=["eye", "zeros"])
def test_to_dict_is_plain(table):
    spectrum = Spectrum.of(table)
    plain = spectrum.to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert (plain["rows"], plain["dimensions"]) == (6, 3)
    assert plain["singular_values"] == spectrum.singular_values.tolist()
    assert plain["share_of_random"] == spectrum.share
    assert plain["verdict"] == spectrum.verdict


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ((torch.ones(9),), "found 1 dimensions; expected 2"),
        ((torch.ones(9, 2), torch.ones(1, 9, 2)), "found 3 dimensions; expected 2"),
        ((torch.ones(9, 1),), "found 1 column"),
        ((torch.ones(4, 9),), r"found 4 rows and 9 columns.*transposed"),
        ((torch.ones(0, 9),), "found 0 rows and 9 columns"),
        ((torch.tensor([[1.0, 2], [torch.nan, 1], [1, 1]]),), "row 1: found NaN or infinity"),
        ((torch.ones(3, 2), torch.tensor([[1.0, 2], [1, torch.inf]])), "row 1: found NaN"),
    ],
)
def test_it_refuses(tables, words):
    with pytest.raises(ValueError, match=words):
        Spectrum.of(*tables)
