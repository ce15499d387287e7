from __future__ import annotations

import json
from pathlib import Path

import pytest

from fullrank import METHODS, Recommender, SettingError
from fullrank.data.catalog import CATALOG
from fullrank.methods import build_method
from fullrank.presets import preset_named, presets

SUMMARIES = Path(__file__).parents[2] / "results" / "tuning" / "citeulike"

# As published: learning rate, alpha, tau, shrink, tau of near pairs.
PUBLISHED = {
    "citeulike": (180, 1.0, 3.0, 0.03, 2.5),
    "yelp": (10, 0.8, 3.0, 0.0, 2.5),
    "gowalla": (200, 0.7, 4.0, 0.02, 3.5),
}


@pytest.mark.parametrize(("name", "method", "data"), presets())
def test_a_preset_builds_for_a_method_and_data_that_there_are(name, method, data):
    preset = preset_named(name, method, data)
    assert method in METHODS
    assert data in CATALOG
    settings = build_method(method, preset)
    assert settings.model_dump() | dict(preset) == settings.model_dump()
    assert Recommender(method, preset=f"{name}:{data}").settings == settings


@pytest.mark.parametrize("data", PUBLISHED)
@pytest.mark.parametrize("graph", [False, True])
def test_the_published_settings(data, graph):
    name = "published-graph" if graph else "published"
    settings = Recommender(preset=f"{name}:{data}").settings
    figures = (settings.lr, settings.alpha, settings.tau, settings.shrink)
    assert figures == PUBLISHED[data][:4]
    assert settings.tau_near == (PUBLISHED[data][4] if graph else None)
    assert settings.tau_design == ("graph" if graph else "constant")
    assert settings.lr_decay == (0.9999 if graph else 0.9995)
    assert (settings.dim, settings.batch_size, settings.init_dim) == (64, 256, None)
    assert (settings.sampler, settings.optimizer) == ("users", "sgd")
    assert (settings.weight_decay, settings.graph_distance) == (0, 2)


@pytest.mark.parametrize("data", PUBLISHED)
@pytest.mark.parametrize("graph", [False, True])
def test_the_published_settings_on_lightgcn(data, graph):
    name = "published-graph-lightgcn" if graph else "published-lightgcn"
    settings = Recommender(preset=f"{name}:{data}").settings
    figures = (settings.lr, settings.alpha, settings.tau, settings.shrink)
    assert figures == PUBLISHED[data][:4]
    assert settings.tau_near == (PUBLISHED[data][4] if graph else None)
    assert settings.tau_design == ("graph" if graph else "constant")
    assert (settings.encoder, settings.layers, settings.average_layers) == ("lightgcn", 3, False)
    assert (settings.init, settings.init_dim, settings.propagation) == ("joint", None, "exact")
    assert (settings.epochs, settings.lr_decay) == (390 if graph else 200, 0.9999)
    assert (settings.balanced_decay, settings.weight_decay) == (0 if graph else 0.01, 0)
    assert (settings.dim, settings.batch_size, settings.drop_edges) == (64, 256, 0)
    assert (settings.sampler, settings.optimizer) == ("users", "sgd")


@pytest.mark.parametrize("path", sorted(SUMMARIES.glob("*.json")), ids=lambda path: path.stem)
def test_the_tuned_settings_are_those_of_the_study(path):
    summary = json.loads(path.read_text())
    name, method = ("tuned", summary["method"])
    if path.stem.endswith("-lightgcn"):
        name = "tuned-lightgcn"
    preset = dict(preset_named(name, method, "citeulike"))
    expected = dict(summary["settings"])
    if method.startswith("directspec"):  # the studies are from before these were the defaults
        expected = {"distinct": False, "systematic": False} | expected
    if summary["epochs"]:
        expected["epochs"] = summary["epochs"]
    assert preset.keys() == expected.keys() - {"validate_every", "patience"}
    for key, value in preset.items():
        known = expected[key]
        assert value == (float(f"{known:.4g}") if isinstance(known, float) else known)


def test_every_study_had_as_many_trials():
    assert len({json.loads(path.read_text())["trials"] for path in SUMMARIES.glob("*.json")}) == 1


def test_own_settings_win_over_those_of_the_preset():
    settings = Recommender(preset="published:citeulike", epochs=7, dim=32).settings
    assert (settings.epochs, settings.dim, settings.lr) == (7, 32, 180)


@pytest.mark.parametrize(
    ("method", "preset", "words"),
    [
        ("directspec+", "publsihed:citeulike", "preset: found 'publsihed'; expected 'published'"),
        ("bpr", "published:citeulike", "found bpr on citeulike; expected one of: directspec+ on"),
        ("directspec+", "published:netflix", "directspec+ on netflix; expected one of"),
        ("directspec+", "published", "preset published: found directspec+ on ; expected one of"),
        ("directspec+", "", "preset: found ''; expected one of 'fast', 'published'"),
    ],
)
def test_an_unknown_preset_says_which_there_are(method, preset, words):
    with pytest.raises(SettingError) as caught:
        Recommender(method, preset=preset)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
