"""Tables that others wrote, through the options of the commands."""

import gzip

import numpy as np
import polars as pl
import pytest
from command import QUICK, assert_refused, fullrank

LAYOUT = ("--separator", "\\t", "--no-header", "--columns", "user_id,item_id,_,timestamp")


@pytest.fixture
def ratings(tmp_path):
    """A table as MovieLens writes it, under a name of an adjacency list."""
    rng = np.random.default_rng(3)
    pairs = sorted({(int(u), int(i)) for u, i in rng.integers(1, 30, size=(400, 2))})
    rows = [f"{u}\t{i}\t{1 + (u + i) % 5}\t{880000000 + u * i}\n" for u, i in pairs]
    path = tmp_path / "ratings.txt"
    path.write_text("".join(rows))
    return path


def test_a_table_in_a_txt_is_refused_with_the_option_that_reads_it(ratings, tmp_path):
    refused = fullrank("data", "describe", ratings)
    assert_refused(refused, "looks like a row of a table", "--format movielens", "--separator")
    described = fullrank("data", "describe", ratings, "--format", "movielens", "--json").json
    assert described["users"] == described["items"] == 29
    assert described["timestamps"]
    assert (
        fullrank("data", "describe", ratings, *LAYOUT, "--json").json["fingerprint"]
        == (described["fingerprint"])
    )
    packed = tmp_path / "u.data.gz"
    packed.write_bytes(gzip.compress(ratings.read_bytes()))
    assert (
        fullrank("data", "describe", packed, "--json").json["fingerprint"]
        == (described["fingerprint"])
    )


@pytest.mark.slow
def test_every_command_that_reads_takes_the_layout(ratings, tmp_path):
    out = tmp_path / "model[1]*"
    fitted = fullrank("fit", ratings, *LAYOUT, "--split", "time", "-o", out, *QUICK)
    assert fitted.code == 0, fitted.err
    assert fullrank("evaluate", out, ratings, *LAYOUT[:-1], "user_id,item_id,_,_").code == 0
    tested = tmp_path / "tested.csv"
    tested.write_text("user_id,item_id,timestamp\n3,4,31/12/2024\n")
    dates = ("--timestamp-format", "%d/%m/%Y")
    assert_refused(fullrank("evaluate", out, tested), "line 2, column timestamp")
    assert fullrank("evaluate", out, tested, *dates).code == 0
    assert fullrank("recommend", out, "--fold-in", tested, *dates, "-k", 2).code == 0
    newcomers = tmp_path / "new.log"
    newcomers.write_text("a;3\na;4\n")
    layout = ("--separator", ";", "--no-header", "--columns", "user_id,item_id")
    lists = fullrank("recommend", out, "--fold-in", newcomers, *layout, "-k", 2, "--json")
    assert [row["user_id"] for row in lists.json["recommendations"]] == ["a", "a"]
    parts = tmp_path / "parts[a]"
    assert fullrank("data", "split", ratings, *LAYOUT, "-o", parts, "--split", "last").code == 0
    assert fullrank("data", "describe", parts / "train.parquet").code == 0


def test_options_that_need_each_other(ratings):
    assert_refused(fullrank("data", "describe", ratings, "--no-header"), "no --columns")
    assert_refused(fullrank("data", "describe", ratings, "--columns", "a,b"), "no --no-header")
    assert_refused(fullrank("data", "describe", ratings, "--format", "foo"), "'foo'", "'movielens'")


def test_dates_and_quotes(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text('user_id,item_id,timestamp\na,"1,01/12/2024\nb,2,13/12/2024\n')
    assert_refused(fullrank("data", "describe", path), "line 2", "--no-quotes")
    dates = ("--timestamp-format", "%d/%m/%Y")
    assert_refused(fullrank("data", "describe", path, "--no-quotes"), "--timestamp-format")
    assert fullrank("data", "describe", path, "--no-quotes", *dates, "--json").json["users"] == 2


@pytest.mark.slow
@pytest.mark.parametrize("name", ["run[1]", "a*", "what?"])
def test_folders_and_files_whose_names_look_like_patterns(tmp_path, ratings, name):
    folder = tmp_path / name
    fit = fullrank("fit", ratings, "--format", "movielens", "-o", folder / "model", *QUICK)
    assert fit.code == 0, fit.err
    assert fullrank("inspect", folder / "model").code == 0
    allowed = folder / "[1] allow?.txt"
    allowed.write_text("3\n4\n")
    out = folder / "lists*.parquet"
    run = fullrank("recommend", folder / "model", "--all", "--allow", allowed, "-o", out)
    assert run.code == 0, run.err
    assert set(pl.read_parquet(out, glob=False)["item_id"]) <= {"3", "4"}
    table = folder / "t[1].parquet"
    vectors = np.random.default_rng(0).normal(size=(40, 4))
    pl.DataFrame(vectors).write_parquet(table)
    assert fullrank("inspect", table).code == 0
    compared = fullrank(
        "compare", ratings.rename(folder / "u.data"), "--methods", "popularity,itemknn",
        "--seeds", 1, "-o", folder / "c",
    )  # fmt: skip
    assert compared.code == 0, compared.err
    again = fullrank(
        "compare", folder / "u.data", "--methods", "popularity,itemknn", "--seeds", 1,
        "-o", folder / "c",
    )  # fmt: skip
    assert again.code == 0, again.err
    assert "from before" in again.err
