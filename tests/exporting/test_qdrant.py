"""Collections of qdrant, in the client's local mode, which searches exactly."""

from __future__ import annotations

import pytest
import qdrant_client
from servers import free_port

from fullrank.errors import DataError, SettingError
from fullrank.exporting import ExportSettings, export, verify
from fullrank.exporting.qdrant import KEY


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["ip", "cosine", "l2"])
def test_the_nearest_points_are_the_lists(model, metric, tmp_path):
    place = f"path:{tmp_path / 'q'}"
    settings = ExportSettings(metric=metric)
    said = export(model, "qdrant", tmp_path / "out", settings=settings, database=place)
    assert said.database == place
    checked = verify(model, tmp_path / "out", users=30, k=10, database=place)
    assert checked.recall == 1
    assert checked.same > 0.9


@pytest.mark.slow
def test_points_have_ids_and_what_is_known(texts, tmp_path):
    place = f"path:{tmp_path / 'q'}"
    for _ in range(2):  # the second replaces the first
        export(texts, "qdrant", tmp_path / "out", database=place)
    client = qdrant_client.QdrantClient(path=str(tmp_path / "q"))
    assert client.count("fullrank_items").count == len(texts.items)
    assert client.count("fullrank_users").count == len(texts.users)
    points = client.retrieve("fullrank_items", list(range(len(texts.items))))
    by_row = {point.id: point.payload for point in points}
    known = texts.items_table.to_dicts()
    assert [by_row[row] for row in range(len(known))] == known
    client.close()


def test_addresses(texts, tmp_path, monkeypatch):
    with pytest.raises(SettingError, match="--to qdrant: found no --database"):
        export(texts, "qdrant", tmp_path / "out")
    with pytest.raises(SettingError, match="found no address of qdrant; expected http"):
        export(texts, "qdrant", tmp_path / "out", database="localhost:6333")
    monkeypatch.setenv(KEY, "hush-hush")
    place = f"http://me:secret@127.0.0.1:{free_port()}"
    with pytest.raises(DataError, match="expected a qdrant that answers") as raised:
        export(texts, "qdrant", tmp_path / "out", database=place)
    assert "\n" not in str(raised.value)
    assert not {"hush-hush", "secret"} & set(str(raised.value).split())
    assert "secret" not in str(raised.value)
    assert "hush" not in str(raised.value)
    assert not (tmp_path / "out").exists()
