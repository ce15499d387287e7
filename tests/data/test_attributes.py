"""What is known of items: read from any table, held beside the ids, kept in a folder whole."""

from __future__ import annotations

import datetime

import polars as pl
import pytest

from fullrank import DataError, Ids, Recommender
from fullrank.data import read_items
from fullrank.data.attributes import described
from fullrank.data.stored_tables import coded, decoded, read_table, write_table
from fullrank.serving.stored_checks import read_ids

TABLE = {
    "item_id": ["i0", "i1", "i2", "i3", "i1", "other"],
    "title": ["Zero", "One", None, "Three", "again", "none"],
    "categories": ["a|b", "b", None, "", "c", "c"],
    "available": [True, False, None, True, True, True],
    "price": [1.5, None, float("inf"), 20, 3, 4],
    "since": [datetime.date(2020, 1, 31), None, None, None, None, None],
    "tagged:x.text": [["u", None, " v "], [], None, ["w"], [], []],
}
ONE = {"title": "One", "categories": ["b"], "available": False, "price": None, "since": None}
ZERO = {"title": "Zero", "categories": ["a", "b"], "available": True, "price": 1.5}
ZERO |= {"since": "2020-01-31", "tagged:x.text": ["u", "v"]}


def test_a_frame_becomes_columns_of_four_kinds():
    table = read_items(pl.DataFrame(TABLE))
    assert table.columns[:2] == ["id", "title"]
    rows = table.drop("id").to_dicts()
    assert rows[0] == ZERO
    assert rows[1] == ONE | {"tagged:x.text": []}
    assert rows[2] == dict.fromkeys(rows[0])
    assert rows[3]["categories"] == []


def test_rows_find_their_items_and_are_counted():
    items = Ids(["i9", "i1", "i0"], ["Nine", "x", "y"])
    found = described(items, read_items(pl.DataFrame(TABLE)))
    assert found.counts == {"rows": 6, "unknown": 3, "repeated": 1, "without": 1}
    attributes = found.ids.attributes
    assert attributes is not None
    assert attributes.row(1, named=True) == ONE | {"tagged:x.text": []}
    assert attributes.row(2, named=True) == ZERO
    assert set(attributes.row(0)) == {None}
    assert items.titles.to_list() == ["Nine", "x", "y"]


def test_text_is_numbers_flags_and_lists_where_all_of_it_is(tmp_path):
    path = tmp_path / "items.csv"
    path.write_text(
        "sku_id,name,price,stock,mixed,category,code\n"
        "7,Seven,1.5,true,1,a|b,\n8,Eight,,False,x,,\n9,Nine,-2e3,TRUE,2, c ,\n"
    )
    table = read_items(path)
    assert dict(zip(table.columns, map(str, table.dtypes), strict=True)) == {
        "id": "String",
        "title": "String",
        "category": "List(String)",
        "code": "String",
        "mixed": "String",
        "price": "Float64",
        "stock": "Boolean",
    }
    assert table["price"].to_list() == [1.5, None, -2000.0]
    assert table["stock"].to_list() == [True, False, True]
    assert table["category"].to_list() == [["a", "b"], None, ["c"]]


def test_a_file_of_recbole_has_lists_of_words(tmp_path):
    path = tmp_path / "films.item"
    path.write_text("item_id:token\tmovie_title:token_seq\tclass:token_seq\n1\tToy Story\tA  B\n")
    assert read_items(path).to_dicts() == [{"id": "1", "title": "Toy Story", "class": ["A", "B"]}]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"name": ["a"]}, ["columns name", "ids"]),
        ({"id": ["a"], "x": [{"deep": 1}]}, ["items, column x", "Struct"]),
        ({"id": ["a"], "x": [[[1]]]}, ["items, column x", "List"]),
        ({"id": ["a", None]}, ["missing id", "row 2"]),
        ({"id": [1.5]}, ["column id", "Float64"]),
        ({"item_id": ["a"], "id": ["b"], "x": ["c"]}, None),
    ],
)
def test_what_is_no_table_of_items(table, words):
    if words is None:  # the column `id` is taken, the other is an attribute
        assert read_items(pl.DataFrame(table)).columns == ["id", "item_id", "x"]
        return
    with pytest.raises(DataError) as caught:
        read_items(pl.DataFrame(table))
    for word in words:
        assert word in str(caught.value)


def test_attributes_come_back_from_a_file_as_they_were(tmp_path):
    attributes = read_items(pl.DataFrame(TABLE)).drop("id")
    path = tmp_path / "items.safetensors"
    write_table(path, coded(attributes))
    got = decoded(path, read_table(path))
    assert got.select(attributes.columns).equals(attributes)


@pytest.mark.parametrize("name", ["x:number", "x:flag", "x:list", "x:text"])
def test_a_column_of_another_kind_than_its_name_says_is_refused(tmp_path, name):
    path = tmp_path / "items.safetensors"
    wrong = [1] if name in ("x:list", "x:text") else ["a"]
    write_table(path, pl.DataFrame({"id": ["a"], name: wrong}))
    with pytest.raises(DataError, match=r"column x.*of kind"):
        read_ids(path)


def test_attributes_travel_with_a_model(small, tmp_path):
    before = small.train.items.attributes
    table = pl.DataFrame({"id": small.train.items.values, "price": list(range(120))})
    model = Recommender("itemknn").fit(small).with_items(table)
    assert small.train.items.attributes is before
    assert model.items_table.columns == ["item_id", "title", "price"]
    model.save(tmp_path / "model")
    loaded = Recommender.load(tmp_path / "model")
    assert loaded.items_table.equals(model.items_table)
    assert loaded.recommend(["u3"], 3).equals(model.recommend(["u3"], 3))
    folded = loaded.fold_in({"new": ["i3", "i4"]})
    assert folded.items_table.equals(model.items_table)
    assert loaded.test.items.attributes.equals(model.items.attributes)


def test_columns_keep_their_order_whatever_their_names(small, tmp_path):
    names = ["a", "a b", "a!", "a:x", "ab", "A", "é"]
    table = pl.DataFrame({"id": small.train.items.values} | {name: [1.0] * 120 for name in names})
    model = Recommender("popularity").fit(small).with_items(table)
    model.save(tmp_path / "model")
    assert Recommender.load(tmp_path / "model").items_table.equals(model.items_table)
