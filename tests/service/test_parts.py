"""The small parts: names, keys, lookups, packed tables that are shared, the log."""

from __future__ import annotations

import io
import json

import numpy as np
import polars as pl
import pytest
from asking import until

from fullrank import DataError, Recommender, native
from fullrank.data import Ids
from fullrank.service import lookups
from fullrank.service.access_log import AccessLog
from fullrank.service.keys import Keys
from fullrank.service.lookups import Lookup
from fullrank.service.models import load, names_of
from fullrank.service.panels import Panels
from fullrank.service.ranking import Served, UsersJob

NUMBERS = Ids(pl.Series([7, 70, 700, -7, 2**62]))
TEXTS = Ids(pl.Series(["7", "07", "a", "A", "é"]), pl.Series(["Seven", None, "a b", "The B", "x"]))
ASKED = [7, "7", "07", "a", " a", 70, -7, "-7", 2**62, 10**40, "", "é", "e\u0301"]


@pytest.mark.parametrize("ids", [NUMBERS, TEXTS], ids=["numbers", "texts"])
@pytest.mark.parametrize("few", [0, 10**6])
def test_lookups_find_what_ids_find(monkeypatch, ids, few):
    monkeypatch.setattr(lookups, "FEW", few)
    found = Lookup(ids, np.ones(len(ids))).rows(ASKED).tolist()
    known = {str(each): row for row, each in enumerate(ids.values.to_list())}
    assert found == [known.get(str(each), -1) for each in ASKED]
    small = [each for each in ASKED if not isinstance(each, int) or each < 2**63]
    assert found[: len(small)][:9] == [int(ids.rows([each])[0]) for each in small[:9]]


def test_what_words_find():
    lookup = Lookup(TEXTS, np.array([1, 5, 1, 9, 1]))
    assert lookup.search("SEVEN", 9).tolist() == [0]
    assert lookup.search("07", 9).tolist() == [1]  # it has no title, so its id stands for it
    assert lookup.search("b", 9).tolist() == [3, 2]
    assert lookup.search("nothing", 9).tolist() == []
    assert lookup.search("", 2).tolist() == [3, 1]


def test_names_of_folders():
    assert names_of(("a/m", "b/m", "c/m", "d")) == ["m", "m-2", "m-3", "d"]
    assert len(set(names_of(("m-2", "m", "x/m", "y/m-2")))) == 4


def test_keys_are_whole_lines(tmp_path):
    path = tmp_path / "keys"
    path.write_text("# comment\n\n  0123456789abcdef  \n")
    keys = Keys.of(str(path))
    assert keys
    assert keys.open_to([(b"x-api-key", b"0123456789abcdef")])
    assert keys.open_to([(b"authorization", b"bearer 0123456789abcdef")])
    for wrong in (b"", b"0123456789abcde", b"0123456789abcdef0", b"\xff"):
        assert not keys.open_to([(b"x-api-key", wrong)])
    assert not keys.open_to([])
    assert Keys.of(None).open_to([])


@pytest.mark.parametrize("text", [b"", b"# nothing\n", b"short\n", b"\xff\xfe"])
def test_a_file_without_keys_is_refused(tmp_path, text):
    path = tmp_path / "keys"
    path.write_bytes(text)
    with pytest.raises(DataError):
        Keys.of(str(path))
    with pytest.raises(DataError, match="no such file"):
        Keys.of(str(tmp_path / "none"))


@pytest.mark.skipif(not native.available(), reason="packed tables are of the kernels")
def test_models_with_a_shared_packed_table_rank_alike(saved, tmp_path):
    panels, job = Panels(tmp_path), UsersJob(np.arange(20), 10)
    rankings = []
    for _ in range(2):
        model, folder, version = load(saved())
        panels.share("m", model, folder)
        assert not model.scorer.packed_items().panels.flags.writeable
        rankings += Served("m", model, folder, version, 100).rank([job])
    (file,) = tmp_path.iterdir()
    model, folder, version = load(saved())
    rankings += Served("m", model, folder, version, 100).rank([job])
    for each in rankings[1:]:
        np.testing.assert_array_equal(each.items, rankings[0].items)
        np.testing.assert_array_equal(each.scores, rankings[0].scores)
    other, folder, _ = load(saved(seed=1))
    panels.share("m", other, folder)
    assert file not in list(tmp_path.iterdir())  # nobody needs it any more
    with pytest.raises(ValueError, match="panels"):
        native.PackedItems.of_panels(np.zeros(3, dtype=np.float32), (120, 16))


def test_methods_without_tables_share_none(saved, tmp_path):
    model, folder, _ = load(saved("ease"))
    Panels(tmp_path).share("m", model, folder)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_model_is_one_line(tmp_path, saved):
    with pytest.raises(DataError, match="no such file"):
        load(tmp_path / "none")
    folder = tmp_path / "m"
    Recommender.load(saved()).save(folder)
    next(folder.glob("users*")).unlink()
    with pytest.raises(DataError, match="no such file"):
        load(folder)


def test_lines_of_the_log():
    stream = io.StringIO()
    log = AccessLog(stream)
    log.request(endpoint="/", status=200, ids=["😀", 1])
    until(stream.getvalue)
    log.request(status=404)
    log.close()
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert (first["endpoint"], second["status"]) == ("/", 404)
    assert first["time"].endswith("Z")
