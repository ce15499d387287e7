"""Figures 3, 6 and 11: what they compute from curves, and that the runs are those that they say."""

from __future__ import annotations

import numpy as np
import pytest

from fullrank.lab import adjacency
from fullrank.lab.experiments import figure_3, figure_6, figure_9, figure_11
from fullrank.lab.groups import Group
from fullrank.lab.spec import Run
from fullrank.lab.store import Done
from fullrank.lab.training import resolved


def group(label: str, **curves: list[float]) -> Group:
    length = len(next(iter(curves.values())))
    history = [{"epoch": at, **{name: each[at] for name, each in curves.items()}}
               for at in range(length)]  # fmt: skip
    return Group(label, Run("bpr", {}, "made"), [Done("k", {}, {}, {}, history, 1.0, {})])


def test_how_even_a_spectrum_is():
    flat = figure_3.eigenvalue_numbers(np.ones(8))
    assert flat["effective_rank"] == pytest.approx(8)
    assert flat["effective_rank_after_steps"] == pytest.approx(8)
    steep = figure_3.eigenvalue_numbers(np.array([1.0, 0.5, 0.25]))
    assert steep["second_over_first"] == 0.5
    assert steep["median_over_first"] == 0.5
    left = ((1 + 0.5 * np.array([1, 0.5, 0.25])) / 1.5) ** 100
    share = left / left.sum()
    assert steep["effective_rank_after_steps"] == pytest.approx(
        np.exp(-(share * np.log(share)).sum())
    )


def test_spectra_are_of_the_train_part(scope):
    matrix = scope.split().train.csr()
    found = figure_3.spectra(scope)
    np.testing.assert_allclose(found["A"][:3], adjacency.largest(adjacency.observed(matrix), 3))
    np.testing.assert_allclose(
        found["A − Ā"][:3], adjacency.largest(adjacency.difference(matrix), 3)
    )


def test_euclidean_runs_differ_in_negatives_and_margin_alone(scope):
    runs = figure_3.grid(scope)
    methods = {label: resolved(runs[label], scope.split().train) for label in figure_3.EUCLIDEAN}
    assert [each.name for each in methods.values()] == [
        "euclidean-positive", "euclidean", "euclidean",
    ]  # fmt: skip
    assert methods["with negatives"].margin == 1
    assert methods["with negatives, no margin"].margin == figure_3.LINEAR
    assert len({(each.lr, each.epochs, each.batch_size) for each in methods.values()}) == 1


def test_figure_6_trains_without_observed_pairs_and_starts_where_the_first_half_ended(scope):
    runs = figure_6.grid(scope)
    train = scope.split().train
    for label in ("BCE, N = 1", "BCE, N = 4", "negatives alone"):
        assert resolved(runs[label], train).observed is False
    for label in ("DirectSpec", "negatives alone, then"):
        assert resolved(runs[label], train).balance == "alone"
    assert resolved(runs["BCE"], train).observed is True
    assert resolved(runs["BCE, then"], train).balance == "filter"
    for label in ("negatives alone", "BCE"):
        assert runs[f"{label}, then"].start == runs[label]
        assert runs[label].start is None


def test_the_second_half_is_drawn_after_the_first():
    groups = {
        "BCE": group("BCE", effective_rank=[60.0, 20.0, 10.0]),
        "BCE, then": group("BCE, then", effective_rank=[10.0, 50.0]),
    }
    first, second = figure_6._joined(groups, "BCE")
    assert (first.x, first.y) == ([0, 1, 2], [60.0, 20.0, 10.0])
    assert (second.x, second.y) == ([2, 3], [10.0, 50.0])


def test_where_a_correlation_is_highest():
    found = figure_11._course([0, 1, 2, 3], [0.1, 0.9, 0.5, 0.4])
    assert found == {"first": 0.1, "highest": 0.9, "epoch_of_highest": 1, "last": 0.4, "epochs": 3}


def test_figure_9_names_all_values_that_are_as_accurate_as_the_best():
    def found(**accuracy: float) -> dict[float, Group]:
        curves = {float(name[1:]): [0.1, value] for name, value in accuracy.items()}
        return {value: group(f"{value:g}", **{"ndcg@10": curve}) for value, curve in curves.items()}

    alike = found(_0=0.2060, _2=0.20601, _3=0.20598)
    assert figure_9._best_values("K", alike) == "K = 0, 2 or 3"
    assert figure_9._best_values("τ₀", found(_1=0.2, _2=0.2001, _3=0.1)) == "τ₀ = 1 or 2"
    assert figure_9._best_values("τ₁", found(_1=0.2, _2=0.201, _3=0.1)) == "τ₁ = 2"
