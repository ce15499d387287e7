"""A service whose lists come from an index: its answers, its file, and a model that is replaced."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import shop
from asking import Local, running, until

from fullrank import Recommender
from fullrank.errors import SettingError
from fullrank.serving.model_files import INDEX, is_of_a_model

pytest.importorskip("faiss")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("shop") / "shop"
    shop.trained().save(path)
    return path


@pytest.fixture(scope="module")
def both(folder) -> tuple[Local, Local]:
    """With an index, and without."""
    return Local(folder, ann=True), Local(folder)


@pytest.fixture
def copy(folder, tmp_path) -> Path:
    """A folder of its own, with the index that was made."""
    Local(folder, ann=True)
    shutil.copytree(folder, tmp_path / "shop")
    return tmp_path / "shop"


ASKED = [f"u{row}" for row in range(0, 400, 9)]


def pairs(items: list[dict]) -> dict[str, float]:
    return {each["item_id"]: each["score"] for each in items}


def compared(local: Local, exact: Local, path: str, field: str, least=0.98, **request) -> float:
    """The answers of both: alike but for items that an index missed."""
    answers = [each.post(path, **request).json[field] for each in (local, exact)]
    if field == "items":
        answers = [[{"items": each}] for each in answers]
    hits = []
    for found, wanted in zip(*answers, strict=True):
        own, best = pairs(found["items"]), pairs(wanted["items"])
        assert len(own) == len(best)
        assert all(own[item] == score for item, score in best.items() if item in own)
        assert list(own.values()) == sorted(own.values(), reverse=True)
        hits.append(len(own.keys() & best) / len(best) if best else 1.0)
        assert {**found, "items": 0} == {**wanted, "items": 0}
    assert np.mean(hits) >= least
    return float(np.mean(hits))


@pytest.mark.parametrize(
    "choice",
    [
        {},
        {"k": 1},
        {"k": 200},
        {"exclude": ["train"]},
        {"exclude_seen": False},
        {"deny": [f"i{row}" for row in range(900)]},
        {"allow": [f"i{row}" for row in range(900)]},
        {"allow": ["i4"], "deny": ["i4"]},
        {"rules": {"deny": [f"i{row}" for row in range(900)]}},
    ],
)
def test_lists_of_users(both, choice):
    compared(*both, "/v1/recommend", "lists", **{"users": [*ASKED, "nobody"]} | choice)


def test_what_is_left_out(both, folder):
    model = Recommender.load(folder)
    answer = both[0].post("/v1/recommend", users=ASKED, k=50, deny=["i1", "i2", "i3"]).json
    for each in answer["lists"]:
        row = model.users.rows([each["user_id"]])[0]
        rows = [part.item_idx[slice(*part.indptr[row : row + 2])] for part in model._parts.values()]
        has = set(model.items.raw(np.concatenate(rows)))
        own = pairs(each["items"]).keys()
        assert len(own) == 50
        assert not own & (has | {"i1", "i2", "i3"})


@pytest.mark.slow
@pytest.mark.parametrize("k", [1, 20, 1000])
@pytest.mark.parametrize("size", [0, 1, 3])
def test_lists_of_visitors(both, folder, k, size):
    train = Recommender.load(folder).train
    hits = []
    for row in range(0, 300, 17):
        own = train.item_idx[train.indptr[row] :][:size]
        items = [*train.items.raw(own), "unknown"]
        hits.append(compared(*both, "/v1/recommend/session", "items", least=0, items=items, k=k))
        answer = both[0].post("/v1/recommend/session", items=items, k=k, deny=["i6"]).json
        assert not pairs(answer["items"]).keys() & {*items, "i6"}
    assert np.mean(hits) >= 0.94


def test_requests_that_come_together_get_what_each_gets_alone(both):
    local, _ = both
    asked = [("POST", "/v1/recommend", {"users": ASKED[at : at + 3], "k": 3 + 7 * (at % 4)})
             for at in range(20)]  # fmt: skip
    asked += [("POST", "/v1/recommend/session", {"items": [f"i{at}"], "k": 9 + at % 2})
              for at in range(9)]  # fmt: skip
    for request, reply in zip(asked, local.together(*asked), strict=True):
        assert local.ask(*request).body == reply.body


def test_the_model_says_what_finds_its_lists(both):
    local, exact = both
    facts = local.ask("GET", "/v1/model").json["index"]
    assert facts["recall"] >= 0.98
    assert facts["searched"] <= facts["lists"] // 8
    assert 100 <= facts["users"] <= 200
    assert exact.ask("GET", "/v1/model").json["index"] is None


def said(capsys, *folders: Path, **settings) -> tuple[Local, str]:
    capsys.readouterr()
    local = Local(*folders, **settings)
    return local, capsys.readouterr().err


@pytest.mark.slow
def test_the_file_is_made_once_and_mapped(copy, capsys):
    shutil.rmtree(copy / INDEX)
    _, first = said(capsys, copy, ann=True)
    local, second = said(capsys, copy, ann=True)
    line = next(each for each in first.splitlines() if each.startswith("index of shop: recall@20"))
    assert first.splitlines() == ["index: being made of 5,746 items", line]
    assert second.splitlines() == [line]
    assert sorted(path.suffix for path in (copy / INDEX).iterdir()) == [".faiss", ".json"]
    if sys.platform == "linux":
        maps = Path("/proc/self/maps").read_text().splitlines()
        assert any(str(copy / INDEX) in each and " r--s " in each for each in maps)
    assert local.post("/v1/recommend", users=["u3"]).status == 200
    assert is_of_a_model(INDEX)  # so that a fit may take a folder in which it is left


@pytest.mark.slow
@pytest.mark.parametrize(
    "harm", ["empty", "half", "a byte", "no file", "no words", "others", "list", "another kind"]
)
def test_a_damaged_file_is_made_again(copy, capsys, harm):
    file, words = sorted((copy / INDEX).iterdir())
    data, other = file.read_bytes(), words.read_text()
    if harm in ("no file", "no words"):
        (file if harm == "no file" else words).unlink()
    elif harm in ("others", "list"):
        words.write_text('{"fingerprint": "a", "sha256": "b"}' if harm == "others" else "[1]")
    else:
        whole = {"empty": b"", "half": data[: len(data) // 2], "another kind": b"IxF2" + data[4:],
                 "a byte": data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]}  # fmt: skip
        file.unlink()  # what is mapped stays as it is
        file.write_bytes(whole[harm])
    local, text = said(capsys, copy, ann=True)
    assert "being made" in text
    assert local.post("/v1/recommend", users=["u3"]).status == 200
    assert file.read_bytes() == data
    assert words.read_text() == other


@pytest.mark.slow
def test_a_folder_that_cannot_be_written(copy, capsys):
    shutil.rmtree(copy / INDEX)
    (copy / INDEX).write_text("a file")
    local, text = said(capsys, copy, ann=True)
    assert "index: not written, kept in the memory of each process" in text
    assert text.count("being made") == 1
    assert local.ask("GET", "/v1/model").json["index"]["recall"] >= 0.98


@pytest.mark.slow
def test_a_model_is_replaced(copy, capsys, both):
    local = Local(copy, ann=True)
    (slot,) = local.service.slots.values()
    (before,) = (copy / INDEX).glob("*.faiss")
    first = local.post("/v1/recommend", users=["u3"])
    old = Recommender.load(copy)
    tables = [table.flip(0).numpy() for table in (old.scorer.user_table, old.scorer.item_table)]
    shop.of_tables(*tables).save(copy)
    assert slot.changed()
    assert local.post("/v1/recommend", users=["u3"]).body == first.body  # until it is loaded
    capsys.readouterr()
    local.service._replace(slot)
    assert "index: being made of 6,000 items" in capsys.readouterr().err
    (after,) = (copy / INDEX).glob("*.faiss")
    assert after != before
    compared(local, Local(copy), "/v1/recommend", "lists", users=ASKED[1:])
    shutil.rmtree(copy / INDEX)  # the mapped file is gone, and its lists are still there
    compared(local, Local(copy), "/v1/recommend", "lists", users=ASKED[1:])


def test_a_method_without_tables(saved, capsys):
    local, text = said(capsys, saved("ease"), ann=True)
    said_ = "ease ranks by no inner product of embeddings, so there is no index"
    assert text.splitlines() == [f"model ease-0: exact lists: {said_}"]
    assert local.post("/v1/recommend", users=["u3"]).status == 200
    assert local.ask("GET", "/v1/model").json["index"] is None


def test_few_items(saved, capsys):
    _, text = said(capsys, saved("bpr"), ann=True)
    assert text.count("are too few for an index") == 1
    assert not (saved("bpr") / INDEX).exists()


@pytest.mark.slow
def test_no_index_unless_it_is_wanted_or_the_items_are_many(copy, capsys, monkeypatch):
    shutil.rmtree(copy / INDEX)
    for ann in (None, False):
        assert said(capsys, copy, ann=ann)[1] == ""
    monkeypatch.setattr("fullrank.service.indexing.MANY", shop.ITEMS - 1)
    assert said(capsys, copy, ann=False)[1] == ""
    assert "index of shop: recall@20" in said(capsys, copy, ann=None)[1]
    monkeypatch.setattr("fullrank.service.indexing.MANY", shop.ITEMS)
    assert said(capsys, copy, ann=None)[1] == ""


@pytest.mark.slow
def test_without_faiss(copy, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(SettingError, match="--ann: found no package faiss-cpu"):
        Local(copy, ann=True)
    monkeypatch.setattr("fullrank.service.indexing.MANY", 10)
    line = "model shop: exact lists: an index needs faiss: pip install 'fullrank[export]'"
    assert said(capsys, copy)[1].splitlines() == [line]


def test_tables_that_no_index_can_search(tmp_path, capsys):
    rng = np.random.default_rng(0)
    shop.of_tables(rng.normal(size=(60, 64)), rng.normal(size=(4000, 64))).save(tmp_path / "m")
    local, text = said(capsys, tmp_path / "m", ann=True)
    line = text.splitlines()[-1]
    assert line.startswith("model m: exact lists: recall@20 0.")
    exact = Local(tmp_path / "m").post("/v1/recommend", users=["u3"])
    assert local.post("/v1/recommend", users=["u3"]).body == exact.body


@pytest.mark.slow
@pytest.mark.posix
def test_two_processes_and_a_version_that_changes(copy, tmp_path):
    with running(copy, "--ann", "--workers", 2, log=tmp_path / "log") as server:
        until(lambda: server.said.count("index of shop: recall@20") == 2)
        assert server.ask("GET", "/v1/model").json["index"]["recall"] >= 0.98
        old = Recommender.load(copy)
        shop.of_tables(old.scorer.user_table, old.scorer.item_table.flip(0).clone()).save(copy)
        until(lambda: server.said.count("in the place of") == 2)
        assert server.said.count("index: being made") == 1  # one builds, the other waits
        assert len(list((copy / INDEX).glob("*.faiss"))) == 1
        assert server.post("/v1/recommend", users=["u3"]).status == 200
