"""The settings of ``method="auto"``, and when there is nothing to choose by."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

import fullrank as fr
from fullrank.errors import SettingError
from fullrank.methods import build_method
from fullrank.portfolio.auto import Auto


@pytest.mark.parametrize("made", [fr.Recommender, partial(fr.Recommender, "auto", budget=9)])
def test_with_nothing_to_choose_by_it_is_allpass_and_says_so(small, made):
    alone = fr.Recommender("allpass").fit(small.train).recommend(k=5)
    strangers = np.flatnonzero(small.validation.user_idx == 0)
    without = small.train.select(np.flatnonzero(small.train.user_idx != 0))
    for validation in (None, small.validation.select([])):
        with pytest.warns(UserWarning, match="no validation part, so no method can be chosen: all"):
            model = made().fit(small.train, validation)
        assert model.method == "allpass"
        assert "auto" not in model.training
        assert model.recommend(k=5).equals(alone)
    with pytest.warns(UserWarning, match="no user of train in the validation part, so no"):
        made().fit(without, small.validation.select(strangers))


def test_auto_is_the_default():
    assert fr.Recommender().settings == fr.Recommender("auto").settings
    assert fr.Recommender(budget="1m", seed=4).settings == Auto(budget=60, seed=4)


def test_settings_without_a_method_are_those_of_directspec():
    assert fr.Recommender(dim=8).settings == build_method("directspec+", {"dim": 8})
    preset = fr.Recommender(preset="published:citeulike", seed=2).settings
    assert preset == fr.Recommender("directspec+", preset="published:citeulike", seed=2).settings
    with pytest.raises(SettingError, match=r"setting ridge: found no method; expected .*: ease"):
        fr.Recommender(ridge=3.0)
    with pytest.raises(SettingError, match="setting dimm: found no such name; expected 'dim'"):
        fr.Recommender(dimm=3)


def test_a_run_does_not_go_on(small, tmp_path):
    with pytest.raises(SettingError, match="resume: found method auto; expected to begin anew"):
        fr.Recommender("auto").fit(small, checkpoint=tmp_path / "c", resume=True)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90.0), ("10m", 600.0), ("1.5h", 5400.0), ("7", 7.0), (3, 3.0)]
)
def test_budgets(text, seconds):
    assert fr.Recommender("auto", budget=text).settings.budget == seconds


@pytest.mark.parametrize("text", ["", "m", "-3s", "10 weeks", "0", 0, -1, None, "nan"])
def test_no_budgets(text):
    with pytest.raises(SettingError, match="setting budget"):
        fr.Recommender("auto", budget=text)


def test_what_is_not_a_setting_of_auto():
    with pytest.raises(SettingError, match="setting dim: found no such name"):
        fr.Recommender("auto", dim=8)
    for given in (("ease",), (None,)):  # a setting of a method is that method, too
        words = "setting budget: found a method beside it, (ease|directspec.); expected method auto"
        with pytest.raises(SettingError, match=words):
            fr.Recommender(*given, budget=8, **({} if given[0] else {"dim": 8}))
    with pytest.raises(SettingError, match="method: found 'eas'"):
        fr.Recommender("eas", budget=8)
    for made in (fr.Recommender, partial(fr.Recommender, "ease")):
        with pytest.raises(SettingError, match=r"^setting weighting: .* expected .* or 'auto'"):
            made(weighting="loud")
    with pytest.raises(SettingError, match="preset: found 'published:citeulike' with method auto"):
        fr.Recommender("auto", preset="published:citeulike")


def test_it_is_searched_again_when_fitted_again(small):
    model = fr.Recommender("auto", budget=1e-9)
    assert model.fit(small).method == "popularity"
    assert "auto" in model.fit(small).training
