"""`fullrank fit` and the parts that it holds out, `fullrank data split`, `fullrank evaluate`."""

from __future__ import annotations

import json

import polars as pl
import pytest
from command import COLUMNS, QUICK, assert_refused, fullrank


@pytest.mark.slow
def test_evaluate_says_what_it_left_out(events, tmp_path):
    orders = pl.read_csv(events, schema_overrides={"Customer No": pl.String})
    last = orders["when"].max()
    late = orders.head(0).vstack(
        pl.DataFrame(
            {"Customer No": ["late"] * 3, "SKU": ["art/i1", "art/i2", "art/new"], "when": last},
            schema=orders.schema,
        )
    )
    pl.concat([orders, late]).write_csv(tmp_path / "orders.csv")
    fit = fullrank(
        "fit", tmp_path / "orders.csv", "-o", tmp_path / "m", *COLUMNS, *QUICK,
        "--timestamp-column", "when", "--split", "time",
    )  # fmt: skip
    assert fit.code == 0, fit.err
    run = fullrank("evaluate", tmp_path / "m", "--json").json["protocol"]
    assert run["untrained_users"] == 1
    assert run["untrained_items"] >= 1
    assert run["untrained_users_evaluated"] == 0
    text = fullrank("evaluate", tmp_path / "m").out
    assert "1 users without training interactions left out" in " ".join(text.split())
    both = fullrank("evaluate", tmp_path / "m", "--include-cold", "--json").json["protocol"]
    assert both["users_evaluated"] == run["users_evaluated"] + run["untrained_users"]
    new = tmp_path / "test.csv"
    new.write_text("Customer No,SKU\n0017,unsold\nnobody,art/i1\n0017,art/i1\n0017,art/i2\n")
    run = fullrank("evaluate", tmp_path / "m", new, *COLUMNS)
    assert "2 test pairs of unknown ids left out; 1 unknown users among them" in " ".join(
        run.out.split()
    )


@pytest.mark.slow
def test_a_model_is_saved_although_nobody_can_be_evaluated(tmp_path):
    path = tmp_path / "late.csv"
    rows = [
        f"u{user},i{item},{user}" for user in range(10) for item in range(user % 3, 6 + user % 3)
    ]
    path.write_text("\n".join(["user_id,item_id,timestamp", *rows]))
    options = ("--split", "time", *QUICK, "--method", "bpr")
    run = fullrank("fit", path, "-o", tmp_path / "m", *options, "--validation", 0)
    assert run.code == 0, run.err
    assert "not evaluated: test interactions: found" in run.err
    assert len(fullrank("recommend", tmp_path / "m", "--user", "u1", "--json").json) == 2
    refused = fullrank("fit", path, "-o", tmp_path / "n", *options)
    assert refused.code == 2
    assert "no user with training interactions" in refused.err


@pytest.mark.slow
def test_fit_takes_the_folder_that_data_split_wrote(events, tmp_path):
    from fullrank import Recommender, load

    parts = tmp_path / "parts"
    assert fullrank("data", "split", events, "-o", parts, *COLUMNS).code == 0
    for out, data, columns in (("a", parts, ()), ("b", events, COLUMNS)):
        run = fullrank("fit", data, "-o", tmp_path / out, *columns, *QUICK)
        assert run.code == 0, run.err
    one, other = (Recommender.load(tmp_path / name) for name in "ab")
    assert one.item_embeddings.equal(other.item_embeddings)
    assert dict(one.evaluate()) == dict(other.evaluate())
    whole, split = load(parts, validation=0), load(parts)
    assert whole.validation is None
    assert len(whole.train) == len(split.train) + len(split.validation)
    assert whole.test.fingerprint == split.test.fingerprint
    (parts / "validation.parquet").unlink()
    drawn = load(parts, validation=0.5, seed=1)
    assert len(drawn.train) + len(drawn.validation) == len(split.train)
    refused = fullrank("fit", parts, "-o", tmp_path / "c", "--split", "time")
    assert_refused(refused, "the folder is split already")
    (parts / "train.parquet").unlink()
    assert_refused(fullrank("fit", parts, "-o", tmp_path / "c"), "without train.parquet")


@pytest.mark.slow
def test_weights_that_are_not_used_are_said_in_one_line(tmp_path):
    path = tmp_path / "rated.csv"
    rows = [f"u{user},i{item},{1 + item % 5}" for user in range(20) for item in range(user % 4, 12)]
    path.write_text("\n".join(["user_id,item_id,weight", *rows]))
    run = fullrank("fit", path, "-o", tmp_path / "m", *QUICK, "--method", "bpr")
    assert run.code == 0, run.err
    said = "weights: bpr does not use them; weighted = true draws pairs in proportion to them"
    assert run.err.count(said) == 1
    run = fullrank("fit", path, "-o", tmp_path / "n", *QUICK, "--method", "bpr", "--set",
                   "weighted=true")  # fmt: skip
    assert run.code == 0, run.err
    assert "weights" not in run.err


@pytest.mark.slow
def test_fit_prints_one_json_document(events, tmp_path):
    run = fullrank("fit", events, "-o", tmp_path / "m", *COLUMNS, *QUICK, "--json")
    assert run.json["settings"]["epochs"] == 3
    assert run.json["training"]["epochs"] == 3
    assert "ndcg@20" in run.json["test"]["metrics"]
    log = (tmp_path / "m" / "log.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in log]
    assert [each["epoch"] for each in records if "trial" not in each] == [1, 2, 3]


@pytest.mark.slow
@pytest.mark.parametrize("how", ["random", "time", "last"])
def test_data_split(events, tmp_path, how):
    out = tmp_path / how
    run = fullrank(
        "data", "split", events, "-o", out, "--split", how, *COLUMNS,
        "--timestamp-column", "when", "--json",
    )  # fmt: skip
    assert run.code == 0, run.err
    parts = {name: pl.read_parquet(path) for name, path in run.json["files"].items()}
    assert sum(len(part) for part in parts.values()) == 2000
    assert json.loads((out / "split.json").read_text())["fingerprint"] == run.json["fingerprint"]
    fit = fullrank("fit", parts and out / "train.parquet", "-o", tmp_path / f"m-{how}", *QUICK)
    assert fit.code == 0, fit.err
    given = fullrank("evaluate", tmp_path / f"m-{how}", out / "test.parquet", "--json")
    assert given.json["protocol"]["users_evaluated"] > 0


def test_a_k_core_and_no_holdout(events, tmp_path):
    run = fullrank(
        "fit", events, "-o", tmp_path / "m", *COLUMNS, *QUICK, "--min-interactions", 8,
        "--holdout", 0, "--validation", 0, "--json",
    )  # fmt: skip
    assert run.json["test"] == {}
    assert run.json["training"]["best_epoch"] is None
