"""The metrics beside those of ranx and trec_eval, on random lists without ties."""

from __future__ import annotations

import numpy as np
import pytest

from fullrank.evaluation import metrics

N_ITEMS, DEPTH = 60, 20

OURS = {
    "recall": metrics.recall,
    "ndcg": metrics.ndcg,
    "precision": metrics.precision,
    "hit_rate": metrics.hit_rate,
    "mrr": metrics.mrr,
    "map": metrics.average_precision,
}


@pytest.fixture(scope="module")
def case():
    """Lists of 20 for 40 users with 1 to 35 test items, as arrays and as dictionaries by name."""
    rng = np.random.default_rng(5)
    lists = [rng.permutation(N_ITEMS)[:DEPTH] for _ in range(40)]
    wanted = [rng.permutation(N_ITEMS)[: rng.integers(1, 36)] for _ in lists]
    hits = np.array([np.isin(each, test) for each, test in zip(lists, wanted, strict=True)])
    n_test = np.array([len(test) for test in wanted])
    run = {
        f"u{row:02d}": {f"i{item}": float(DEPTH - rank) for rank, item in enumerate(each)}
        for row, each in enumerate(lists)
    }
    truth = {f"u{row:02d}": {f"i{item}": 1 for item in test} for row, test in enumerate(wanted)}
    return hits, n_test, run, truth


def by_their_division(name, value, n_test, k):
    """Both peers divide the sum of map@k by |T_u|; ours divides it by min(k, |T_u|)."""
    return value * np.minimum(k, n_test) / n_test if name == "map" else value


@pytest.mark.parametrize("k", [1, 5, 10, 20])
def test_trec_eval(case, k):
    pytrec_eval = pytest.importorskip("pytrec_eval")
    hits, n_test, run, truth = case
    cut = {
        user: dict(sorted(scores.items(), key=lambda pair: -pair[1])[:k])
        for user, scores in run.items()
    }
    theirs = {
        "recall": f"recall.{k}",
        "ndcg": f"ndcg_cut.{k}",
        "precision": f"P.{k}",
        "hit_rate": f"success.{k}",
        "mrr": "recip_rank",  # without a cutoff of its own, hence the run cut to k
        "map": f"map_cut.{k}",
    }
    report = pytrec_eval.RelevanceEvaluator(truth, set(theirs.values())).evaluate(cut)
    for name, formula in OURS.items():
        ours = by_their_division(name, formula(hits[:, :k], n_test, k), n_test, k)
        measure = theirs[name].replace(".", "_")
        expected = [report[user][measure] for user in sorted(report)]
        np.testing.assert_allclose(ours, expected, atol=1e-12, err_msg=name)


@pytest.fixture(scope="module")
def ranx():
    """ranx as plain Python: compiling its kernels takes most of a minute, running them nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NUMBA_DISABLE_JIT", "1")
        yield pytest.importorskip("ranx")


@pytest.mark.parametrize("k", [1, 5, 10, 20])
def test_ranx(ranx, case, k):
    hits, n_test, run, truth = case
    qrels, lists = ranx.Qrels(truth), ranx.Run(run)
    ranx.evaluate(qrels, lists, [f"{name}@{k}" for name in OURS], make_comparable=True)
    for name, formula in OURS.items():
        ours = by_their_division(name, formula(hits[:, :k], n_test, k), n_test, k)
        expected = [lists.scores[f"{name}@{k}"][user] for user in sorted(truth)]
        np.testing.assert_allclose(ours, expected, atol=1e-12, err_msg=name)
