from __future__ import annotations

from typing import Literal

import pytest
from pydantic import Field, ValidationError, model_validator

from fullrank import Recommender, SettingError
from fullrank.methods import METHODS, build_method
from fullrank.settings import Settings, nearest


class Oven(Settings):
    """Something with bounds."""

    heat: int = Field(180, ge=50, le=300)
    """Degrees."""
    mode: Literal["fan", "grill"] = "fan"
    """Where the heat comes from."""
    minutes: float = Field(20.0, gt=0)
    """How long."""

    @model_validator(mode="after")
    def _not_burnt(self) -> Oven:
        if self.mode == "grill" and self.minutes > 30:
            raise ValueError("at most 30 minutes")
        return self


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"heet": 1}, "setting heet: found no such name; expected 'heat'"),
        (
            {"zzz": 1},
            "setting zzz: found no such name; expected one of 'heat', 'minutes', 'mode'",
        ),
        ({"heat": 20}, "setting heat: found 20; expected greater than or equal to 50"),
        ({"mode": "steam"}, "setting mode: found 'steam'; expected 'fan' or 'grill'"),
        ({"minutes": float("nan")}, "setting minutes: found nan; expected a finite number"),
        ({"minutes": float("inf")}, "setting minutes: found inf; expected a finite number"),
        ({"minutes": None}, "setting minutes: found None; expected a valid number"),
        (
            {"mode": "grill", "minutes": 40},
            "settings: found {'mode': 'grill', 'minutes': 40}; expected at most 30 minutes",
        ),
    ],
)
def test_an_impossible_value_is_one_line(values, line):
    with pytest.raises(SettingError) as caught:
        Oven.build(values)
    assert str(caught.value) == line


def test_settings_are_frozen_and_replaced_as_a_whole():
    oven = Oven(heat=200)
    with pytest.raises(ValidationError, match="frozen"):
        oven.heat = 100
    assert oven.replace(minutes=5) == Oven(heat=200, minutes=5)
    assert oven.minutes == 20
    with pytest.raises(SettingError, match="setting heat: found 20"):
        oven.replace(heat=20)
    with pytest.raises(SettingError, match="at most 30 minutes"):
        Oven(minutes=40).replace(mode="grill")


def test_field_docstrings_are_their_descriptions():
    assert Oven.model_fields["heat"].description == "Degrees."


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("drectspec+", ["bpr", "directspec+"], "'directspec+'"),
        ("BPR", ["bce", "bpr"], "one of 'bce', 'bpr'"),
        ("", ["b", "a"], "one of 'a', 'b'"),
    ],
)
def test_the_nearest_name(name, known, meant):
    assert nearest(name, known) == meant


@pytest.mark.parametrize(
    ("method", "values", "words"),
    [
        ("drectspec+", {}, "method: found 'drectspec+'; expected 'directspec+'"),
        ("directspec+", {"alhpa": 1}, "setting alhpa: found no such name; expected 'alpha'"),
        ("directspec+", {"negatives": 1}, "setting negatives: found no such name"),
        ("bpr", {"alpha": 1}, "setting alpha: found no such name"),
        ("directspec+", {"tau": -1}, "setting tau: found -1; expected greater than 0"),
        ("directspec+", {"tau": 0}, "setting tau: found 0; expected greater than 0"),
        ("directspec+", {"alpha": float("inf")}, "setting alpha: found inf; expected a finite"),
        ("directspec+", {"tau_design": "grph"}, "expected 'constant', 'graph' or 'attention'"),
        ("directspec+", {"tau_near": 2}, "tau_near together with tau_design = graph"),
        ("directspec+", {"tau_design": "graph"}, "tau_near together with tau_design = graph"),
        (
            "directspec+",
            {"tau_design": "attention", "tau_near": 1},
            "tau_near together with tau_design = graph",
        ),
        (
            "directspec+",
            {"tau_design": "graph", "tau_near": 5, "tau": 4},
            "tau_near of at most tau, 4",
        ),
        ("bpr", {"optimizer": "adam"}, "an lr of at most 1 with optimizer = adam"),
        ("bpr", {"optimizer": "adam", "lr": 100}, "an lr of at most 1 with optimizer = adam"),
        ("bpr", {"optimizer": "lion"}, "setting optimizer: found 'lion'; expected 'sgd', 'adag"),
        ("bpr", {"dim": 1}, "setting dim: found 1; expected greater than or equal to 2"),
        ("bpr", {"negatives": 0}, "setting negatives"),
        ("bpr", {"batch_size": 0}, "setting batch_size"),
        ("bpr", {"epochs": -1}, "setting epochs"),
        ("bpr", {"lr": 0}, "setting lr: found 0; expected greater than 0"),
        ("bpr", {"lr": float("nan")}, "setting lr: found nan"),
        ("bpr", {"lr_decay": 1.5}, "setting lr_decay"),
        ("bpr", {"patience": 0}, "setting patience"),
        ("bpr", {"seed": -1}, "setting seed"),
        ("bpr", {"seed": 2**64}, "setting seed"),
        ("bpr", {"threads": 0}, "setting threads: found 0; expected a whole number"),
        ("bpr", {"threads": 1.5}, "setting threads: found 1.5; expected a whole number"),
        ("bpr", {"threads": "2"}, "setting threads: found '2'; expected a whole number"),
        (METHODS["bpr"], {"lr": 0.1}, "method: found the class BPR; expected a name, or a method"),
        (7, {}, "method: found 7; expected a name"),
        ("bpr", {"device": "abacus"}, "setting device: found 'abacus'; expected 'auto', 'cpu'"),
        ("bpr", {"device": ""}, "setting device"),
        ("bpr", {"device": "meta"}, "setting device: found 'meta'"),
        ("bpr", {"device": "cuda:99"}, "setting device: found 'cuda:99' among"),
    ],
)
def test_impossible_build_method_methods(method, values, words):
    with pytest.raises(SettingError) as caught:
        Recommender(method, **values)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_seed_within_bounds_can_be_used(tiny):
    model = Recommender("bpr", seed=2**64 - 1, dim=4, epochs=1).fit(tiny)
    assert model.settings.seed == 2**64 - 1


def test_bounds_themselves_are_allowed():
    values = {"tau_design": "graph", "tau_near": 4.0, "tau": 4.0, "alpha": 0.0, "dim": 2}
    assert build_method("directspec+", values).tau_near == 4
    assert build_method("bpr", {"optimizer": "adam", "lr": 1.0}).lr == 1
    assert build_method("bpr", {"epochs": 0}).epochs == 0
