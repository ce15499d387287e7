"""The description of rules: the same from Python, JSON and files, or one line naming the field."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from fullrank import DataError, Rules, SettingError
from fullrank.rules import UserItems

WHOLE = {
    "allow": ["i1", "i2", 3],
    "deny": ["i9"],
    "where": "available and price < 20",
    "allow_per_user": {"u1": ["i1"]},
    "deny_per_user": {"u1": ["i1", "i2"], "u2": ["i1"]},
    "popularity_damping": 0.5,
    "at_most": {"categories": 2},
    "diversity": 0.3,
    "calibration": 0.2,
    "calibrate_by": "categories",
    "exploration": 0.1,
    "seed": 7,
    "pool": 50,
}


def test_json_and_back():
    rules = Rules.from_json(WHOLE)
    assert rules.to_json() == WHOLE
    assert Rules.from_json(json.loads(json.dumps(rules.to_json()))) == rules
    assert set(WHOLE) == set(Rules.model_fields)
    assert Rules().to_json() == {}
    assert Rules() != rules


def test_frames_arrays_and_mappings_say_the_same():
    frame = pl.DataFrame({"user": ["u1", "u1", "u2"], "item": ["i1", "i2", "i1"]})
    renamed = frame.rename({"user": "user_id", "item": "item_id"})
    wanted = Rules(deny_per_user=WHOLE["deny_per_user"])
    for given in (frame, renamed, frame.to_pandas()):
        assert Rules(deny_per_user=given) == wanted
    assert Rules(deny_per_user=wanted.deny_per_user) == wanted
    assert Rules(allow=np.array([3, 4])) == Rules(allow=[3, 4]) == Rules(allow=pl.Series([3, 4]))


def test_rules_cannot_be_changed():
    rules = Rules(diversity=0.3)
    with pytest.raises(Exception, match="frozen"):
        rules.diversity = 0.5


def test_each_rule_alone_keeps_what_is_beside_it():
    named = Rules.from_json(WHOLE).named
    assert list(named) == [n for n in WHOLE if n not in ("calibrate_by", "seed", "pool")]
    for name, alone in named.items():
        beside = {key: WHOLE[key] for key in ("calibrate_by", "seed", "pool")}
        assert alone.to_json() == {name: WHOLE[name]} | beside


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"alow": ["i1"]}, ["rules", "'alow'", "'allow'"]),
        ({"allow": []}, ["rules, allow", "empty"]),
        ({"allow": "i1"}, ["rules, allow", "'i1'", "list"]),
        ({"deny": ["i1", 1.5]}, ["rules, deny", "1.5 at position 2"]),
        ({"deny": [True]}, ["rules, deny", "True"]),
        ({"deny": [None]}, ["rules, deny", "None"]),
        ({"deny": [""]}, ["rules, deny", "''"]),
        ({"deny": {"u": 1}}, ["rules, deny", "list"]),
        ({"allow_per_user": {"u1": []}}, ["rules, allow_per_user, user 'u1'", "empty"]),
        ({"allow_per_user": {}}, ["rules, allow_per_user", "no items"]),
        ({"deny_per_user": {"u1": "i1"}}, ["rules, deny_per_user, user 'u1'", "list"]),
        ({"deny_per_user": "blocked.csv"}, ["rules, deny_per_user", "str"]),
        ({"deny_per_user": {1.5: ["i1"]}}, ["rules, deny_per_user", "the user 1.5"]),
        ({"diversity": 1.2}, ["rules, diversity", "1.2", "1"]),
        ({"diversity": True}, ["rules, diversity", "True"]),
        ({"popularity_damping": -1}, ["rules, popularity_damping", "-1"]),
        ({"popularity_damping": float("nan")}, ["rules, popularity_damping", "nan"]),
        ({"exploration": "1"}, ["rules, exploration", "'1'"]),
        ({"at_most": {"brand": 0}}, ["rules, at_most.brand", "0", "1"]),
        ({"at_most": 2}, ["rules, at_most", "2"]),
        ({"pool": 10**9}, ["rules, pool", "10000"]),
        ({"where": "price <"}, ["rules, where, character 8", "value"]),
        ({"where": 3}, ["rules, where", "3"]),
        ([1], ["rules", "[1]", "object"]),
        (None, ["rules", "None", "object"]),
    ],
)
def test_what_cannot_be_is_one_line_that_names_the_field(value, words):
    with pytest.raises(SettingError) as caught:
        Rules.from_json(value)
    assert len(str(caught.value)) < 300
    for word in words:
        assert word in str(caught.value)


def test_frames_that_do_not_fit():
    for frame, word in (
        (pl.DataFrame({"user": ["u"], "itm": ["i"]}), "item_id"),
        (pl.DataFrame({"user": ["u", None], "item": ["i", "j"]}), "missing id"),
        (pl.DataFrame({"user": ["u"], "item": [1.5]}), "Float64"),
    ):
        with pytest.raises(SettingError, match=word):
            Rules(deny_per_user=frame)


def test_a_file_names_files(tmp_path):
    (tmp_path / "deny.txt").write_text("i1\n\ni2\n")
    (tmp_path / "by_user.csv").write_text("user_id,item_id\nu1,i1\nu1,i2\n")
    path = tmp_path / "rules.json"
    document = {"deny": "deny.txt", "deny_per_user": "by_user.csv", "diversity": 0.5}
    path.write_text(json.dumps(document))
    assert Rules.read(path) == Rules(
        deny=["i1", "i2"], deny_per_user={"u1": ["i1", "i2"]}, diversity=0.5
    )
    assert isinstance(Rules.read(path).deny_per_user, UserItems)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, ["no such file"]),
        ("{", ["rules.json, line 1"]),
        ('{"deny": ["a"],}', ["rules.json, line 1"]),
        ("[" * 100_000, ["rules.json"]),
        ("[]", ["rules", "object"]),
        ('{"deny": "nowhere.txt"}', ["nowhere.txt", "no such file"]),
        ('{"deny_per_user": "nowhere.csv"}', ["nowhere.csv", "no such file"]),
    ],
)
def test_files_that_cannot_be_read(tmp_path, text, words):
    path = tmp_path / "rules.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises((DataError, SettingError)) as caught:
        Rules.read(path)
    for word in words:
        assert word in str(caught.value)


def test_true_is_no_id():
    for document in ({"deny": [True]}, {"deny": ["i1", False]}, {"deny_per_user": {"u1": [True]}}):
        with pytest.raises(SettingError, match="ids: text or whole numbers"):
            Rules.from_json(document)
