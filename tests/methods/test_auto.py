"""DirectSpec and DirectSpec+ find alpha, tau and lr: what is given is not searched, the rest is."""

from __future__ import annotations

import pytest
import torch

import fullrank as fr
from fullrank.errors import SettingError
from fullrank.methods import build_method
from fullrank.methods.searched import _between
from fullrank.presets import presets

QUICK = {"dim": 8, "batch_size": 64, "epochs": 4, "validate_every": 1}


@pytest.mark.parametrize(
    ("given", "auto"),
    [
        ({}, ("lr", "alpha", "tau", "shrink", "item_power")),
        ({"shrink": 0.0}, ("lr", "alpha", "tau", "item_power")),
        ({"lr": 1.0}, ("alpha", "tau", "item_power")),
        ({"tau": 3.0}, ("lr", "alpha", "shrink", "item_power")),
        ({"item_power": 0.5}, ("lr", "alpha", "tau", "shrink")),
        ({"alpha": 0.6}, ("lr", "tau", "item_power")),
        ({"alpha": 0.6, "tau": 3.0}, ("lr", "item_power")),
        ({"alpha": 0.6, "tau": 3.0, "item_power": 1.0}, ("lr",)),
        ({"alpha": 0.6, "tau": 3.0, "lr": 1.0, "item_power": "auto"}, ("item_power",)),
        ({"alpha": 0.6, "tau": 3.0, "lr": 1.0}, ()),
        ({"alpha": 0.6, "tau": "auto", "lr": 1.0}, ("tau", "item_power")),
        ({"auto": ("alpha",)}, ("alpha",)),
        ({"auto": ["alpha"], "lr": "auto"}, ("lr", "alpha")),
        ({"auto": ("tau", "alpha")}, ("alpha", "tau")),
        ({"auto": ()}, ()),
    ],
)
def test_what_is_not_given_is_to_be_found(given, auto):
    method = build_method("directspec+", given)
    assert method.auto == auto
    assert build_method("directspec+", method.model_dump()) == method
    assert isinstance(method.alpha, float)


def test_what_gets_a_value_is_no_longer_to_be_found():
    method = fr.methods.DirectSpecPlus().replace(alpha=0.7)
    assert (method.alpha, method.auto) == (0.7, ("lr", "tau", "shrink", "item_power"))
    assert method.replace(auto=("alpha",)).auto == ("alpha",)
    assert method.settled().auto == ("lr", "item_power")


def test_a_preset_leaves_nothing_to_be_found():
    for (_, method, _), values in presets().items():
        if method in ("directspec", "directspec+"):
            assert build_method(method, values).auto == ()


@pytest.mark.parametrize("values", [{"auto": ("dim",)}, {"alpha": "a lot"}, {"dim": "auto"}])
def test_what_cannot_be_found_is_refused(values):
    with pytest.raises(SettingError):
        build_method("directspec+", values)


def test_the_rate_moves_a_row_by_the_same_share_whatever_the_sizes(small):
    """lr · |gradient| / B over |x| is FIRST_STEP, with |gradient| = 1/2 / |x|."""
    for dim, batch in ((8, 64), (64, 256)):
        method = build_method("directspec+", {"dim": dim, "batch_size": batch})
        followed = method.following(small.train)
        pair = followed.build_encoder(small.train, torch.Generator().manual_seed(0), "cpu").tables()
        square = sum(table.square().sum().item() for table in pair) / sum(map(len, pair))
        assert followed.lr / (2 * batch) / square == pytest.approx(0.05, rel=0.2)
        assert followed.auto == method.auto
        # 2 B 0.05 · 2d / (160 + d), for there are 200 users and 120 items
        assert followed.lr == float(f"{0.1 * batch * 2 * dim / (160 + dim):.2g}")
    fixed = build_method("directspec+", {"lr": 3.0})
    assert fixed.following(small.train).lr == 3.0


def test_the_rate_makes_up_for_shorter_scores(small):
    """Rows that are scaled by shrink have gradients shrink² times as long."""
    plain, scaled = (
        build_method("directspec+", {"shrink": shrink}).following(small.train)
        for shrink in (0.0, 0.02)
    )
    assert scaled.lr == pytest.approx(plain.lr * 2500, rel=0.05)


@pytest.mark.parametrize("auto", [True, 1, None, {}, 0.5, [1], [["alpha"]], ["alpha", None], "x"])
def test_what_names_no_settings_is_refused(auto):
    with pytest.raises(SettingError, match=r"auto|names among lr, alpha, tau"):
        build_method("directspec+", {"auto": auto})


def test_without_an_epoch_nothing_is_tried(small):
    model = fr.Recommender("directspec+", dim=8, epochs=0).fit(small)
    assert model.training["epochs"] == 0
    assert "search" not in model.training


def test_what_is_tried_by_hand():
    """Each alpha first, then taus of the two best, between the neighbours, and beyond those."""
    method = build_method("directspec+", {"lr": 0.5, "auto": ("lr", "alpha", "tau")})
    alphas, taus = method.tried["alpha"], method.tried["tau"]
    first = method.candidates()
    assert first == [{"alpha": alpha, "tau": taus[0], "lr": 8.0} for alpha in alphas]
    ranked = [first[2], first[0], first[1]]
    assert method.proposals(0, ranked) == [
        *({**ranked[0], "tau": tau} for tau in taus),
        *({**ranked[1], "tau": tau} for tau in taus[:2]),
    ]
    near = [values["alpha"] for values in method.proposals(1, [{"alpha": 0.6}, first[0]])]
    assert near == [0.55, 0.69]
    assert method.proposals(2, ranked) == []
    beyond = [values["alpha"] for values in method.proposals(2, [{"alpha": 0.69}, first[0]])]
    assert beyond == [0.6, 0.8]


def test_shrink_is_tried_with_the_best_and_a_rate_that_follows():
    """With the best two values of alpha, then with the best of all, or other taus with it."""
    method = build_method("directspec+", {"lr": 0.5, "auto": ("lr", "alpha", "tau", "shrink")})
    first = method.candidates()
    assert not any("shrink" in values for values in first)
    scaled = [{**values, "shrink": 0.02, "lr": 20_000.0} for values in first[:2]]
    assert method.proposals(0, first)[-2:] == scaled
    assert method.proposals(1, first)[-1] == scaled[0]
    others = [{**scaled[0], "tau": tau} for tau in method.tried["tau"]]
    assert method.proposals(1, scaled)[-len(others) :] == others
    for given in ({"auto": ("alpha", "tau", "shrink")}, {"shrink": 0.0}, {"encoder": "lightgcn"}):
        without = build_method("directspec+", given)
        for rung in (0, 1):
            assert not any("shrink" in each for each in without.proposals(rung, first))


@pytest.mark.parametrize(
    "given",
    [
        {"lr": 0.5},
        {"encoder": "lightgcn"},
        {"optimizer": "adam", "lr": 0.01, "auto": ("lr", "alpha")},
        {"optimizer": "adagrad", "lr": 0.01, "auto": ("lr", "alpha")},
    ],
)
def test_a_rate_that_follows_no_rule_stays(small, given):
    method = build_method("directspec+", given)
    assert method.following(small.train).lr == method.lr
    tried = method.candidates()
    assert {values["lr"] for values in tried} == {method.lr}


def test_halfway_is_a_ratio():
    assert _between(0.6, (0.5, 0.6, 0.8, 0.9)) == [0.55, 0.69]
    assert _between(0.5, (0.5, 0.6, 0.8)) == [0.55]
    assert _between(0.8, (0.6, 0.5, 0.8)) == [0.69]


def test_what_was_found_is_what_was_searched_and_else_what_holds():
    given = {"alpha": "auto", "tau": 2.0, "lr": 1.0, "item_power": 1.0}
    method = build_method("directspec+", given)
    assert method.found({"alpha": 0.5}) == {"alpha": 0.5}
    assert method.found({}) == {"alpha": method.alpha}


@pytest.mark.slow
@pytest.mark.parametrize("method", ["directspec", "directspec+"])
def test_fit_finds_settings_and_keeps_the_table_of_what_was_tried(small, tmp_path, method):
    model = fr.Recommender(method, **QUICK).fit(small)
    chosen, trials = model.training["chosen"], model.training["search"]
    assert set(chosen) == set(model.settings.auto)
    assert {name: getattr(model.settings, name) for name in chosen} == chosen
    best = max(trials, key=lambda trial: trial["validation_ndcg@20"])
    assert best["validation_ndcg@20"] == model.training["validation_ndcg@20"]
    assert {name: best.get(name, 0.0) for name in chosen} == chosen  # the first have no shrink
    assert {trial["alpha"] for trial in trials} >= set(type(model.settings).tried["alpha"])
    model.save(tmp_path / "model")
    again = fr.Recommender.load(tmp_path / "model")
    assert again.settings == model.settings
    assert again.training["search"] == trials


def test_the_model_is_that_of_a_fit_with_what_was_found_given(small):
    model = fr.Recommender("directspec+", **QUICK, auto=("alpha",)).fit(small)
    found = model.training["chosen"]
    given = fr.Recommender("directspec+", **QUICK, auto=(), **found).fit(small)
    assert torch.equal(model.item_embeddings, given.item_embeddings)


def test_without_a_validation_part_nothing_is_searched(small):
    model = fr.Recommender("directspec+", **QUICK).fit(small.train)
    assert "search" not in model.training
    assert model.training["chosen"] == {
        "lr": model.settings.lr,
        "alpha": model.settings.alpha,
        "tau": model.settings.tau,
        "shrink": model.settings.shrink,
        "item_power": 1.0,
    }
    assert model.settings.lr != type(model.settings)().lr


@pytest.mark.slow
def test_a_search_that_is_stopped_goes_on_to_the_same_bits(small, tmp_path):
    class Stop(fr.training.Silent):
        def trial(self, record):
            if record["epochs"] > 1:
                raise KeyboardInterrupt

    options = {**QUICK, "epochs": 20}
    whole = fr.Recommender("directspec+", **options).fit(small)
    file = tmp_path / "checkpoint"
    with pytest.raises(KeyboardInterrupt):
        fr.Recommender("directspec+", **options).fit(small, checkpoint=file, reporter=Stop())
    rest = fr.Recommender("directspec+", **options).fit(small, checkpoint=file, resume=True)
    assert torch.equal(whole.item_embeddings, rest.item_embeddings)
    assert rest.training["chosen"] == whole.training["chosen"]


def test_few_trials_where_memory_is_scarce(small, monkeypatch):
    from fullrank.methods import fitting

    monkeypatch.setattr(fitting, "available_memory", lambda: 1)
    model = fr.Recommender("directspec+", **QUICK, auto=("alpha",)).fit(small)
    assert len(model.training["search"]) <= 5  # one, what is between its neighbours, and those
