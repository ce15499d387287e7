"""`fullrank recommend`: for whom, of which items, and ids that the model does not know."""

from __future__ import annotations

import polars as pl
import pytest
from command import COLUMNS, assert_refused, fullrank


@pytest.mark.parametrize("suffix", ["parquet", "csv", "jsonl"])
def test_lists_for_everybody(model, tmp_path, suffix):
    path = tmp_path / f"recs.{suffix}"
    run = fullrank("recommend", model, "--all", "-k", 4, "-o", path, "--json")
    assert run.json == {"file": str(path), "users": 150, "rows": 600}
    reader = {"parquet": pl.read_parquet, "csv": pl.read_csv, "jsonl": pl.read_ndjson}[suffix]
    frame = reader(path)
    assert len(frame) == 600
    assert frame.columns == ["user_id", "item_id", "score", "rank"]
    assert list(tmp_path.iterdir()) == [path]


def test_allow_deny_seen_and_fold_in(model, tmp_path):
    allow = tmp_path / "allow.txt"
    allow.write_text("art/i1\nart/i2\n")
    some = fullrank(
        "recommend", model, "--user", "0017", "--allow", allow, "--include-seen", "--json"
    ).json["recommendations"]
    assert {row["item_id"] for row in some} == {"art/i1", "art/i2"}
    new = tmp_path / "new.csv"
    new.write_text("Customer No,SKU\nguest,art/i1\nguest,art/i5\n")
    run = fullrank("recommend", model, "--fold-in", new, *COLUMNS, "-k", 2, "--json")
    rows = run.json["recommendations"]
    assert [row["user_id"] for row in rows] == ["guest", "guest"]
    assert not {row["item_id"] for row in rows} & {"art/i1", "art/i5"}


def test_unknown_ids_are_counted_and_passed_over(model, tmp_path):
    stock = tmp_path / "stock.txt"
    stock.write_text("art/i1\nunsold\nart/i2\n")
    run = fullrank(
        "recommend", model, "--user", "0017", "--user", "nobody", "--allow", stock,
        "--include-seen", "--json",
    )  # fmt: skip
    rows = run.json["recommendations"]
    assert [row["source"] for row in rows] == ["model"] * 2 + ["popular"] * 2
    assert {row["item_id"] for row in rows if row["user_id"] == "nobody"} == {"art/i1", "art/i2"}
    assert run.json["unknown"] == {"allow": 1, "unknown": 1}
    assert "1 of 3 ids unknown and passed over, the first 'unsold'" in run.err
    assert "users: 1 unknown of 2; they get the popular list" in run.err
    same = fullrank("recommend", model, "--user", "0017", "--deny", stock, "--json")
    assert "1 of 3 ids unknown" in same.err
    for given in (("--allow", stock), ("--deny", stock)):
        assert_refused(
            fullrank("recommend", model, "--user", "0017", *given, "--strict"), "'unsold'"
        )
    stock.write_text("unsold\n")
    run = fullrank("recommend", model, "--user", "0017", "--allow", stock)
    assert_refused(run, "1 ids, all unknown")
    near = fullrank("similar", model, "--item", "art/i1", "--item", "unsold", "-k", 2, "--json")
    assert [row["item_id"] for row in near.json["similar"]] == ["art/i1"] * 2
    assert "1 of 2 ids unknown" in near.err


def test_one_newcomer_without_known_items_takes_nobodys_list_away(model, tmp_path):
    new = tmp_path / "new.csv"
    new.write_text("Customer No,SKU\nguest,art/i1\nlost,unsold\n")
    run = fullrank("recommend", model, "--fold-in", new, *COLUMNS, "-k", 2, "--json")
    rows = run.json["recommendations"]
    assert [(row["user_id"], row["source"]) for row in rows] == (
        [("lost", "popular")] * 2 + [("guest", "model")] * 2
    )
    assert run.json["unknown"] == {"without_training_interactions": 1}
    refused = fullrank("recommend", model, "--fold-in", new, *COLUMNS, "--strict")
    assert_refused(refused, "'lost'")


def test_the_command_leaves_out_the_held_out_part_too_unless_told(model):
    from fullrank import Recommender

    stored = Recommender.load(model)
    parts = ("train", "validation", "test")
    for given, options in (
        ((), {"exclude": parts}),
        (("--exclude", "train,validation"), {}),
        (("--include-seen",), {"exclude_seen": False}),
    ):
        run = fullrank("recommend", model, "--user", "0017", "-k", 60, *given, "--json")
        items = [row["item_id"] for row in run.json["recommendations"]]
        assert items == stored.recommend("0017", 60, **options)["item_id"].to_list()
