"""JSON that no parser gets to the end of is one line, wherever it is read."""

from __future__ import annotations

import json

import pytest
from command import assert_refused, fullrank

from fullrank import DataError, Rules, SettingError
from fullrank.behaviour.limits import read_limits
from fullrank.data import load, read
from fullrank.data.events import weights_of
from fullrank.data.json_text import json_of
from fullrank.rules.files import ids_of

ENDLESS = [
    "[" * 100_000 + "]" * 100_000,
    '{"a":' * 50_000 + "1" + "}" * 50_000,
    '{"a": 1' + "0" * 5000 + "}",
]
EACH = pytest.mark.parametrize("text", ENDLESS, ids=["lists", "objects", "digits"])


@EACH
def test_whatever_reads_it_says_one_line(tmp_path, text):
    with pytest.raises(ValueError, match=r"too deep|digits"):
        json_of(text)
    for name in ("rules.json", "t.ndjson", "limits.toml"):
        (tmp_path / name).write_text(f"a = {text}" if name.endswith("l") else text, "utf-8")
    with pytest.raises(DataError, match=r"rules\.json: found .*; expected a JSON object"):
        Rules.read(tmp_path / "rules.json")
    with pytest.raises((DataError, SettingError)):
        read_limits(tmp_path / "limits.toml")
    with pytest.raises(DataError):
        read(tmp_path / "t.ndjson")
    if text.startswith("{"):
        with pytest.raises(SettingError, match="option --event-weights"):
            weights_of(text)
    (tmp_path / "split").mkdir()
    for name in ("train.parquet", "split.json"):
        (tmp_path / "split" / name).write_text(text, "utf-8")
    with pytest.raises(DataError):
        load(tmp_path / "split")


@pytest.mark.slow
@EACH
def test_words_of_a_command(tmp_path, text):
    out = ("-o", tmp_path / "m", "--method", "popularity")
    assert_refused(fullrank("fit", "demo", *out, "--set", f"seed={text}"), "setting seed")
    assert fullrank("fit", "demo", *out).code == 0
    for option in ("--at-most", "--rules"):
        run = fullrank("recommend", tmp_path / "m", "--user", "x", option, f"brand={text}")
        assert_refused(run)


@pytest.mark.parametrize("weight", [10**400, [1], None, {}])
def test_weights_that_are_no_numbers(weight):
    with pytest.raises(SettingError, match="option --event-weights"):
        weights_of(json.dumps({"view": weight}))


def test_a_list_of_ids_without_an_end(monkeypatch, tmp_path):
    monkeypatch.setattr("fullrank.rules.files.LARGEST_FILE", 1000)
    with pytest.raises(DataError, match="found a larger file; expected up to 1,000 bytes"):
        ids_of(tmp_path.joinpath("/dev/zero"))
    (tmp_path / "rules.json").write_text('{"deny": "/dev/zero"}', "utf-8")
    with pytest.raises(DataError, match="/dev/zero: found no such file"):
        Rules.read(tmp_path / "rules.json")
    (tmp_path / "ids.txt").write_bytes("\ufeffi1\n".encode())
    assert ids_of(tmp_path / "ids.txt") == ["i1"]


def test_half_a_character():
    for document in (
        {"deny": ["\ud800"]},
        {"deny_per_user": {"\ud800": ["i1"]}},
        {"allow_per_user": {"u1": ["\ud800"]}},
        {"where": "brand = '\ud800'"},
    ):
        with pytest.raises(SettingError, match=r"half character|whole characters"):
            Rules.from_json(document)
