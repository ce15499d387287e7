"""Checks of statements: what they compute against plain loops, and that verdicts can turn."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from fullrank.lab import adjacency
from fullrank.lab.statements import balance, collapse, contrast, correlation, filters
from fullrank.lab.statements.check import Checked, effective_rank, rows


@pytest.fixture(scope="module")
def matrix():
    rng = np.random.default_rng(1)
    return sp.csr_array((rng.random((40, 60)) < 0.15).astype(float))


def test_a_verdict_has_three_forms():
    made = {"name": "n", "statement": "s", "measured": "m"}
    assert Checked(**made, held=True, only_when="never read").verdict == "held"
    assert Checked(**made, held=False).verdict == "did not hold"
    assert Checked(**made, held=False, only_when="on Sundays").verdict == "held only on Sundays"


@pytest.mark.parametrize(
    ("check", "verdict"),
    [
        (collapse.equation_4, "held"),
        (collapse.equation_5, "held only with I - α(D - A)"),
        (collapse.equation_6, "held"),
        (collapse.equation_7, "held only on a connected graph"),
        (collapse.equation_9, "held"),
        (balance.equation_13, "held"),
        (balance.never_lower, "held only for smaller steps"),
        (balance.zero_correlation, "held"),
        (correlation.proposition_3, "held only as a step on the rows themselves"),
        (correlation.proposition_4, "held only for pairs of different rows"),
        (correlation.equation_19, "held only with the other sign"),
        (correlation.equation_20, "held only as a potential"),
        (contrast.equation_22, "held only with 1 / τ"),
        (contrast.equation_24, "held only with h_vᵀ h_u"),
        (contrast.equation_25, "held only in that both raise"),
    ],
)
def test_what_holds(check, verdict):
    assert check().verdict.startswith(verdict)


def test_a_wrong_gradient_is_found(monkeypatch):
    monkeypatch.setattr(collapse, "log_loss", lambda *given: 1.01 * collapse.bce_loss(*given))
    assert collapse.equation_4().verdict == "did not hold"
    monkeypatch.setattr(balance, "passed", lambda table, alpha, power: table)
    assert balance.equation_13().verdict == "did not hold"


@pytest.mark.slow
def test_the_log_loss_does_not_make_rows_alike_but_the_euclidean_does():
    found = collapse.proposition_1()
    assert found.numbers["loss_left"] < 1e-4
    assert found.numbers["effective_rank"] > 10
    assert found.numbers["effective_rank_euclidean"] == pytest.approx(1)
    assert found.verdict.startswith("held only for the Euclidean loss")


def test_passes_end_at_an_even_spectrum_unless_a_direction_is_lost(monkeypatch):
    monkeypatch.setattr(balance, "TIMES", (1, 10, 10**4))
    monkeypatch.setattr(balance, "ALPHA", 0.01)
    found = balance.proposition_2()
    assert found.numbers["effective_rank"] == pytest.approx(10, abs=0.1)
    assert found.numbers["effective_rank_without_two"] == pytest.approx(8, abs=0.1)
    assert found.verdict.startswith("held only if no singular value is zero")


def test_graphs_have_the_components_that_they_say():
    for parts in (1, 2, 3):
        matrix = sp.csr_array(collapse.adjacency(collapse.graph(parts)).numpy())
        assert sp.csgraph.connected_components(matrix)[0] == parts


def test_the_gradients_of_the_steps_are_those_of_a_double_loop():
    block, table = collapse.graph(1), rows(70, 16, seed=9)
    euclidean = sum(
        0.5 * (table[u] - table[30 + i]).square().sum() for u, i in block.nonzero().tolist()
    )
    assert collapse.euclidean_loss(table, block) == pytest.approx(float(euclidean))
    log = -sum(
        torch.log(torch.sigmoid(table[u] @ table[30 + i])) for u, i in block.nonzero().tolist()
    )
    assert collapse.log_loss(table, block) == pytest.approx(float(log))


def test_tight_frames_are_tight():
    for width in (2, 16, 32):
        frame = correlation.tight_frame(48, width)
        torch.testing.assert_close(frame.norm(dim=1), torch.ones(48).double())
        torch.testing.assert_close(frame.T @ frame, 48 / width * torch.eye(width).double())


def test_filters_are_matrix_powers(matrix):
    kept = filters.served(matrix)
    block = adjacency.observed(kept).toarray()
    zero = [np.zeros((n, n)) for n in block.shape]
    whole = np.block([[zero[0], block], [block.T, zero[1]]])
    start = np.random.default_rng(0).standard_normal((len(whole), 8))
    step = np.eye(len(whole)) + filters.ALPHA * whole
    found = filters.filtered(start, filters.product(adjacency.observed(kept)), (3, 10))
    for power in (3, 10):
        expected = torch.from_numpy(np.linalg.matrix_power(step, power) @ start)
        assert found[power] == pytest.approx(effective_rank(expected))


def test_layers_and_unobserved_pairs(matrix):
    assert filters.equation_8(matrix).verdict == "held"
    found = filters.equation_10(matrix)
    assert found.numbers["alone"] == pytest.approx(1, abs=0.01)
    assert "collapses" in found.statement
    pulled = filters.high_pass(matrix).numbers
    dense = np.linalg.svd(adjacency.unobserved(matrix).dot(np.eye(60)), compute_uv=False)
    assert pulled["second_over_first"] == pytest.approx(dense[1] / dense[0], rel=1e-6)
    assert filters.high_pass(matrix).verdict.startswith("held only for one direction")


def test_slower_is_told_from_faster(matrix, monkeypatch):
    ahead = filters.equation_10(matrix)
    monkeypatch.setattr(adjacency, "difference", adjacency.observed)
    assert filters.equation_10(matrix).verdict.startswith("held only in that it collapses")
    assert ahead.numbers["slower_at"] > 0


def test_a_correction_that_corrects_nothing_is_not_named(monkeypatch):
    monkeypatch.setattr(contrast.torch, "softmax", lambda scores, dim: scores)
    assert contrast.equation_22().verdict == "did not hold"


def test_a_step_that_is_its_gradient_holds(monkeypatch):
    monkeypatch.setattr(contrast, "TAU", 1.0)
    assert contrast.equation_22().verdict == "held"


def test_rows_of_a_regular_graph_become_the_same(monkeypatch):
    monkeypatch.setattr(collapse, "USERS", 6)
    monkeypatch.setattr(collapse, "ITEMS", 6)
    monkeypatch.setattr(collapse, "graph", lambda parts: torch.ones(6, 6, dtype=torch.float64))
    assert collapse.equation_7().verdict == "held"


def test_unobserved_pairs_of_several_directions_are_no_filter_of_one():
    rng = np.random.default_rng(0)
    near = np.kron(np.eye(2), np.ones((200, 200)))  # users have less of the items of their half
    given = sp.csr_array((rng.random((400, 400)) < 0.6 - 0.4 * near).astype(float))
    found = filters.high_pass(given)
    assert 0.25 < found.numbers["second_over_first"] < 0.5
    assert found.verdict == "did not hold"


def test_layers_that_smooth_and_steps_that_lose_nothing_are_no_faster_collapse(matrix, monkeypatch):
    def without_steps(table, times, steps):
        return dict.fromkeys((0, *steps), filters.effective_rank(table))

    monkeypatch.setattr(filters, "filtered", without_steps)
    assert filters.equation_8(matrix).verdict == "did not hold"
