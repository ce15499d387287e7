"""Effective ranks are of rows with interactions, wherever one is given."""

from __future__ import annotations

import naive
import numpy as np
import pytest
import torch
from command import fullrank

from fullrank import Recommender
from fullrank.data.ids import Ids
from fullrank.data.interactions import Interactions
from fullrank.methods.probing import Ranks
from fullrank.spectrum import Spectrum, correlation, effective_rank, singular_values


@pytest.fixture(scope="module")
def partly() -> Interactions:
    """Thirty users and forty items, of which the last ten and the last fifteen have nothing."""
    rng = np.random.default_rng(3)
    drawn = {
        (int(u), int(i))
        for u, i in zip(rng.integers(20, size=300), rng.integers(25, size=300), strict=True)
    }
    drawn |= {(u, u) for u in range(20)} | {(i % 20, i) for i in range(25)}
    users, items = (np.array(side) for side in zip(*sorted(drawn), strict=True))
    whole = Interactions.from_rows(Ids(np.arange(30)), Ids(np.arange(40)), users, items)
    assert (whole.user_degree > 0).sum() == 20
    assert (whole.item_degree > 0).sum() == 25
    return whole


@pytest.mark.parametrize("method", ["bpr", "directspec+", "lightgcn", "ials"])
def test_metadata_history_and_spectrum_are_of_rows_with_interactions(method, partly):
    values = {"dim": 4} if method == "ials" else {"dim": 4, "epochs": 3, "batch_size": 32}
    model = Recommender(method, **values).fit(partly)
    users, items = model.user_embeddings, model.item_embeddings
    counted = naive.effective_rank(torch.cat((users[:20], items[:25])))
    every = naive.effective_rank(torch.cat((users, items)))
    training, spectrum = model.training, model.spectrum()
    assert training["effective_rank"] == pytest.approx(counted)
    assert training["effective_rank_all_rows"] == pytest.approx(every)
    assert training["rows_without_interactions"] == 25
    if training["history"]:
        assert training["history"][-1]["effective_rank"] == pytest.approx(counted)
    assert spectrum.effective_rank == pytest.approx(counted)
    assert spectrum.effective_rank_all_rows == pytest.approx(every)
    assert spectrum.shape == (45, 4)
    assert spectrum.rows_without == 25
    assert spectrum.beside.startswith("Not counted: 25 rows without interactions (")


def test_a_collapse_is_seen_among_rows_that_were_never_trained(partly):
    """The distance of observed pairs alone: rows shrink to one direction, the others stay."""
    model = Recommender("euclidean-positive", dim=4, epochs=60, batch_size=32, lr=2.0).fit(partly)
    spectrum = model.spectrum()
    assert spectrum.verdict.startswith("Collapsed")
    assert spectrum.effective_rank_all_rows > 3.5


def test_a_model_says_the_same_when_loaded_and_inspected(partly, tmp_path):
    model = Recommender("bpr", dim=4, epochs=2, batch_size=32).fit(partly)
    model.save(tmp_path / "model")
    again = Recommender.load(tmp_path / "model")
    assert again.spectrum().to_dict() == model.spectrum().to_dict()
    found = fullrank("inspect", tmp_path / "model", "--json").json
    both = next(table for table in found["tables"] if table["all_rows"] == 70)
    assert both["effective_rank"] == pytest.approx(model.training["effective_rank"])
    for name in ("effective_rank_all_rows", "rows_without_interactions"):
        assert both[name] == pytest.approx(model.training[name])


def test_correlation_is_recorded_where_it_is_asked_for(partly):
    values = {"dim": 4, "epochs": 2, "batch_size": 32, "seed": 1}
    plain = Recommender("bpr", **values).fit(partly)
    model = Recommender("bpr", **values, record_correlation=True).fit(partly)
    assert torch.equal(model.user_embeddings, plain.user_embeddings)
    last = model.training["history"][-1]
    assert last["user_correlation"] == pytest.approx(naive.correlation(model.user_embeddings[:20]))
    assert last["item_correlation"] == pytest.approx(naive.correlation(model.item_embeddings[:25]))
    assert not {"user_correlation", "item_correlation"} & set(plain.training["history"][-1])


def test_rows_that_count():
    generator = torch.Generator().manual_seed(0)
    tables = [torch.randn(n, 3, generator=generator) for n in (9, 7)]
    where = [torch.rand(n, generator=generator) < 0.6 for n in (9, 7)]
    kept = [table[rows] for table, rows in zip(tables, where, strict=True)]
    assert effective_rank(*tables, where=where) == pytest.approx(effective_rank(*kept))
    assert correlation(*tables, where=where) == pytest.approx(correlation(*kept))
    torch.testing.assert_close(singular_values(*tables, where=where), singular_values(*kept))
    few = [torch.arange(9) < 1, torch.arange(7) < 1]
    assert len(singular_values(*tables, where=few)) == 2
    found, expected = Spectrum.of(*tables, where=where), Spectrum.of(*kept)
    assert found.effective_rank == pytest.approx(expected.effective_rank)
    assert found.mean_squared_cosine == pytest.approx(expected.mean_squared_cosine)
    assert found.effective_rank_all_rows == pytest.approx(effective_rank(*tables))
    assert (expected.rows_without, expected.beside) == (0, "")
    with pytest.raises(ValueError, match="found 2 rows and 3 columns"):
        Spectrum.of(*tables, where=few)


def test_rows_of_a_training_part(partly):
    ranks = Ranks(partly)
    assert [int(rows.sum()) for rows in ranks.trained] == [20, 25]
    assert ranks.without == 25
