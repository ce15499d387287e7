from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
import torch
from command import COLUMNS, QUICK, assert_refused, fullrank
from safetensors.torch import save_file


def test_from_a_csv_of_ones_own_to_recommendations(events, tmp_path):
    out = tmp_path / "shop"
    fit = fullrank("fit", events, "-o", out, *COLUMNS, *QUICK)
    assert fit.code == 0, fit.err
    assert "150 users, 80 items" in fit.err
    assert "protocol standard" in fit.out
    assert "ndcg" in fit.out
    assert "of its 8 dimensions" in fit.out
    assert not (out / "checkpoint.safetensors").exists()
    log = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [each["epoch"] for each in log if "trial" not in each] == [1, 2, 3]
    assert len([each for each in log if "trial" in each]) > 5

    evaluated = fullrank("evaluate", out, "--json").json
    stored = json.loads((out / "manifest.json").read_text())
    assert evaluated["metrics"] == stored["metrics"]["metrics"]
    assert evaluated["protocol"]["name"] == "standard"
    published = fullrank("evaluate", out, "--protocol", "published", "--json").json
    assert published["metrics"].keys() == {"ndcg@10", "ndcg@20", "recall@10", "recall@20"}

    lists = fullrank("recommend", out, "--user", "0017", "--user", "003", "-k", 3, "--json").json
    users = [row["user_id"] for row in lists["recommendations"]]
    assert users == ["0017"] * 3 + ["003"] * 3
    item = lists["recommendations"][0]["item_id"]
    assert item.startswith("art/i")
    assert item in fullrank("recommend", out, "--user", "0017", "-k", 3).out

    similar = fullrank("similar", out, "--item", item, "-k", 2, "--json").json["similar"]
    assert len(similar) == 2
    spectra = fullrank("inspect", out, "--json").json["tables"]
    assert [table["name"] for table in spectra] == ["users", "items", "users and items"]
    assert "effective_rank" in spectra[0]


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


def test_compare_and_tune_take_the_columns_of_fit(events, tmp_path):
    options = (*COLUMNS, "--timestamp-column", "when", "--split", "last", "--min-interactions", 3)
    run = fullrank(
        "compare", events, *options, "--methods", "popularity", "--seeds", 1, "-o", tmp_path / "c"
    )
    assert run.code == 0, run.err
    pytest.importorskip("optuna")
    run = fullrank(
        "tune", events, *options, "--method", "itemknn", "--trials", 1, "-o", tmp_path / "t"
    )
    assert run.code == 0, run.err
    hint = run.out.splitlines()[-1]
    for each in ("--user-column 'Customer No'", "--split last", "--min-interactions 3"):
        assert each in hint


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


@pytest.mark.parametrize(
    "arguments",
    [
        ("methods",),
        ("methods", "directspec+"),
        ("data", "list"),
        ("data", "describe", "demo"),
        ("data", "fetch", "demo"),
    ],
)
def test_one_json_document(arguments):
    run = fullrank(*arguments, "--json")
    assert run.code == 0, run.err
    assert isinstance(run.json, dict)
    assert fullrank(*arguments).out


def test_fit_prints_one_json_document(events, tmp_path):
    run = fullrank("fit", events, "-o", tmp_path / "m", *COLUMNS, *QUICK, "--json")
    assert run.json["settings"]["epochs"] == 3
    assert run.json["training"]["epochs"] == 3
    assert "ndcg@20" in run.json["test"]["metrics"]
    log = (tmp_path / "m" / "log.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in log]
    assert [each["epoch"] for each in records if "trial" not in each] == [1, 2, 3]


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


@pytest.mark.parametrize("kind", ["npy", "safetensors", "parquet", "lists.parquet"])
def test_inspect_files(tmp_path, kind):
    table = torch.randn(500, 6, generator=torch.Generator().manual_seed(0))
    table[:, 3:] *= 1e-3
    path = tmp_path / f"table.{kind}"
    if kind == "npy":
        np.save(path, table.numpy())
    elif kind == "safetensors":
        save_file({"weight": table, "bias": torch.zeros(6)}, path)
    elif kind == "parquet":
        pl.DataFrame(table.numpy()).with_columns(id=pl.Series(range(500))).write_parquet(path)
    else:
        pl.DataFrame({"id": range(500), "vector": table.tolist()}).write_parquet(path)
    (report,) = fullrank("inspect", path, "--json").json["tables"]
    assert report["effective_rank"] == pytest.approx(3, abs=0.1)
    text = fullrank("inspect", path).out
    assert "uses 3.0 of its 6 dimensions" in text
    assert "500 rows x 6 dimensions" in text


def test_demo(tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from fullrank.cli import app
    from fullrank.cli import demo as module

    quick = {"epochs": 2, "dim": 8}
    monkeypatch.setattr(module, "SETTINGS", {"bpr": quick, "directspec+": quick})
    monkeypatch.setattr(module, "BUDGET", 3)
    run = CliRunner().invoke(app, ["demo", "-o", str(tmp_path / "d")])
    assert run.exit_code == 0, run.output
    assert "ranks better here, by" in run.stdout
    assert "liked:" in run.stdout
    assert "popularity" in run.stdout
    assert (tmp_path / "d" / "manifest.json").is_file()
    again = CliRunner().invoke(app, ["demo", "-o", str(tmp_path / "d"), "--json"])
    told = json.loads(again.stdout)
    assert told["methods"].keys() == {"bpr", "directspec+"}
    assert "popularity" in {line["method"] for line in told["leaderboard"]}


def test_help_is_light():
    code = (
        "import sys\n"
        "sys.argv = ['fullrank', 'fit', '--help']\n"
        "from fullrank.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit:\n    pass\n"
        "heavy = {'torch', 'polars', 'scipy', 'numpy', 'pooch'} & sys.modules.keys()\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--preset" in done.stdout


def test_usage_errors_exit_with_2(tmp_path):
    assert fullrank("fit").code == 2
    assert fullrank("frobnicate").code == 2
    assert_refused(fullrank("recommend", tmp_path), "--user and --all")
