"""Methods from outside the package, by file and by entry point, and models without theirs."""

from __future__ import annotations

import importlib.metadata
import json
import sys

import pytest
from command import QUICK, assert_refused, fullrank

from fullrank import METHODS, DataError, FitError, Recommender, SettingError
from fullrank.methods import add_plugins, import_own, method_named
from fullrank.methods.bpr import BPR

OWN = """
from fullrank.methods import add_method
from fullrank.methods.bpr import BPR

@add_method
class Mine(BPR):
    name = "mine"
    summary = "one of my own"
"""


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(OWN)
    before = set(METHODS)
    yield path
    for name in set(METHODS) - before:
        del METHODS[name]
    for name in [name for name in sys.modules if name.startswith("fullrank_own.")]:
        del sys.modules[name]


def forget(name):
    del METHODS[name]
    for each in [each for each in sys.modules if each.startswith("fullrank_own.")]:
        del sys.modules[each]


@pytest.mark.slow
def test_every_verb_takes_a_method_of_ones_own(own, tmp_path):
    mine = ("--import", own)
    model, run = tmp_path / "m", None
    run = fullrank("fit", "demo", "--method", "mine", "-o", model, *QUICK, *mine)
    assert run.code == 0, run.err
    forget("mine")
    assert "one of my own" in fullrank("methods", *mine).out
    forget("mine")
    out = tmp_path / "c"
    run = fullrank(
        "compare", "demo", "--methods", "mine", "--seeds", 1, "-o", out, *mine,
        "--set", "epochs=1", "--set", "dim=4",
    )  # fmt: skip
    assert run.code == 0, run.err
    forget("mine")
    for verb in (("recommend", model, "--user", "u1"), ("evaluate", model), ("inspect", model)):
        assert fullrank(*verb, *mine).code == 0
        assert "mine" in METHODS
        forget("mine")


@pytest.mark.slow
def test_a_saved_model_of_a_method_that_is_not_at_hand_still_recommends(own, tmp_path, small):
    import_own(str(own))
    fitted = Recommender("mine", dim=4, epochs=1, lr=0.5).fit(small)
    fitted.save(tmp_path / "m")
    wanted, figures = fitted.recommend(k=5), dict(fitted.evaluate(k=5))
    settings = fitted.settings.model_dump()
    forget("mine")
    loaded = Recommender.load(tmp_path / "m")
    assert loaded.recommend(k=5).equals(wanted)
    assert dict(loaded.evaluate(k=5)) == figures
    assert (loaded.method, loaded.settings.model_dump()) == ("mine", settings)
    assert loaded.fold_in({"new": ["i1"]}).recommend(k=3)["rank"].to_list() == [1, 2, 3]
    with pytest.raises(FitError, match="method mine: found the settings of a saved model alone"):
        loaded.fit(small)
    loaded.save(tmp_path / "again")
    again = json.loads((tmp_path / "again" / "manifest.json").read_text())
    assert (again["method"], again["settings"]) == ("mine", settings)
    run = fullrank("recommend", tmp_path / "m", "--user", "u1", "--json")
    assert run.code == 0, run.err


def test_strange_settings_of_a_strange_method(own, tmp_path, small):
    Recommender("popularity").fit(small).save(tmp_path / "m")
    path = tmp_path / "m" / "manifest.json"
    manifest = json.loads(path.read_text())
    strange = {"_x": 1, "name": 2, "model_dump": [None], "": {}, "a b": "c", "stored": 3}
    path.write_text(json.dumps(manifest | {"method": "unheard", "settings": strange}))
    assert len(Recommender.load(tmp_path / "m").recommend(k=1)) == 200
    path.write_text(json.dumps(manifest | {"method": "unheard", "settings": {"seed": "x"}}))
    with pytest.raises(DataError, match="seed"):
        Recommender.load(tmp_path / "m")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("1 / 0", ["ZeroDivisionError: division by zero"]),
        ("import nothing_of_that_name", ["ModuleNotFoundError"]),
        ("raise SystemExit(3)", ["SystemExit: 3"]),
        ("def broken(:", ["SyntaxError"]),
        (None, ["no such file"]),
    ],
)
def test_a_file_that_does_not_run_is_one_line(tmp_path, content, words):
    path = tmp_path / "own.py"
    if content is not None:
        path.write_text(content)
    assert_refused(fullrank("methods", "--import", path), "own.py", *words)


def test_installed_methods_come_by_entry_point(own, monkeypatch):
    class Plugged(BPR):
        name = "plugged"
        summary = "from a package"

    class Entry:
        name, value = "plugged", "package:Plugged"

        def load(self):
            return Plugged

    def entries(*, group):
        assert group == "fullrank.methods"
        return [Entry()]

    monkeypatch.setattr(importlib.metadata, "entry_points", entries)
    assert "plugged" not in METHODS
    assert method_named("plugged") is Plugged
    add_plugins()
    monkeypatch.setattr(Entry, "load", lambda self: 1 / 0)
    with pytest.raises(SettingError, match=r"package:Plugged .*ZeroDivisionError"):
        add_plugins()
