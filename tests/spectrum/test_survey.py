"""One pass in blocks finds what the whole table has."""

from __future__ import annotations

import itertools

import pytest
import torch

from fullrank.spectrum import Spectrum, moments
from fullrank.spectrum.measure import entropy_rank
from fullrank.spectrum.moments import GROUPS, Moments, eigenvalues, half_interval
from fullrank.spectrum.pairs import Pairs
from fullrank.spectrum.survey import SAMPLE, Survey, Weighted, hashes


def surveyed(x, size=None, counts=None):
    survey = Survey(*x.shape, counts)
    for block in x.split(size or len(x)):
        survey.add(block)
    return survey


@pytest.mark.parametrize("size", [1, 7, 100, 1000])
def test_blocks_make_no_difference(size, generator):
    x = torch.randn(300, 5, generator=generator) + 1
    x[3], x[9], x[200:202] = 0, 0, x[1]
    counts = torch.randint(0, 3, (300,), generator=generator)
    found, expected = surveyed(x, size, counts), surveyed(x, 300, counts)
    for name in ("raw", "unit"):
        for one, other in zip(getattr(found, name), getattr(expected, name), strict=True):
            assert one.count == other.count
            torch.testing.assert_close(one.total, other.total)
            torch.testing.assert_close(one.gram, other.gram)
    torch.testing.assert_close(found.left.gram, expected.left.gram)
    assert torch.equal(found.sample, expected.sample)
    for name in ("count", "zero_rows", "duplicate_rows"):
        assert getattr(found, name) == getattr(expected, name)


def test_what_a_pass_finds(generator):
    x = torch.randn(300, 5, generator=generator).double()
    x[:, 2] = 7
    x[[3, 9]] = 0
    x[3, 0] = -0.0
    x[200] = x[201] = x[1]
    counts = torch.ones(300, dtype=torch.long)
    counts[50:60] = 0
    survey = surveyed(x, 64, counts)
    there = x[counts > 0]
    assert (survey.rows, survey.count, survey.left.count) == (300, 290, 10)
    torch.testing.assert_close(Moments.sum(survey.raw).gram, there.T @ there)
    torch.testing.assert_close(survey.left.gram, x[50:60].T @ x[50:60])
    assert survey.zero_rows == 2
    assert survey.duplicate_rows == 3  # one zero row and two copies
    assert torch.equal(survey.lowest, there.amin(dim=0))
    assert torch.equal(survey.highest, there.amax(dim=0))
    spectrum = Spectrum.of_survey(survey)
    torch.testing.assert_close(spectrum.singular_values, torch.linalg.svdvals(there))
    assert spectrum.mean_squared_cosine == pytest.approx(Spectrum.of(there).mean_squared_cosine)


def test_centred_moments(generator):
    x = torch.randn(50, 4, generator=generator).double() + torch.tensor([3.0, 0, 0, -1])
    found = Moments(4)
    found.add(x[:20])
    found.add(x[20:])
    centred = x - x.mean(dim=0)
    torch.testing.assert_close(found.mean, x.mean(dim=0))
    torch.testing.assert_close(found.centred_gram(), centred.T @ centred)


@pytest.mark.parametrize("panel", [1, 3, 4, 7, 100])
def test_the_gram_matrix_is_made_of_panels(panel, generator, monkeypatch):
    monkeypatch.setattr(moments, "PANEL", panel)
    x = torch.randn(50, 7, generator=generator).double()
    made = Moments(7)
    made.add(x[:20])
    made.add(x[20:])
    torch.testing.assert_close(made.gram, x.T @ x)
    torch.testing.assert_close(Moments.sum([made, made]).gram, 2 * x.T @ x)
    assert torch.equal(made.gram, made.gram.T)


def test_zeros_are_told_from_rounding():
    x = torch.full((1000, 6), 0.1, dtype=torch.float64)
    same = Moments(6)
    same.add(x)
    assert (eigenvalues(same.gram)[1:] == 0).all()
    assert (eigenvalues(same.centred_gram(), rounding_of=same.gram) == 0).all()
    small = torch.diag(torch.tensor([1.0, 1e-12], dtype=torch.float64))
    assert eigenvalues(small).tolist() == [1.0, 1e-12]


def test_a_large_table_is_sampled_without_replacement(generator):
    n = SAMPLE + 500
    x = torch.arange(n, dtype=torch.float64)[:, None].expand(n, 2)
    survey = surveyed(x, 1000)
    picked = survey.sample[:, 0]
    assert len(picked) == SAMPLE == len(picked.unique())
    assert picked.mean().item() == pytest.approx((n - 1) / 2, rel=0.02)
    pairs = Pairs.of(Moments.sum(survey.unit), survey.sample)
    assert (pairs.rows_of_cosines, pairs.rows_of_uniformity) == (n, SAMPLE)


def test_a_value_that_is_not_finite_names_its_row():
    x = torch.ones(30, 3)
    x[17, 1] = torch.inf
    with pytest.raises(ValueError, match="row 17: found NaN or infinity"):
        surveyed(x, 8)


def test_hashes_tell_rows_apart(generator):
    mix = torch.randint(-(2**62), 2**62, (4,), generator=generator) | 1
    every = itertools.product((0.0, 1.0, -1.0, 0.5, 2.0, 3.0, 1e-3), repeat=4)
    rows = torch.tensor(list(every), dtype=torch.float32).double()
    found = hashes(rows, mix)
    assert len(found.unique()) == len(rows)
    assert torch.equal(hashes(-rows, mix)[0], found[0])  # 0 and -0


def test_what_a_number_explains_of_a_direction(generator):
    """Against least squares."""
    x = torch.randn(80, 3, generator=generator).double() + 0.4
    g = x @ torch.tensor([1.0, 2, 0]).double() + torch.randn(80, generator=generator)
    direction = torch.tensor([0.6, 0.8, 0]).double()
    along = x @ direction
    design = torch.stack((torch.ones(80).double(), g), dim=1)
    fit = design @ torch.linalg.lstsq(design, along).solution
    weighted = Weighted(3)
    for block in (slice(0, 30), slice(30, 80)):
        weighted.add(x[block], g[block])
    square = along.square().sum().item()
    found = weighted.explained(direction, square)
    assert found == pytest.approx((fit.square().sum() / square).item())
    constant = Weighted(3)
    constant.add(x, torch.full((80,), 2.0).double())
    expected = 80 * along.mean().item() ** 2 / square
    assert constant.explained(direction, square) == pytest.approx(expected)
    assert Weighted(3).explained(direction, 1.0) == 0


def dealt(x, generator):
    groups = [Moments(x.shape[1]) for _ in range(GROUPS)]
    order = torch.randperm(len(x), generator=generator) % GROUPS
    for slot, group in enumerate(groups):
        group.add(x[order == slot])
    return groups


def effective_rank(part):
    return entropy_rank(eigenvalues(part.gram).sqrt())


@pytest.mark.slow
def test_an_interval_from_halves_covers(generator):
    """95 % of such intervals hold the mean of the figure over tables of that size."""
    scale = torch.tensor([3.0, 2, 1, 1, 0.5]).double()
    ends, middles = [], []
    for _ in range(200):
        x = torch.randn(400, 5, generator=generator).double() * scale
        groups = dealt(x, generator)
        ends.append(half_interval(groups, effective_rank))
        middles.append(effective_rank(Moments.sum(groups)))
    expected = sum(middles) / len(middles)
    covered = sum(low <= expected <= high for low, high in ends) / len(ends)
    assert 0.9 <= covered <= 0.99
    width = sum(high - low for low, high in ends) / len(ends) / 2
    spread = torch.tensor(middles).std().item()
    assert width == pytest.approx(2.36 * spread, rel=0.15)


def test_no_interval_of_too_few_rows(generator):
    groups = dealt(torch.randn(25, 5, generator=generator).double(), generator)
    assert half_interval(groups, effective_rank) is None
    assert half_interval(groups[:1], effective_rank) is None
