"""``fullrank data prepare``: a store, and that it is DATA for other commands."""

from __future__ import annotations

import pytest
from command import COLUMNS, QUICK, assert_refused, fullrank
from test_killed import points

SHARES = ("--test", "0.3", "--seed", "5")


@pytest.mark.slow
def test_a_store_is_data(events, tmp_path):
    out = tmp_path / "store"
    command = ("data", "prepare", events, "-o", out, *COLUMNS, *SHARES)
    first = fullrank(*command, "--json")
    assert first.code == 0, first.err
    assert first.json["shares"] == {"test": 0.3, "validation": 0.1, "seed": 5}
    assert sum(each["pairs"] for each in first.json["parts"].values()) == first.json["pairs"]
    again = fullrank(*command)
    assert again.code == 0, again.err
    assert all(each["fingerprint"] in again.out for each in first.json["parts"].values())
    described = fullrank("data", "describe", out, "--json")
    assert described.code == 0, described.err
    assert described.json["test"]["fingerprint"] == first.json["parts"]["test"]["fingerprint"]
    fitted = fullrank("fit", out, "-o", tmp_path / "m", "--method", "bpr", *QUICK, "--json")
    assert fitted.code == 0, fitted.err
    assert fitted.json["test"]["protocol"]["split"]["kind"] == "hash"
    assert fullrank("recommend", tmp_path / "m", "--user", "0013").code == 0


@pytest.mark.slow
def test_refused(events, tmp_path):
    out = tmp_path / "store"
    command = ("data", "prepare", events, "-o", out)
    assert_refused(fullrank(*command), "--user-column 'Customer No'")
    assert_refused(fullrank(*command, *COLUMNS, "--threshold", "3"), "threshold", "a store keeps")
    assert_refused(fullrank(*command, *COLUMNS, "--partitions", "0"), "partitions")
    assert fullrank(*command, *COLUMNS).code == 0
    assert_refused(fullrank(*command, *COLUMNS, "--seed", "1"), "another store", "free name")
    (out / "store.json").unlink()
    assert_refused(fullrank("fit", out, "-o", tmp_path / "m"), "not finished", "data prepare")


@pytest.mark.posix
@pytest.mark.slow
def test_killed_at_a_file_operation(events, tmp_path):
    out = tmp_path / "home" / "store"
    command = ["data", "prepare", events, "-o", out, *COLUMNS]
    found = points(out, "-1::-9", command, command)
    for each in found:
        parts = [f"store/{p}.{a}.npy" for p in ("test", "train", "validation")
                 for a in ("indptr", "items")]  # fmt: skip
        ids = [f"store/{side}/000000000000.parquet" for side in ("items", "users")]
        assert each["there"] == sorted([*parts, *ids, "store/store.json"]), each


@pytest.mark.posix
@pytest.mark.slow
def test_workers_make_the_same_store(events, tmp_path):
    stores = {}
    for name, more in {"one": (), "two": ("--workers", "2")}.items():
        out = tmp_path / name
        made = fullrank("data", "prepare", events, "-o", out, *COLUMNS, *SHARES, *more, "--json")
        assert made.code == 0, made.err
        assert made.json["pairs"]
        kept = [path for path in sorted(out.rglob("*")) if path.is_file()]
        stores[name] = {path.relative_to(out): path.read_bytes() for path in kept}
    assert stores["one"] == stores["two"]
