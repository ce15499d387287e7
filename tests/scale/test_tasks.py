"""A store that workers of Ray prepare is the one that a single process prepares."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import polars as pl
import pytest

from fullrank.data.store import prepare
from fullrank.data.synthetic import generate
from fullrank.errors import DataError
from fullrank.scale.tasks import by_ray

pytestmark = [pytest.mark.slow, pytest.mark.posix]


@pytest.fixture(scope="module")
def cluster():
    ray = pytest.importorskip("ray")
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield ray
    ray.shutdown()


@pytest.fixture
def source(tmp_path) -> Path:
    folder = tmp_path / "days"
    folder.mkdir()
    table = generate(90, 40, 900, seed=2).to_frame()
    for number in range(3):
        table[300 * number : 300 * (number + 1)].write_parquet(folder / f"{number}.parquet")
    return folder


def dies_once(marker: Path) -> bytes:
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return marker.read_bytes()


def late(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def test_by_workers(cluster, source, tmp_path):
    plain = prepare(source, tmp_path / "plain", partitions=5)
    found = prepare(source, tmp_path / "ray", partitions=5, readers=3, each=by_ray(cluster, 2))
    assert found.manifest == plain.manifest
    for path in plain.folder.rglob("*.npy"):
        assert (found.folder / path.name).read_bytes() == path.read_bytes()


def test_errors_of_workers_are_ours(cluster, source, tmp_path):
    pl.DataFrame({"user_id": ["a"], "item_id": [None]}).cast(pl.String).write_parquet(
        source / "3.parquet"
    )
    with pytest.raises(DataError, match=r"3\.parquet, row 1, column item_id: found a missing id"):
        prepare(source, tmp_path / "ray", readers=4, each=by_ray(cluster, 2))
    assert not (tmp_path / "ray").exists()


def test_order_and_death(cluster, tmp_path):
    assert list(by_ray(cluster, 2)(late, [0.3, 0.0, 0.1])) == [0.3, 0.0, 0.1]
    assert list(by_ray(cluster, 2)(dies_once, [tmp_path / "marker"])) == [b""]
