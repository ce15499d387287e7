"""One foreign table through every verb that takes one, by the same options."""

from __future__ import annotations

import shlex
from dataclasses import fields

import numpy as np
import polars as pl
import pytest
import typer
from command import QUICK, assert_refused, fullrank

import fullrank as fr
from fullrank.cli import app
from fullrank.cli.tables import SplitOptions, TableOptions
from fullrank.data import k_core, time_split

LAYOUT = (
    "--format", "csv", "--separator", "|", "--no-header", "--columns", "who,_,what,stars,day",
    "--no-quotes", "--user-column", "who", "--item-column", "what", "--weight-column", "stars",
    "--timestamp-column", "day", "--timestamp-format", "%d/%m/%Y", "--threshold", "2",
)  # fmt: skip
DIVIDED = ("--split", "time", "--min-interactions", "3")


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    """Ratings of 40 users and 30 items over 28 days, one in five of them a 1."""
    rng = np.random.default_rng(5)
    pairs = sorted({(int(u), int(i)) for u, i in rng.integers(0, 30, size=(700, 2))})
    return pl.DataFrame(
        {
            "user_id": [f'"{u}' for u, _ in pairs],  # a quote that is no quote
            "item_id": [str(i) for _, i in pairs],
            "stars": [1 + (u + i) % 5 for u, i in pairs],
            "day": [1 + (7 * u + 3 * i) % 28 for u, i in pairs],
        }
    )


@pytest.fixture(scope="module")
def export(rows, tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "export.log"
    lines = [f"{u}|x|{i}|{stars}|{day:02}/12/2024\n" for u, i, stars, day in rows.iter_rows()]
    path.write_text("".join(lines))
    return path


@pytest.fixture(scope="module")
def read(rows) -> fr.Interactions:
    """What the table says, without the options."""
    days = pl.datetime(2024, 12, pl.col("day"))
    kept = rows.filter(pl.col("stars") >= 2).select("user_id", "item_id", timestamp=days)
    return fr.Interactions.from_frame(kept)


@pytest.fixture(scope="module")
def split(read) -> fr.Split:
    return time_split(k_core(read, 3, 3), test=0.2, validation=0.1)


@pytest.fixture(scope="module")
def fitted(export, tmp_path_factory):
    out = tmp_path_factory.mktemp("fitted") / "model"
    run = fullrank("fit", export, *LAYOUT, *DIVIDED, "-o", out, *QUICK, "--json")
    assert run.code == 0, run.err
    return out


def test_describe(export, read):
    run = fullrank("data", "describe", export, *LAYOUT, "--json")
    assert run.json["fingerprint"] == read.fingerprint
    assert run.json["timestamps"]


def test_split(export, split, tmp_path):
    run = fullrank("data", "split", export, *LAYOUT, *DIVIDED, "-o", tmp_path / "parts", "--json")
    assert run.json["fingerprint"] == split.fingerprint


@pytest.mark.slow
def test_fit(fitted, split):
    model = fr.Recommender.load(fitted)
    assert model.train.fingerprint == split.train.fingerprint
    assert model.test is not None
    assert model.test.fingerprint == split.test.fingerprint


def test_evaluate(fitted, export, read):
    run = fullrank("evaluate", fitted, export, *LAYOUT, "--json")
    model = fr.Recommender.load(fitted)
    assert run.json["metrics"] == dict(model.evaluate(read, k=(10, 20)))


def test_recommend(fitted, export, read):
    lists = fullrank("recommend", fitted, "--fold-in", export, *LAYOUT, "-k", 2, "--json")
    folded = fr.Recommender.load(fitted).fold_in(read).recommend(k=2)
    assert pl.DataFrame(lists.json["recommendations"])["item_id"].equals(folded["item_id"])


def test_compare(export, split, tmp_path):
    command = ("compare", export, *LAYOUT, *DIVIDED, "--methods", "popularity", "--seeds", 1)
    run = fullrank(*command, "-o", tmp_path / "c", "--json")
    assert run.code == 0, run.err
    assert run.json["fingerprint"] == split.fingerprint
    refused = fullrank("compare", export, *LAYOUT, "--holdout", 0, "-o", tmp_path / "d")
    assert_refused(refused, "no test part")
    refused = fullrank(*command, "--split", "last", "--holdout", 0, "-o", tmp_path / "d")
    assert_refused(refused, "option --holdout: found 0 with --split last")


@pytest.mark.slow
def test_tune_and_the_command_that_it_says_is_next(export, split, tmp_path):
    pytest.importorskip("optuna")
    fixed = ("--set", "epochs=2", "--set", "batch_size=64", "--set", "dim=8")
    command = ("tune", export, *LAYOUT, *DIVIDED, "--method", "bpr", "--trials", 1, *fixed)
    run = fullrank(*command, "--threads", 1, "-o", tmp_path / "t")
    assert run.code == 0, run.err
    said = next(line for line in run.out.splitlines() if line.startswith("  fullrank fit "))
    again = fullrank(*shlex.split(said)[1:], cwd=tmp_path)
    assert again.code == 0, again.err
    model = fr.Recommender.load(tmp_path / "model")
    without = time_split(k_core(_whole(split), 3, 3), test=0.2, validation=0)
    assert model.train.fingerprint == without.train.fingerprint
    document = fullrank(*command, "--threads", 1, "-o", tmp_path / "t", "--json").json
    assert document["fingerprint"] == split.fingerprint


def _whole(split: fr.Split) -> fr.Interactions:
    frames = [part.to_frame() for part in split.parts.values()]
    return fr.Interactions.from_frame(pl.concat(frames))


VERBS = {
    "fit": SplitOptions,
    "compare": SplitOptions,
    "tune": SplitOptions,
    "data split": SplitOptions,
    "data describe": TableOptions,
    "evaluate": TableOptions,
    "recommend": TableOptions,
}


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_has_each_option_with_its_help(verb):
    command = typer.main.get_command(app)
    for word in verb.split():
        command = command.commands[word]
    found = {option: each for each in command.params for option in each.opts}
    for each in fields(VERBS[verb]):
        option = found["--" + each.name.replace("_", "-")]
        assert option.help
        assert option.default == each.default
    shown = fullrank(*verb.split(), "--help")
    assert "--timestamp-format" in shown.out


def test_flags_are_those_that_were_typed():
    assert TableOptions().flags() == SplitOptions().flags() == ""
    given = SplitOptions(item_column="a b", no_header=True, threshold=2.0, split="time")
    assert given.flags() == " --item-column 'a b' --no-header --threshold 2.0 --split time"


@pytest.mark.parametrize("verb", ["fit", "compare", "tune", "data split"])
def test_options_that_do_not_fit_make_no_folder(verb, export, tmp_path):
    out = tmp_path / "out"
    refused = fullrank(*verb.split(), export, "--columns", "a,b", "-o", out)
    assert_refused(refused, "option --columns: found no --no-header")
    assert not out.exists()
