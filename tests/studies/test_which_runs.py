"""Which runs a comparison makes, which it finds again, and what it keeps of them."""

from __future__ import annotations

import pytest

from fullrank.data import generate, random_split
from fullrank.errors import FitError, SettingError
from fullrank.methods import build_method
from fullrank.presets import presets
from fullrank.studies import compare as module
from fullrank.studies.compare import Entry, compare, entries_of


class Result(dict):
    """Means without values of users."""

    names_per_user = ()


class Model:
    """A recommender whose figures are known: each is made of its cutoff, seed and protocol."""

    fits: list[tuple[str, int]]
    fails: tuple[str, int] | None = None

    def __init__(self, method, *, threads, seed, **values):
        self.settings = build_method(method, {**values, "seed": seed})
        self.who = (method, seed)
        history = [{"seconds": seconds} for seconds in (1.0, 2.0, 9.0)]
        self.training = {"history": history, "seconds": 12.0, "parameters": 7}

    def fit(self, split, **options):
        self.fits.append(self.who)
        if self.who == self.fails:
            raise FitError("bpr", "this seed", "another")

    def evaluate(self, k=(3, 4), protocol="standard"):
        more = 0.5 if protocol == "published" else 0.0
        return Result({f"ndcg@{each}": each / 1000 + self.who[1] / 10 + more for each in k})


@pytest.fixture
def model(monkeypatch):
    kind = type("Known", (Model,), {"fits": []})
    monkeypatch.setattr(module, "Recommender", kind)
    return kind


@pytest.fixture(scope="module")
def split():
    return random_split(generate(20, 15, 120, seed=0))


def test_figures_are_of_the_seed_the_cutoffs_and_the_protocol(model, split, tmp_path):
    lines = []
    options = {"k": (5, 10), "protocol": "published", "log": lines.append}
    made = compare(split, [Entry("a", "bpr", {})], [0, 1], tmp_path, **options)
    assert made.metrics == ["ndcg@5", "ndcg@10"]
    assert made.values("a", "ndcg@10") == pytest.approx([0.51, 0.61])
    assert made.values("a", "epoch_seconds") == [2.0, 2.0]  # the median
    assert lines == [f"a, seed {seed}: ndcg@10 0.{5 + seed}100, 12.0 s" for seed in (0, 1)]


def test_runs_are_found_again_and_those_of_other_questions_are_not(model, split, tmp_path):
    other = random_split(generate(20, 15, 120, seed=1))
    first = {"split": split, "values": {}, "k": (5, 10), "protocol": "standard"}
    changed = ({"split": other}, {"values": {"lr": 2.0}}, {"k": (5,)}, {"protocol": "published"})
    for at, change in enumerate([{}, *changed]):
        asked = first | change
        for again in (False, True):
            lines = []
            entry = Entry("a", "bpr", asked["values"])
            options = {"k": asked["k"], "protocol": asked["protocol"], "log": lines.append}
            compare(asked["split"], [entry], [0], tmp_path, **options)
            assert lines[0].endswith(" (from before)") is again
        assert len(model.fits) == at + 1


def test_a_method_that_fails_once_is_in_no_table_and_its_other_seeds_are_not_run(
    model, split, tmp_path
):
    model.fails = ("bpr", 1)
    entries = [Entry("a", "bpr", {}), Entry("b", "bce", {})]
    made = compare(split, entries, [0, 1, 2], tmp_path)
    assert list(made.runs) == ["b"]
    assert list(made.errors) == ["a"]
    assert model.fits == [("bpr", 0), ("bpr", 1), ("bce", 0), ("bce", 1), ("bce", 2)]


def test_a_preset_that_no_method_has_is_no_silent_default():
    for name, data, words in (
        ("tunned", "citeulike", "preset: found 'tunned'; expected 'tuned'"),
        ("tuned", "mine.csv", "preset tuned: found bpr on mine.csv; expected one of"),
    ):
        with pytest.raises(SettingError, match=words):
            entries_of(["bpr", "popularity"], data, {}, preset=name)
    names = ["bpr", "popularity", "directau@lightgcn"]
    found = {entry.label: entry.preset for entry in entries_of(names, "citeulike", {}, "tuned")}
    assert found == {"bpr": "tuned", "popularity": None, "directau@lightgcn": "tuned-lightgcn"}
    assert not any(entry.preset for entry in entries_of(names, "citeulike", {}))


def test_a_comparison_keeps_which_presets_it_has(small, tmp_path, monkeypatch):
    monkeypatch.setattr(
        module, "presets", lambda: {("quick", "itemknn", "small"): {"neighbours": 3}}
    )
    entries = entries_of(["itemknn", "popularity"], "small", {}, preset="quick")
    document = compare(small, entries, [0], tmp_path, k=(5,)).to_dict()
    assert document["presets"] == {"itemknn": "quick"}


def test_what_is_asked_for_goes_before_the_preset():
    kept = presets()["tuned", "bpr", "citeulike"]
    (entry,) = entries_of(["bpr"], "citeulike", {"lr": 1.5}, preset="tuned")
    assert entry.values == {**kept, "lr": 1.5}
    (graph,) = entries_of(["directau@lightgcn"], "citeulike", {}, preset="tuned")
    own = presets()["tuned-lightgcn", "directau", "citeulike"]
    assert graph.values == {**own, "encoder": "lightgcn"}
    assert own != presets()["tuned", "directau", "citeulike"]
