"""Causes, remedies and harm: against what they say, on tables made to have them."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch

from fullrank import DataError, Interactions
from fullrank.data.ids import Ids
from fullrank.diagnosis import Diagnosis, Table
from fullrank.diagnosis.causes import angle
from fullrank.diagnosis.harm import harm
from fullrank.diagnosis.matching import Known, counts_of, pair_of, rows_of, side_of
from fullrank.diagnosis.picture import draw
from fullrank.diagnosis.remedies import LEAVE, NOTHING, filtered, whitened
from fullrank.spectrum import balance_spectrum, effective_rank

D = 16


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def diagnosed(x, counts=None):
    return Diagnosis.of("x", [Table.of(x)], counts)


def predicted(found, name):
    return next(each.effective_rank for each in found.remedies if name in each.name)


def test_rows_without_interactions_are_counted_beside():
    """Rows that were never trained dominate a spectrum in which the others have collapsed."""
    flat = randn(500, 2) @ randn(2, D, seed=1)
    x = torch.cat((flat + 1e-3 * randn(500, D, seed=2), 3 * randn(500, D, seed=3)))
    counts = torch.cat((torch.ones(500), torch.zeros(500)))
    found = diagnosed(x, counts)
    assert found.spectrum.shape == (500, D)
    assert found.spectrum.effective_rank == pytest.approx(effective_rank(x[:500]))
    assert found.spectrum.effective_rank < 3
    assert found.spectrum.effective_rank_all_rows == pytest.approx(effective_rank(x))
    assert found.spectrum.effective_rank_all_rows > 12
    assert (found.all_rows, found.without) == (1000, 500)
    blind = diagnosed(x)
    assert blind.spectrum.effective_rank == pytest.approx(found.spectrum.effective_rank_all_rows)
    assert blind.without is None


@pytest.mark.slow
def test_the_mean_as_a_cause():
    x = randn(2000, D)
    mean = torch.zeros(D, dtype=torch.float64)
    mean[3] = 20
    found = diagnosed(x + mean)
    direction = torch.linalg.svd(x + mean).Vh[0]
    along = (x + mean) @ direction
    expected = len(x) * along.mean() ** 2 / along.square().sum()
    assert found.causes.mean == pytest.approx(expected.item())
    assert found.causes.mean > 0.99
    assert predicted(found, "mean row") == pytest.approx(effective_rank(x - x.mean(dim=0)))
    assert "take their mean off" in found.advice
    assert diagnosed(x).causes.mean < 0.05


def test_popularity_and_norm_as_causes():
    counts = torch.randint(1, 1000, (2000,), generator=torch.Generator().manual_seed(5))
    x = randn(2000, D)
    x[:, 0] = 10 * (counts.log() - counts.log().mean())
    found = diagnosed(x, counts)
    assert found.causes.mean < 0.01
    assert found.causes.popularity > 0.95
    assert found.causes.norm < 0.8
    assert diagnosed(x).causes.popularity is None
    along = x @ found.direction
    design = torch.stack((torch.ones(2000).double(), x.norm(dim=1)), dim=1)
    fit = design @ torch.linalg.lstsq(design, along).solution
    assert found.causes.norm == pytest.approx((fit.square().sum() / along.square().sum()).item())


def test_rows_and_columns_amiss():
    x = randn(300, D)
    x[:, 2], x[:, 5] = 0, 1.5
    x[7] = x[8] = 0
    x[20] = x[21] = x[22]
    causes = diagnosed(x).causes
    assert causes.dead_columns == [2]  # column 5 has zeros in the zero rows
    assert causes.zero_rows == 2
    assert causes.duplicate_rows == 2
    x[7] = x[8] = randn(2, D, seed=4)[0]
    x[:, 5] = 1.5
    assert diagnosed(x).causes.dead_columns == [5]


def test_angle():
    one, other = torch.eye(3).double()[:2]
    assert angle(one, -one) == 0
    assert angle(one, other) == pytest.approx(90)
    assert angle(one, -(one + other) / 2**0.5) == pytest.approx(45)


def test_remedies_do_what_is_predicted():
    x = randn(400, D) * torch.logspace(0, -2, D) + 0.05
    found = diagnosed(x)
    sigma = torch.linalg.svdvals(x)
    alpha = 1 / (3 * sigma[0].item() ** 2)
    for steps in (1, 100):
        expected = effective_rank(balance_spectrum(x, alpha, iterations=steps))
        assert predicted(found, f"Algorithm 1, {steps} step") == pytest.approx(expected)
    centred = x - x.mean(dim=0)
    values, vectors = torch.linalg.eigh(centred.T @ centred / len(x))
    for exponent in (0.25, 0.5, 1.0):
        turn = vectors @ torch.diag(values ** (-exponent / 2)) @ vectors.T
        expected = effective_rank(centred @ turn)
        assert predicted(found, f"exponent {exponent:g}") == pytest.approx(expected, rel=1e-6)
    assert predicted(found, "exponent 1") == pytest.approx(D)
    assert found.remedies[-1].effective_rank is None


def test_the_filter_keeps_the_order_and_a_larger_step_does_not():
    values = torch.linspace(1, 0.1, 10, dtype=torch.float64)
    assert (filtered(values, 50).diff() <= 0).all()
    assert (values * (1 - 0.5 * values.square())).diff().max() > 0
    assert (filtered(0 * values, 5) == 0).all()
    assert whitened(torch.tensor([2.0, 0.0]), 0.5).tolist() == pytest.approx([2**0.5, 0])


def test_advice_leaves_a_balanced_table_alone():
    assert diagnosed(randn(2000, D)).advice == LEAVE
    flat = diagnosed(randn(2000, 2) @ randn(2, D, seed=1))
    assert "DirectSpecPlus" in flat.advice
    x = randn(2000, 2) @ randn(2, D, seed=1)
    known = Diagnosis.of("x", [Table.of(x)], balanced=True).advice
    assert known.startswith("It was trained with a balancer.")


@pytest.mark.parametrize("table", [torch.zeros(40, 4), torch.ones(40, 4)], ids=["zeros", "ones"])
def test_tables_of_one_number(table):
    plain = diagnosed(table).to_dict()
    assert plain["effective_rank"] == (1 if table.any() else 0)
    assert plain["figures"]["centred"]["effective_rank"] == 0
    text = json.dumps({**plain, "figures": None})
    assert json.loads(text)["causes"]["dead_columns"] == [0, 1, 2, 3]


def test_what_does_not_help_is_no_advice():
    zeros, ones = (diagnosed(table) for table in (torch.zeros(40, 4), torch.ones(40, 4)))
    assert zeros.spectrum.verdict.startswith("Collapsed: every row is zero")
    assert zeros.advice == NOTHING
    assert ones.advice.endswith(
        "held-out interactions. Whitening would bring no further dimension into use."
    )
    x = (randn(2000, 2) * torch.tensor([9.0, 1.0])) @ randn(2, D, seed=1)
    left = torch.linalg.svdvals(x - x.mean(dim=0))[:2].sqrt()
    share = left / left.sum()
    better = float(torch.exp(-(share * share.log()).sum()))
    assert f"whitening with exponent 0.5 would use {better:.1f} dim" in diagnosed(x).advice


def interactions(pairs, n_users, n_items):
    user, item = np.array(pairs).T
    return Interactions.from_rows(Ids.numbered(n_users), Ids.numbered(n_items), user, item)


def blocks_of_taste(n_users=40):
    """Users and 40 items in two halves that like their own; one pair each is held out."""
    every = [(u, i) for u in range(n_users) for i in range(40) if (u < n_users / 2) == (i < 20)]
    held = {(u, i) for u, i in every if i % 20 == u % 20}
    train = [pair for pair in every if pair not in held and sum(pair) % 3]
    parts = (interactions(each, n_users, 40) for each in (train, sorted(held)))
    return Known(*parts, "validation", ())


def sides_in_the_first_of_eight_columns(n_users):
    users, items = 0.1 * randn(n_users, 8).float(), 0.1 * randn(40, 8, seed=1).float()
    for table in (users, items):
        table[: len(table) // 2, 0], table[len(table) // 2 :, 0] = 3, -3
    return users, items, blocks_of_taste(n_users)


def test_few_users_do_not_show_that_directions_are_spare():
    sentence = harm(*sides_in_the_first_of_eight_columns(40)).sentence()
    assert sentence.startswith("40 users do not tell whether lists need all directions")
    users, items, known = sides_in_the_first_of_eight_columns(40)
    one = dataclasses.replace(known, held_out=interactions([(3, 3)], 40, 40))
    alone = harm(users, items, one)
    assert alone.sentence().startswith("1 user does not tell")
    assert {cut.kept_loss for cut in alone.cuts} == {None}


def test_what_a_cut_may_lose_is_three_errors_below_its_mean():
    users, items, known = sides_in_the_first_of_eight_columns(40)
    found = harm(users, items, known)
    for cut in found.cuts:
        loss = found.whole["ndcg@20"] - cut.kept["ndcg@20"]
        error = -loss / cut.kept_difference
        assert cut.kept_loss == pytest.approx((loss + 3 * error) / found.whole["ndcg@20"])


def test_harm_names_the_direction_that_lists_need():
    users, items, known = sides_in_the_first_of_eight_columns(1600)
    found = harm(users, items, known)
    assert found.users == 1600
    lone = found.cuts[0]
    assert lone.directions == 1
    assert lone.kept["ndcg@20"] == pytest.approx(found.whole["ndcg@20"], rel=0.3)
    assert lone.removed["ndcg@20"] < 0.7 * found.whole["ndcg@20"]
    assert lone.removed_difference < -3
    assert "rank no worse than all" in found.sentence()


def test_harm_names_the_direction_that_lists_are_better_without():
    known = blocks_of_taste()
    side = torch.cat((torch.ones(20), -torch.ones(20)))
    users, items = 0.01 * randn(40, 8).float(), 0.01 * randn(40, 8, seed=1).float()
    users[:, 0], items[:, 0] = 5, 5 * randn(40, seed=2).float()  # the same noise for all
    users[:, 1], items[:, 1] = side, side
    found = harm(users, items, known)
    assert found.cuts[0].removed["ndcg@20"] > found.whole["ndcg@20"]
    assert found.cuts[0].removed_difference > 3
    assert found.sentence().startswith("Without the top direction ndcg@20 on validation rises")
    users[:, 2], items[:, 2] = 2, 2 * randn(40, seed=3).float()
    found = harm(users, items, known)
    lone, two = (cut.removed["ndcg@20"] for cut in found.cuts[:2])
    assert found.whole["ndcg@20"] < lone < two
    assert "the top 2 directions ndcg@20 on validation rises from" in found.sentence()
    assert f" to {two:.4f}: they cost" in found.sentence()


def test_no_harm_without_something_to_find():
    known = blocks_of_taste()
    assert harm(torch.ones(40, 4), torch.ones(40, 4), Known(known.train, None, "", ())) is None


def test_rows_of_ids():
    assert rows_of(Ids(["0", "2", "1"]), 5).tolist() == [0, 2, 1]  # they are row numbers
    assert rows_of(Ids([1, 2, 3]), 4).tolist() == [1, 2, 3]  # row 0 is for padding
    assert rows_of(Ids([1, 2, 3]), 3).tolist() == [0, 1, 2]
    assert rows_of(Ids(["b", "a"]), 2).tolist() == [0, 1]
    assert rows_of(Ids(["b", "a"]), 3) is None


def test_whose_rows_a_table_has():
    train = interactions([(0, 0), (0, 4), (2, 1)], 3, 5)
    known = Known(train, None, "", (train,))

    def table(rows, name=""):
        return Table.of(torch.arange(2.0 * rows).reshape(rows, 2), name)

    # Users are numbers below 5 too, so five rows could be of either.
    assert side_of("x", table(5, "item_emb"), known) == "items"
    assert side_of("x", table(3), known) == "users"
    assert counts_of(table(3), "users", known).tolist() == [2, 0, 1]
    assert counts_of(table(7, "items"), "items", known).tolist() == [1, 1, 0, 0, 1, 0, 0]
    with pytest.raises(DataError, match="could be of users or of items"):
        side_of("x", table(5), known)
    with pytest.raises(DataError, match="2 rows"):
        side_of("x", table(2), known)
    with pytest.raises(DataError, match="2 rows"):
        side_of("x", table(2, "users"), known)
    users, items = pair_of([table(3, "u"), table(5, "i")], ["users", "items"], known)
    assert (len(users), len(items)) == (3, 5)
    assert pair_of([table(3)], ["users"], known) is None
    named = Interactions.from_rows(Ids(["a", "b"]), Ids(["x", "y", "z"]), [0, 1], [0, 1])
    both = Known(named, None, "", (named, named))
    assert side_of("x", table(5), both) == "both"
    assert counts_of(table(5), "both", both).tolist() == [2, 2, 2, 2, 0]
    users, items = pair_of([table(5)], ["both"], both)
    assert items[0].tolist() == [4, 5]


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
def test_picture(tmp_path):
    pytest.importorskip("matplotlib")
    for at, table in enumerate((randn(200, D), torch.zeros(40, 4), torch.eye(6))):
        assert draw(diagnosed(table), tmp_path / f"{at}.png")
        assert (tmp_path / f"{at}.png").read_bytes().startswith(b"\x89PNG")
