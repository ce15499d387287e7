"""What a comparison says of methods that search their settings beside others that do not."""

from __future__ import annotations

import json

import pytest

from fullrank import Recommender, SettingError
from fullrank.data import Split
from fullrank.pages.comparison import values_of
from fullrank.studies.compare import compare, entries_of
from fullrank.studies.tables import as_latex, as_markdown, searched

NAMES = ("popularity", "directspec+", "ials")
QUICK = {"dim": 8, "batch_size": 64, "epochs": 3}


def compared(split, folder, names=NAMES, **values):
    return compare(split, entries_of(names, "small", QUICK | values), [0, 1], folder, k=(10,))


@pytest.mark.slow
def test_a_comparison_says_who_searched(small, tmp_path):
    made = compared(small, tmp_path)
    alone = Recommender("directspec+", **QUICK).fit(small).training
    found = json.loads(json.dumps(made.to_dict()))["searched"]
    assert set(found) == {"directspec+", "ials"}
    assert found["directspec+"]["settings"] == ["alpha", "item_power", "lr", "shrink", "tau"]
    assert found["directspec+"]["trials"] == pytest.approx(len(alone["search"]), rel=0.2)
    assert found["directspec+"]["by"] == "the validation part"
    assert found["ials"]["settings"] == ["regularization"]
    assert 3 <= found["ials"]["trials"] <= 7
    said = searched(made)
    assert said.startswith(
        "searched by each fit: directspec+ (alpha, item_power, lr, shrink, tau: "
    )
    assert "nothing is searched of the others" in said
    assert said in as_latex(made, ["ndcg@10"])
    assert said[1:] in as_markdown(made, ["ndcg@10"])
    assert values_of(made)["searched"] == said
    again = compared(small, tmp_path)  # of runs from before it is known as well
    assert searched(again) == said


def test_of_methods_that_search_alike_no_other_is_named(small, tmp_path):
    made = compare(small, entries_of(("ials",), "small", {"dim": 8}), [0], tmp_path, k=(10,))
    assert "the others" not in searched(made)


@pytest.mark.slow
def test_nothing_is_said_where_nothing_was_searched(small, tmp_path):
    """All values are given, or there is nothing to search by."""
    given = {"lr": 5.0, "alpha": 0.5, "tau": 3.0, "regularization": 0.01}
    assert searched(compared(small, tmp_path, **given)) is None
    without = Split("small", small.train, None, small.test)
    made = compared(without, tmp_path, names=("popularity", "directspec+"))
    assert searched(made) is None
    assert made.to_dict()["searched"] == {}
    assert "earched" not in as_markdown(made, ["ndcg@10"])


def test_a_comparison_has_seeds_of_its_own():
    with pytest.raises(SettingError, match="setting seed: found 3; expected --seeds"):
        entries_of(("bpr",), "small", {"seed": 3})
