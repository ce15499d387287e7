"""Tables in an object store and on a web server, and what goes wrong there."""

from __future__ import annotations

import io
from collections.abc import Callable

import polars as pl
import pytest
from command import assert_refused, fullrank
from store import serving

import fullrank as fr
from fullrank.data import Columns, generate, read
from fullrank.errors import DataError

TABLE = generate(60, 40, 900, seed=0, timestamps=True).to_frame()
SECRET = "s3cret-Key/of+the+store"  # one that a URL would escape


def packed(write: Callable[[pl.DataFrame, io.BytesIO], object], frame: pl.DataFrame) -> bytes:
    file = io.BytesIO()
    write(frame, file)
    return file.getvalue()


def parquet(frame: pl.DataFrame) -> bytes:
    return packed(pl.DataFrame.write_parquet, frame)


OBJECTS = {
    "shop/one.parquet": parquet(TABLE),
    "shop/one.csv": TABLE.write_csv().encode(),
    "shop/one.ndjson": packed(pl.DataFrame.write_ndjson, TABLE),
    "shop/one.arrow": packed(pl.DataFrame.write_ipc, TABLE),
    "shop/orders/day=2026-01-01/a.parquet": parquet(TABLE[:500].drop("timestamp")),
    "shop/orders/day=2026-01-02/a.parquet": parquet(TABLE[500:].drop("timestamp")),
    "shop/odd/a.parquet": parquet(TABLE[:5]),
    "shop/odd/b.parquet": parquet(TABLE[5:9].with_columns(user_id=pl.lit(1))),
    "shop/broken.parquet": parquet(TABLE)[:-9],
    "shop/x.csv": b"user,item_id\na,b\n",
}


@pytest.fixture
def store(monkeypatch):
    with serving(OBJECTS) as address:
        credentials(monkeypatch, address)
        yield address


def credentials(monkeypatch, address: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_REGION", "eu-central-1")


@pytest.fixture(scope="module")
def expected():
    return fr.Interactions.from_frame(TABLE)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["parquet", "csv", "ndjson", "arrow"])
@pytest.mark.parametrize("scheme", ["s3", "http"])
def test_an_object_is_the_file(store, expected, suffix, scheme):
    url = f"s3://shop/one.{suffix}" if scheme == "s3" else f"{store}/shop/one.{suffix}?token=x"
    got = read(url)
    assert got.fingerprint == expected.fingerprint
    assert (got.timestamp == expected.timestamp).all()
    assert fr.load(url).name == url.replace("token=x", "token=***")


@pytest.mark.slow
@pytest.mark.parametrize("url", ["s3://shop/orders/**/*.parquet", "s3://shop/orders/"])
def test_partitions_of_a_store(store, expected, url):
    got = read(url, columns=Columns(timestamp="day"))
    assert got.fingerprint == expected.fingerprint
    assert len(set(got.timestamp)) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("s3://shop/none.parquet", "expected a table that can be reached and read"),
        ("s3://shop/none/*.parquet", "expected a table that can be reached and read"),
        ("s3://shop/odd/*.parquet", "expected a table that can be reached and read"),
        ("s3://shop/broken.parquet", "expected a table that can be reached and read"),
        ("s3://shop/x.csv", "found the columns user, item_id; expected a column 'user_id'"),
        ("s3://shop/one.xlsx", "found no suffix of a known format"),
        ("s3://shop/one.data", "found the format movielens; expected parquet, arrow, csv"),
    ],
)
def test_objects_that_cannot_be_used(store, url, found):
    with pytest.raises(DataError) as caught:
        read(url)
    line = str(caught.value)
    assert line.startswith(url)
    assert found in line
    assert SECRET not in line


@pytest.mark.slow
def test_a_store_that_refuses_and_one_that_is_away(monkeypatch, tmp_path):
    with serving(OBJECTS, refused=True) as address:
        credentials(monkeypatch, address)
        run = fullrank("fit", "s3://shop/one.parquet", "-o", tmp_path / "m")
        assert_refused(run, "s3://shop/one.parquet: found ", "403")
        assert SECRET not in run.err
        url = f"{address}/shop/one.csv?X-Amz-Signature={SECRET}"
        run = fullrank("fit", url, "-o", tmp_path / "m")
        assert_refused(run, "X-Amz-Signature=***", "expected a table that can be")
        assert SECRET not in run.err
    run = fullrank("fit", "s3://shop/one.parquet", "-o", tmp_path / "m")  # it is gone
    assert_refused(run, "s3://shop/one.parquet: found ")
    assert SECRET not in run.err


@pytest.mark.slow
@pytest.mark.parametrize("name", ["broken.parquet", "none.parquet", "none.csv"])
def test_messages_that_have_the_location_in_another_form(store, name):
    with pytest.raises(DataError) as caught:
        read(f"{store}/shop/{name}?sig=a%2Fb%3D{SECRET[:9]}&t=x")
    for form in ("a/b=", "a%2Fb", SECRET[:9], "t=x"):
        assert form not in str(caught.value)
