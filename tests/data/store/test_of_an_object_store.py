"""Objects of a store of another machine, in batches, as files on this one."""

from __future__ import annotations

import io

import polars as pl
import pytest
from store import serving

import fullrank as fr
from fullrank.data.store import prepare
from fullrank.data.store import preparing as module
from fullrank.data.synthetic import generate

TABLE = generate(60, 40, 900, seed=0).to_frame()


def parquet(frame: pl.DataFrame) -> bytes:
    file = io.BytesIO()
    frame.write_parquet(file)
    return file.getvalue()


OBJECTS = {
    "shop/orders/a.parquet": parquet(TABLE[:500]),
    "shop/orders/b.parquet": parquet(TABLE[500:]),
    "shop/odd/a.parquet": parquet(TABLE[:50].with_columns(item_id=pl.lit(None, pl.String))),
}


@pytest.mark.slow
def test_of_an_object_store(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PIECE", 200)
    TABLE.write_parquet(tmp_path / "t.parquet")
    expected = prepare(tmp_path / "t.parquet", tmp_path / "here").manifest
    with serving(OBJECTS) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setenv("AWS_REGION", "eu-central-1")
        found = prepare("s3://shop/orders/*.parquet", tmp_path / "there").manifest
        assert found["parts"] == expected["parts"]
        with pytest.raises(fr.DataError, match="another store"):  # objects may have changed
            prepare("s3://shop/orders/*.parquet", tmp_path / "there")
        with pytest.raises(fr.DataError, match=r"odd/a\.parquet, row 1, column item_id: found a"):
            prepare("s3://shop/odd/a.parquet", tmp_path / "odd")
        with pytest.raises(fr.DataError, match="s3://shop/none"):
            prepare("s3://shop/none.parquet", tmp_path / "none")
