"""The figures of `inspect` on tables whose singular values are known."""

from __future__ import annotations

import math

import by_definition
import numpy as np
import pytest
import torch

from fullrank.diagnosis import Diagnosis, Table
from fullrank.spectrum import figures, noise
from fullrank.spectrum.figures import Figures

N, D = 150, 12
RANKS = np.arange(1, D + 1)
SPECTRA = {
    "even": np.ones(D),
    "power law 0.5": RANKS**-0.25,
    "power law 2": RANKS**-1.0,
    "power law 4": 1e3 * RANKS**-2.0,
    "exponential": np.exp(-RANKS / 3),
    "one strong": np.r_[30.0, np.ones(D - 1)],
    "rank 5": np.r_[np.linspace(3, 1, 5), np.zeros(D - 5)],
    "rank 9, four decades": np.r_[np.logspace(0, -4, 9), np.zeros(D - 9)],
    "tiny": 1e-6 * np.linspace(2, 1, D),
    "two levels": np.r_[np.full(D // 2, 5.0), np.full(D - D // 2, 0.5)],
}
EACH = pytest.mark.parametrize("name", SPECTRA)


def table_of(values, seed=0):
    """A table of those singular values; its rows are random, so its mean is what it comes to."""
    rng = np.random.default_rng(seed)
    left = np.linalg.qr(rng.normal(size=(N, D)) + 0.3)[0]
    right = np.linalg.qr(rng.normal(size=(D, D)))[0]
    return (left * values) @ right


def diagnosis(x):
    return Diagnosis.of("x", [Table.of(torch.from_numpy(x))])


@EACH
def test_singular_values_are_the_known_ones(name):
    found = diagnosis(table_of(SPECTRA[name])).spectrum.singular_values.numpy()
    expected = np.sort(SPECTRA[name])[::-1]
    assert np.abs(found - expected).max() <= 1e-6 * expected[0]


@EACH
@pytest.mark.parametrize("form", by_definition.FORMS)
def test_figures_are_their_definitions(name, form):
    x = table_of(SPECTRA[name])
    found = diagnosis(x).figures[form].to_dict()
    rows = by_definition.FORMS[form](x)
    assert found.keys() == by_definition.FIGURES.keys()
    for figure, definition in by_definition.FIGURES.items():
        expected = definition(rows)
        assert found[figure] == pytest.approx(expected, rel=1e-6, abs=1e-6, nan_ok=True), figure


@EACH
@pytest.mark.parametrize("form", ["raw", "centred"])
def test_figures_of_pairs_are_their_definitions(name, form):
    x = table_of(SPECTRA[name])
    x[5] = 0
    pairs = diagnosis(x).pairs[form]
    rows = by_definition.FORMS[form](x)
    mean, squared = by_definition.cosines(rows)
    assert pairs.mean_cosine == pytest.approx(mean, abs=1e-6)
    assert pairs.mean_squared_cosine == pytest.approx(squared, abs=1e-6)
    assert pairs.uniformity == pytest.approx(by_definition.uniformity(rows), abs=1e-6)
    assert pairs.rows_of_uniformity == N


def test_the_two_conventions_of_the_effective_rank_differ():
    """Others print the second, of squares, under the name of RankMe, which is of the first."""
    values = torch.tensor([2.0, 1.0], dtype=torch.float64)
    found = Figures.of(values, rows=2)
    assert found.effective_rank == pytest.approx(3 / 2 ** (2 / 3))
    assert found.effective_rank_of_squares == pytest.approx(5 / 4 ** (4 / 5))


def test_known_figures():
    ones, lone = torch.ones(8, dtype=torch.float64), torch.eye(8, dtype=torch.float64)[0]
    for figure in (figures.participation_ratio, figures.stable_rank, figures.information_abundance):
        assert figure(ones) == pytest.approx(8)
        assert figure(3 * lone) == pytest.approx(1)
        assert figure(0 * ones) == 0
    assert figures.isoscore(ones) == pytest.approx(1)
    assert figures.isoscore(lone) == pytest.approx(0)
    assert figures.isoscore(0 * ones) == 0
    ranks = torch.arange(1, 65, dtype=torch.float64)
    assert figures.power_law(5 * ranks**-0.75) == pytest.approx((1.5, 1))
    assert figures.power_law(ones) == pytest.approx((0, 1))
    assert all(map(math.isnan, figures.power_law(lone)))
    bent = torch.cat((ranks[:32] ** -0.1, 1e-3 * ranks[32:] ** -2))
    assert figures.power_law(bent)[1] < 0.9


@pytest.mark.parametrize("ratio", [1e-4, 0.05, 0.5, 0.99, 1.0])
def test_the_median_of_the_marchenko_pastur_law(ratio):
    expected = by_definition.marchenko_pastur_median(ratio)
    assert noise.marchenko_pastur_median(ratio) == pytest.approx(expected, rel=1e-6)


def test_noise_ends_at_its_edge_and_signal_stands_above(generator):
    x = torch.randn(4000, 40, generator=generator, dtype=torch.float64)
    values = torch.linalg.svdvals(x)
    assert noise.noise_edge(values, 4000) == pytest.approx(values[0].item(), rel=0.02)
    u, v = torch.linalg.qr(torch.randn(4000, 3, generator=generator).double()).Q, torch.eye(40)[:3]
    found = Figures.of(torch.linalg.svdvals(x + 200 * u @ v.double()), 4000)
    assert found.above_noise == 3
    assert noise.noise_edge(values, 30) == 0  # fewer rows than columns
    assert noise.noise_edge(torch.tensor([1.0, 0, 0, 0], dtype=torch.float64), 9) == 0


@pytest.mark.parametrize("scale", [1e-120, 1e120])
def test_no_figure_depends_on_the_scale(scale):
    x = table_of(SPECTRA["power law 2"])
    found, expected = (diagnosis(each).to_dict() for each in (scale * x, x))
    for form in ("raw", "centred"):  # a row below 1e-12 has no direction here
        mine, its = found["figures"][form], expected["figures"][form]
        mine["noise_edge"] /= scale
        assert mine == pytest.approx(its, rel=1e-6)
    for name in ("mean", "norm"):
        shares = [each["causes"]["share_of_leading_direction"][name] for each in (found, expected)]
        assert shares[0] == pytest.approx(shares[1])
    assert [each["effective_rank"] for each in found["remedies"]] == pytest.approx(
        [each["effective_rank"] for each in expected["remedies"]]
    )
