"""Every verb once, as a user comes by it."""

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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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
