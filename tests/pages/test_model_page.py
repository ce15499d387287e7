from __future__ import annotations

import hashlib
import json

import polars as pl
import pytest
from parsed import check

from fullrank import METHODS, Recommender
from fullrank.data import Ids, Interactions, Split
from fullrank.methods import TrainedMethod
from fullrank.pages.model import SECTIONS, values_of, write_report
from fullrank.pages.render import page
from fullrank.portfolio import Blend

QUICK = {"dim": 8, "batch_size": 64, "epochs": 4, "validate_every": 2}
SPECIAL = {"gde": {"low": 16}, "ccl": {"negatives": 5}, "softmax": {"negatives": 5}}


def model_of(method, split, **settings):
    quick = QUICK if isinstance(method, str) and issubclass(METHODS[method], TrainedMethod) else {}
    model = Recommender(method, **{**quick, **SPECIAL.get(str(method), {}), **settings}).fit(split)
    if split.test is not None:
        model.metrics = model.evaluate().to_dict()
    return model


def page_of(model, **options):
    return check(page("model.html", values_of(model, **options)))


def section(root, name):
    [found] = [each for each in root.all("section") if each.attributes["aria-labelledby"] == name]
    return found


@pytest.fixture(scope="module")
def bpr(small):
    return model_of("bpr", small, lr=3.0)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_a_page(small, method):
    model = model_of(method, small)
    root = page_of(model)
    assert method in root.all("h1")[0].text
    assert [each.attributes["aria-labelledby"] for each in root.all("section")] == [*SECTIONS]
    training, space = section(root, "training"), section(root, "space")
    if issubclass(METHODS[method], TrainedMethod):
        assert len(training.all("figure")) == 3
        assert "in use" in space.text
    else:
        assert training.all("figure") == []
        assert "solved at once" in training.text
    if not space.all("figure"):
        assert "no embeddings" in space.text or "a single column" in space.text


@pytest.mark.slow
def test_a_model_of_everything_has_the_figures_of_before(small):
    model = model_of("ease", small)
    before = page_of(model)
    model.refit()
    root = page_of(model)
    recall = model.metrics["metrics"]["recall@20"]
    assert f"suggestions of ease held {100 * recall:.0f}" in root.text
    assert "was not evaluated" not in root.text
    found, there = (section(each, "accuracy").text for each in (root, before))
    low, high = model.metrics["intervals"]["recall@20"]
    shown = f"{recall:.4f} [{low:.4f}, {high:.4f}]"
    assert shown in found
    assert shown in there
    assert "nothing is known" not in found
    model.metrics = {}
    nothing = page_of(model)
    assert "ease was not evaluated" in nothing.text
    assert "nothing is known of the accuracy" in section(nothing, "accuracy").text


@pytest.mark.slow
def test_the_page_says_what_was_evaluated(bpr):
    root = page_of(bpr)
    table = section(root, "accuracy").all("tbody")[1]  # the first is of the chart
    rows = {row.children[0].text: [each.text for each in row.children] for row in table.all("tr")}
    for name in ("recall", "ndcg", "hit_rate"):
        for slot, k in enumerate((10, 20), start=1):
            assert rows[name][slot].startswith(f"{bpr.metrics['metrics'][f'{name}@{k}']:.4f} [")
    assert rows["item_coverage"][2] == f"{bpr.metrics['metrics']['item_coverage@20']:.4f}"
    published = bpr.evaluate(protocol="published")
    text = section(root, "accuracy").text
    for name in ("recall@10", "ndcg@20"):
        assert f"{published[name]:.4f}" in text
    assert bpr.metrics["protocol"]["audit"]["line"] in text


@pytest.mark.slow
def test_the_popular_list_is_beside_it(small, bpr):
    values = values_of(bpr)
    popular = model_of("popularity", small)
    said = popular.metrics["metrics"]["recall@20"]
    assert f"{100 * said:.0f}\xa0%" in values["verdict"]
    head, rows = values["accuracy"]["table"]
    assert head[3] == "popular list @20"
    assert [row[3] for row in rows if row[0] == "recall"] == [f"{said:.4f}"]
    assert values_of(popular)["accuracy"]["better"] is None
    assert "as much as the popular list does, for each" in page_of(popular).text


def test_a_model_that_is_worse_than_popularity_says_so(small):
    worst = model_of("popularity", small)
    worst._scorer = type(worst.scorer)(worst.scorer.user_table, -worst.scorer.item_table)
    worst.metrics = worst.evaluate().to_dict()
    values = values_of(worst)
    assert values["accuracy"]["better"] is False
    assert "better to show everybody the popular items" in values["verdict"]


def test_curves_are_those_of_the_history(bpr):
    loss, accuracy, rank = values_of(bpr)["curves"]
    history = bpr.training["history"]
    assert [row[0] for row in loss.rows] == [str(each["epoch"]) for each in history]
    checks = [each for each in history if "validation_ndcg@20" in each]
    assert [float(row[1]) for row in accuracy.rows] == pytest.approx(
        [each["validation_ndcg@20"] for each in checks], abs=5e-5
    )
    assert len(rank.rows) == len(history)
    assert "best, epoch" in accuracy.svg


@pytest.mark.slow
def test_a_search_has_its_trials(small):
    model = model_of("directspec+", small, epochs=6)
    training = section(page_of(model), "training")
    trials = model.training["search"]
    table = training.all("tbody")[-1]
    assert len(table.all("tr")) == len(trials)
    best = max(trial["validation_ndcg@20"] for trial in trials)
    assert f"{best:.4f}" in table.all("tr")[0].text


@pytest.mark.slow
def test_auto_has_its_leaderboard(small):
    model = Recommender("auto", budget=20).fit(small)
    model.metrics = model.evaluate().to_dict()
    training = section(page_of(model), "training")
    lines = model.training["auto"]["leaderboard"]
    valued = [line for line in lines if line["validation_ndcg@20"] is not None]
    assert len(training.all("figure")[0].all("tbody")[0].all("tr")) == len(valued)
    for line in lines:
        assert line["method"] in training.text


@pytest.mark.slow
def test_a_blend_has_the_embeddings_of_its_parts(small):
    parts = (
        {"method": "bpr", "settings": QUICK, "weight": 0.25},
        {"method": "ease", "settings": {}, "weight": 0.5},
        {"method": "allpass", "settings": {}, "weight": 0.25},
    )
    space = section(page_of(model_of(Blend(parts=parts), small)), "space")
    assert [each.text for each in space.all("h3")] == ["bpr", "allpass"]


@pytest.mark.slow
def test_people_are_spread_over_the_lengths_of_history(small, bpr):
    people = values_of(bpr)["people"]
    assert len(people) == 10
    titles = small.train.items.titles.to_list()
    lengths = []
    for person in people:
        row = small.train.users.values.to_list().index(person.name)
        lengths.append(small.train.user_degree[row])
        assert len(person.history) + person.more == lengths[-1]
        shown = bpr.recommend([person.name], 10)["item_id"].to_list()
        ids = small.train.items.values.to_list()
        assert [name for name, _ in person.recommended] == [titles[ids.index(i)] for i in shown]
        wanted = small.test.item_idx[small.test.indptr[row] : small.test.indptr[row + 1]]
        assert [hit for _, hit in person.recommended] == [ids.index(i) in wanted for i in shown]
        assert person.held_out == len(wanted)
    assert lengths == sorted(lengths)
    assert values_of(bpr, users=0)["people"] == []
    assert "Left out, as asked" in page_of(bpr, users=0).text


def test_without_a_held_out_part_the_page_says_so(small):
    model = model_of("bpr", Split("x", small.train, small.validation, None))
    root = page_of(model)
    assert section(root, "accuracy").all("figure") == []
    assert "nothing is known of the accuracy" in section(root, "accuracy").text
    assert len(section(root, "served").all("figure")) == 1


@pytest.mark.slow
def test_of_a_model_without_an_evaluation_one_is_made(small, bpr):
    model = Recommender("bpr", **QUICK, lr=3.0).fit(small)
    assert model.metrics == {}
    assert values_of(model)["accuracy"]["table"] == values_of(bpr)["accuracy"]["table"]


def test_folded_in_users_have_a_page(small, bpr):
    folded = bpr.fold_in({"new": small.train.items.values.to_list()[:9]})
    root = page_of(folded)
    assert "folded into a model" in section(root, "training").text
    assert section(root, "people").all("article")


HOSTILE = "<script>alert(1)</script>\"'&"


@pytest.fixture(scope="module")
def hostile(small):
    """The data with ids, titles and a name that are code."""
    users = Ids(pl.Series([f"{HOSTILE}{row}" for row in range(small.train.n_users)]))
    items = [f"{row}{HOSTILE}" for row in range(small.train.n_items)]
    items = Ids(pl.Series(items), pl.Series([f"<img src=x onerror=alert(1)>{i}" for i in items]))
    parts = [
        Interactions.from_rows(users, items, part.user_idx, part.item_idx)
        for part in (small.train, small.validation, small.test)
    ]
    return Split(HOSTILE, *parts)


def test_ids_and_titles_that_are_code_stay_text(hostile):
    root = page_of(model_of("bpr", hostile))
    assert HOSTILE in root.all("h1")[0].text
    assert "<img src=x onerror=alert(1)>" in section(root, "people").text
    assert root.all("img") == []


ODD = [None, 7, "x", [], {}, [1, "x", {}], {"a": HOSTILE}, float("nan"), float("inf"), 10**400]


@pytest.mark.slow
@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd)[:20])
def test_a_record_of_another_kind_counts_as_absent(small, odd):
    model = Recommender("popularity").fit(small)
    names = ("history", "search", "auto", "chosen", "engine", "seconds", "command", "best_epoch")
    model.training = dict.fromkeys(names, odd)
    page_of(model)
    model.training = {
        "history": [{"epoch": odd, "loss": 1.0}, {"epoch": 1, "loss": odd}, odd],
        "search": [{"lr": odd, "validation_ndcg@20": odd}],
        "auto": {"leaderboard": [{"method": odd, "validation_ndcg@20": 0.1, "settings": odd}]},
        "best_epoch": 2,
    }
    model.metrics = {
        "metrics": {"recall@20": 0.1, "ndcg@20": 0.2},
        "intervals": odd,
        "protocol": odd,
    }
    page_of(model)
    ends = {"recall@20": odd, "ndcg@20": [odd, odd]}
    block = {"masked": odd, "audit": odd, "name": odd, "users_evaluated": odd}
    model.metrics |= {"intervals": ends, "protocol": block}
    page_of(model)


@pytest.mark.slow
def test_a_long_training_is_thinned(bpr):
    model = Recommender("popularity").fit(bpr.train)
    model.training = {
        "history": [{"epoch": each, "loss": 1 / each} for each in range(1, 30_001)],
        "best_epoch": 12_345,
    }
    [loss] = values_of(model)["curves"]
    assert len(loss.rows) < 500
    assert loss.rows[-1][0] == "30,000"
    assert "12,345" in [row[0] for row in loss.rows]


def test_a_table_of_two_users_has_a_page():
    pairs = pl.DataFrame({"user_id": ["a", "a", "b"], "item_id": ["x", "y", "x"]})
    page_of(Recommender("popularity").fit(Interactions.from_frame(pairs)))
    page_of(Recommender("directau", **QUICK).fit(Interactions.from_frame(pairs)))


@pytest.mark.slow
def test_the_page_names_the_model_that_it_is_of(bpr, tmp_path):
    bpr.save(tmp_path / "m")
    write_report(bpr, tmp_path / "p.html", folder=tmp_path / "m")

    digest = hashlib.sha256((tmp_path / "m" / "manifest.json").read_bytes()).hexdigest()
    assert digest[:16] in (tmp_path / "p.html").read_text("utf-8")
    again = Recommender.load(tmp_path / "m")
    one, other = (json.dumps(values_of(m), default=str) for m in (bpr, again))
    assert one == other
