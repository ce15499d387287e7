"""``--only``: rows of table-4 by their labels, of which some have commas."""

from __future__ import annotations

import json

import pytest

from fullrank.errors import SettingError
from fullrank.lab.experiments import table_4
from fullrank.lab.lineup import ROWS, rows_named
from fullrank.lab.reproduce import Asked, reproduce
from fullrank.lab.scored import significance_table


def test_every_row_can_be_named_alone_and_beside_the_others():
    labels = [row.label for row in ROWS]
    assert [rows_named(label) for label in labels] == [(label,) for label in labels]
    assert rows_named(",".join(labels)) == tuple(labels)
    assert rows_named(" , ".join(labels)) == tuple(labels)
    assert rows_named("") == ()


@pytest.mark.slow
def test_the_command_of_a_page_names_the_rows_that_it_has(tmp_path, splits):
    only = rows_named("Popularity,SGL-ED, as printed")
    assert only == ("Popularity", "SGL-ED, as printed")
    asked = Asked(("made",), quick=True, only=only, most_epochs=1)
    reproduce(["table-4"], tmp_path, asked, splits=splits)
    document = json.loads((tmp_path / "table-4.json").read_text("utf-8"))
    assert set(document["numbers"]["made"]) - {"tests"} == set(only)
    assert "--only 'Popularity,SGL-ED, as printed'" in document["command"]


@pytest.mark.parametrize("text", ["BPR,DirectSpecc+(MF)", "as printed", "DirectSpec+(MF), as BPR"])
def test_what_is_no_row_is_refused(text):
    with pytest.raises(SettingError, match="option --only: found"):
        rows_named(text)


@pytest.mark.parametrize(
    ("ids", "only", "said"),
    [
        (["table-4"], ("Bogus",), "found 'Bogus'"),
        (["figure-8", "table-3"], ("BPR",), "found rows of table-4 for table-3 figure-8"),
        (["table-4"], ("DirectSpec+(GCN), published τ constant",), "a row that can be run on made"),
    ],
)
def test_rows_that_cannot_be_made_are_said_before_anything_is_trained(
    tmp_path, splits, ids, only, said
):
    with pytest.raises(SettingError, match="option --only") as raised:
        reproduce(ids, tmp_path, Asked(("made",), quick=True, only=only), splits=splits)
    assert said in str(raised.value)
    assert not list(tmp_path.rglob("*.json"))


def test_a_table_of_which_all_diverged_is_a_table():
    table, numbers = significance_table({}, table_4.MAIN, "made")
    assert list(table.rows) == []
    assert numbers["best"] is None
    assert "every loss diverged" in table_4._headline([], "made")
