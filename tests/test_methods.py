"""Suites over every row of the method table: a new method is tested the day it is added."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fullrank import METHODS, Recommender, SettingError
from fullrank.methods import settings_of
from fullrank.presets import PRESETS, preset_named
from fullrank.training import TrainingSettings

# What each needs to learn sixteen users and items. Strong balancing (alpha 0.8, tau 3) decorrelates
# the items of a colour, the withheld one too, when a batch is hardly wider than the table. The
# methods without any push tell colours apart by the angle of two random directions, so need width.
CHECKERBOARD = {
    "directspec+": {"alpha": 0.5, "tau": 1.0, "lr": 0.3},
    "directspec": {"alpha": 0.05, "lr": 1.0},
    "bpr": {"lr": 3.0},
    "bce": {"lr": 3.0, "negatives": 2},
    "log-positive": {"lr": 1.0, "dim": 64},
    "euclidean-positive": {"lr": 0.3, "dim": 64, "epochs": 100},
}
QUICK = {"dim": 8, "batch_size": 32, "epochs": 4}


def test_every_method_stands_in_the_suite():
    assert CHECKERBOARD.keys() == METHODS.keys()


@pytest.mark.parametrize("method", METHODS)
def test_it_learns_the_checkerboard(checkerboard, method):
    settings = {"dim": 8, "batch_size": 16, "epochs": 300} | CHECKERBOARD[method]
    model = Recommender(method, **settings).fit(checkerboard.train)
    ranked = model.recommend(k=1)
    best = dict(zip(ranked["user_id"], ranked["item_id"], strict=True))
    found = sum(best[f"u{row}"] == f"i{row}" for row in range(16))
    assert found == 16


@pytest.mark.parametrize("method", METHODS)
def test_bits(small, method, tmp_path):
    def fitted(seed):
        return Recommender(method, seed=seed, **QUICK).fit(small)

    first, again, other = fitted(3), fitted(3), fitted(4)
    assert torch.equal(first.user_embeddings, again.user_embeddings)
    assert torch.equal(first.item_embeddings, again.item_embeddings)
    assert not torch.equal(first.item_embeddings, other.item_embeddings)
    first.save(tmp_path / "m")
    loaded = Recommender.load(tmp_path / "m")
    assert torch.equal(first.user_embeddings, loaded.user_embeddings)
    assert torch.equal(first.item_embeddings, loaded.item_embeddings)
    assert loaded.recommend().equals(first.recommend())
    assert loaded.settings == first.settings
    assert dict(loaded.evaluate()) == dict(first.evaluate())


@pytest.mark.parametrize(("name", "method", "data"), PRESETS)
def test_presets_are_settings_of_their_method(name, method, data):
    preset = preset_named(name, method, data)
    assert settings_of(method, preset.settings).dim == 64
    assert 0 <= preset.validation < 1


@pytest.mark.parametrize(
    ("method", "values", "words"),
    [
        ("drectspec+", {}, "method: found 'drectspec+'; expected 'directspec+'"),
        ("directspec+", {"alhpa": 1}, "setting alhpa: found no such name; expected 'alpha'"),
        ("directspec+", {"tau": -1}, "setting tau: found -1; expected greater than 0"),
        ("directspec+", {"tau_near": 2}, "tau_near together with tau_design = graph"),
        ("directspec+", {"tau_design": "graph"}, "tau_near together with tau_design = graph"),
        (
            "directspec+",
            {"tau_design": "graph", "tau_near": 5, "tau": 4},
            "tau_near of at most tau, 4",
        ),
        ("bpr", {"optimizer": "adam"}, "an lr of at most 1 with optimizer = adam"),
        ("bpr", {"dim": 1}, "setting dim: found 1; expected greater than or equal to 2"),
        ("bpr", {"negatives": 0}, "setting negatives"),
    ],
)
def test_impossible_settings_are_one_line(method, values, words):
    with pytest.raises(SettingError) as caught:
        Recommender(method, **values)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_presets_say_what_there_is():
    with pytest.raises(SettingError, match="expected 'published'"):
        Recommender("directspec+", preset="publsihed:citeulike")
    with pytest.raises(SettingError, match=r"bpr on citeulike.*directspec\+ on citeulike"):
        Recommender("bpr", preset="published:citeulike")
    with pytest.raises(SettingError, match="setting threads: found 0"):
        Recommender(threads=0)
    with pytest.raises(SettingError, match="setting device"):
        Recommender(device="abacus")


def test_settings_are_frozen_and_documented():
    settings = settings_of("directspec+", {})
    with pytest.raises(Exception, match="frozen"):
        settings.alpha = 2
    assert settings.replace(alpha=0.5).alpha == 0.5
    for method in METHODS.values():
        for field in method.settings.model_fields.values():
            assert field.description
    assert np.isclose(TrainingSettings().lr_decay, 1)
