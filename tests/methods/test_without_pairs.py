"""Figure 6: what trains without observed pairs, and what that does to the effective rank."""

from __future__ import annotations

import pytest

from fullrank import Recommender, SettingError

VALUES = {"dim": 8, "batch_size": 64, "seed": 3}


def ranks(model: Recommender) -> list[float]:
    return [record["effective_rank"] for record in model.training["history"]]


@pytest.fixture(scope="module")
def collapsed(small) -> Recommender:
    """Trained on negatives alone, four for each pair that is not pulled."""
    return Recommender("bce", negatives=4, lr=10.0, observed=False, epochs=20, **VALUES).fit(
        small.train
    )


@pytest.mark.slow
def test_negatives_alone_collapse_the_table_and_more_of_them_sooner(small, collapsed):
    few = Recommender("bce", negatives=1, lr=0.5, observed=False, epochs=20, **VALUES)
    many = Recommender("bce", negatives=4, lr=0.5, observed=False, epochs=20, **VALUES)
    few.fit(small.train)
    many.fit(small.train)
    assert all(a > b for a, b in zip(ranks(few)[3:], ranks(many)[3:], strict=True))
    assert ranks(many) == sorted(ranks(many), reverse=True)
    assert ranks(collapsed)[-1] < 3.5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("directspec", {"alpha": 0.05, "lr": 5.0}),
        ("directspec+", {"alpha": 0.05, "tau": 3.0, "lr": 1.0}),
    ],
)
def test_the_balance_alone_keeps_a_table_even_and_mends_a_collapsed_one(
    method, settings, small, collapsed
):
    alone = settings | VALUES | {"balance": "alone", "epochs": 20, "device": "cpu"}
    kept = Recommender(method, **alone).fit(small.train)
    assert min(ranks(kept)) > 7.9
    mended = Recommender(method, **alone).fit(small.train, start_from=collapsed)
    assert collapsed.training["effective_rank"] < 3.5
    assert ranks(mended)[-1] > 7.5
    engine = kept.training["engine"]
    assert engine["name"] == "autograd"


@pytest.mark.slow
def test_the_balance_in_the_loss_learns_the_pairs_too(checkerboard, small):
    """Equation 19: it finds the withheld items, and its rows stay apart."""
    values = {"dim": 8, "batch_size": 16, "lr": 1.0, "epochs": 60}
    model = Recommender("directspec", balance="loss", alpha=0.005, **values).fit(checkerboard)
    assert model.evaluate(k=1, metrics=("recall",))["recall@1"] == 1.0
    values = VALUES | {"lr": 20.0, "epochs": 30}
    even = Recommender("directspec", balance="loss", alpha=0.05, **values).fit(small.train)
    alone = Recommender("log-positive", **values).fit(small.train)
    assert alone.training["effective_rank"] < 5 < 7.5 < even.training["effective_rank"]


@pytest.mark.parametrize(
    ("method", "values", "words"),
    [
        ("directspec", {"shrink": 0.03}, "shrink = 0"),
        ("directspec+", {"balanced_decay": 0.1}, "balanced_decay = 0"),
        (
            "directspec+",
            {"tau_design": "graph", "tau": 3.0, "tau_near": 2.0},
            "tau_design = constant",
        ),
    ],
)
def test_settings_of_the_filter_are_refused_with_the_loss(method, values, words):
    with pytest.raises(SettingError, match=words):
        Recommender(method, balance="loss", **values)
