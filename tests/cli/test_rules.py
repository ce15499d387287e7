"""Items' attributes and rules on the command line, as in Python, and faults in one line."""

from __future__ import annotations

import json

import polars as pl
import pytest
from command import COLUMNS, assert_refused, fullrank

from fullrank import Recommender, Rules


@pytest.fixture(scope="module")
def items(events, tmp_path_factory):
    """A CSV of attributes of all articles but one, and of one that is none."""
    names = pl.read_csv(events, infer_schema=False)["SKU"].unique().sort().to_list()
    rows = {
        "id": [*names[1:], "art/none"],
        "title": [f"Article {name}" for name in [*names[1:], "none"]],
        "categories": [["a|b", "b", "c"][at % 3] for at in range(len(names))],
        "price": list(range(len(names))),
        "available": [at % 5 != 0 for at in range(len(names))],
    }
    path = tmp_path_factory.mktemp("items") / "items.csv"
    pl.DataFrame(rows).write_csv(path)
    return path


@pytest.fixture(scope="module")
def model(events, items, tmp_path_factory):
    out = tmp_path_factory.mktemp("ruled") / "model"
    run = fullrank(
        "fit", events, "-o", out, *COLUMNS, "--method", "itemknn", "--items", items, "--no-report"
    )
    assert run.code == 0, run.err
    assert "1 rows of unknown ids passed over" in run.err
    assert "items without a row" in run.err
    return out


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "rules.json"
    (tmp_path / "deny.txt").write_text("art/i3\nart/gone\n")
    document = {
        "deny": "deny.txt",
        "where": "available and price < 60",
        "at_most": {"categories": 3},
        "exploration": 0.25,
        "allow_per_user": {"0017": ["art/i4"]},
    }
    path.write_text(json.dumps(document))
    return path


@pytest.mark.slow
def test_lists_under_rules_are_those_of_python(model, rules, tmp_path):
    path = tmp_path / "lists.parquet"
    run = fullrank("recommend", model, "--all", "-k", 4, "-o", path, "--rules", rules, "--json")
    assert run.code == 0, run.err
    assert "rules, deny: 1 ids of items unknown" in run.err
    assert "of 150 lists are shorter than 4" in run.err
    assert run.json["unknown"] == {"rules_deny": 1}
    stored = Recommender.load(model)
    parts = ("train", "validation", "test")
    wanted = stored.recommend(None, 4, rules=Rules.read(rules), exclude=parts, strict=False)
    got = pl.read_parquet(path)
    assert got.equals(wanted)
    assert set(got["source"]) == {"model", "exploration"}
    assert got["title"].str.starts_with("Article").all()
    assert run.json["short_lists"]["users"] >= 1


def test_options_are_the_rules_of_their_names(model, tmp_path):
    given = ["--where", "price >= 20", "--at-most", "categories=2", "--diversity", "0.3"]
    run = fullrank("recommend", model, "--user", "003", "-k", 5, *given, "--json")
    rules = Rules(where="price >= 20", at_most={"categories": 2}, diversity=0.3)
    parts = ("train", "validation", "test")
    wanted = Recommender.load(model).recommend("003", 5, rules=rules, exclude=parts)
    assert [row["item_id"] for row in run.json["recommendations"]] == wanted["item_id"].to_list()
    assert [row["score"] for row in run.json["recommendations"]] == wanted["score"].to_list()


def test_newer_attributes_take_the_place_of_the_models(model, items, tmp_path):
    newer = tmp_path / "newer.csv"
    pl.read_csv(items).with_columns(available=pl.col("price") == 7).write_csv(newer)
    given = ["--user", "003", "--where", "available", "--include-seen", "--items", newer, "--json"]
    run = fullrank("recommend", model, *given)
    bought = pl.read_csv(items).filter(pl.col("price") == 7)["id"].to_list()
    assert [row["item_id"] for row in run.json["recommendations"]] == bought


def test_evaluate_says_what_each_rule_costs(model, rules):
    run = fullrank("evaluate", model, "--rules", rules, "--k", "5", "--json")
    assert run.code == 0, run.err
    lines = {each["rule"]: each for each in run.json["costs"]}
    names = ["none", "deny", "where", "allow_per_user", "at_most", "exploration", "all together"]
    assert list(lines) == names
    stored, ruled = Recommender.load(model), Rules.read(rules)
    plain = stored.evaluate(k=5, rules=Rules(), metrics=["ndcg"])
    for name, alone in (ruled.named | {"all together": ruled}).items():
        figures = stored.evaluate(k=5, rules=alone, metrics=["ndcg"])
        assert lines[name]["metrics"]["ndcg@5"] == figures["ndcg@5"]
        change = figures["ndcg@5"] - plain["ndcg@5"]
        assert lines[name]["changes"]["ndcg@5"] == pytest.approx(change)
        low, high = lines[name]["intervals"]["ndcg@5"]
        assert low <= change <= high
    assert lines["where"]["changes"]["ndcg@5"] < 0
    assert run.json["protocol"]["name"] == "standard"
    shown = fullrank("evaluate", model, "--rules", rules, "--k", "5").out
    assert "protocol standard" in shown
    for name in names:
        assert name in shown


def test_evaluate_says_what_a_rule_does_to_all_lists_together(model):
    how = ("--diversity", "0.8", "--k", "5", "--metrics", "item_coverage,mean_popularity")
    (_, ruled) = fullrank("evaluate", model, *how, "--json").json["costs"]
    stored = Recommender.load(model)
    one, plain = (stored.evaluate(k=5, rules=each) for each in (Rules(diversity=0.8), Rules()))
    assert one["item_coverage@5"] != plain["item_coverage@5"]
    shown = fullrank("evaluate", model, *how).out
    for name in ("item_coverage@5", "mean_popularity@5"):
        assert ruled["changes"][name] == pytest.approx(one[name] - plain[name])
        assert name not in ruled["intervals"]
        assert name in shown
    assert f"{one['item_coverage@5'] - plain['item_coverage@5']:.4f}" in shown


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--where", "prize < 3"], ["where, character 1", "'prize'", "'price'"]),
        (["--where", "price < 'x'"], ["where, character 9", "numbers"]),
        (["--where", "price > 1000"], ["no item"]),
        (["--at-most", "categories"], ["--at-most", "categories"]),
        (["--at-most", "categories=x"], ["--at-most", "whole number"]),
        (["--at-most", "categories=0"], ["at_most.categories", "0"]),
        (["--at-most", "brand=2"], ["at_most.brand", "'brand'"]),
        (["--diversity", "3"], ["diversity", "3"]),
        (["--rules", "nowhere.json"], ["nowhere.json", "no such file"]),
        (["--items", "nowhere.csv"], ["nowhere.csv", "no such file"]),
    ],
)
def test_faults_are_one_line(model, given, words):
    assert_refused(fullrank("recommend", model, "--user", "003", *given), *words)
    assert_refused(fullrank("evaluate", model, *given), *words)


def test_more_faults(model, rules):
    both = ["--rules", rules, "--where", "available"]
    assert_refused(fullrank("recommend", model, "--user", "003", *both), "--where", "where too")
    strict = fullrank("recommend", model, "--user", "003", "--rules", rules, "--strict")
    assert_refused(strict, "rules, deny", "'art/gone'")


@pytest.mark.slow
def test_reasons_of_recommendations(model, tmp_path):
    stored = Recommender.load(model)
    run = fullrank("recommend", model, "--user", "003", "-k", 2, "--explain", "--json")
    for row in run.json["recommendations"]:
        wanted = stored.explain("003", [row["item_id"]], most=3)
        got = sorted(each["contribution"] for each in row["because"])
        assert got == sorted(wanted["contribution"])
        assert sum(got) == pytest.approx(row["score"], rel=1e-5)
    shown = fullrank("recommend", model, "--user", "003", "--user", "nobody", "--explain")
    assert "%" in shown.out
    path = tmp_path / "lists.csv"
    fullrank("recommend", model, "--user", "003", "--user", "nobody", "--explain", "-o", path)
    texts = pl.read_csv(path)["because"].to_list()
    first = run.json["recommendations"][0]["because"]
    largest = max((each for each in first if each["kind"] == "history"), key=lambda r: r["share"])
    name = largest.get("because_title", largest["because_item_id"])
    assert texts[0].startswith(f"{name} {largest['share']:.1%}")
    assert texts[-1] == "popular: the same for all"
