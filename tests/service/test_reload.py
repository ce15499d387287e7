"""A new model takes the place of the old one, and a killed process is replaced, under load."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest
from asking import running, until
from load import clients

from fullrank.service import models

pytestmark = [pytest.mark.slow, pytest.mark.posix]


@pytest.fixture
def versions(saved, tmp_path) -> Path:
    """A folder of two versions and a link to the first."""
    home = tmp_path / "models"
    for name, seed in (("first", 0), ("second", 1)):
        shutil.copytree(saved(seed=seed), home / name)
    (home / "current").symlink_to("first")
    return home


def point(home: Path, name: str) -> None:
    """Points to another version in a single step."""
    (home / ".next").symlink_to(name)
    (home / ".next").replace(home / "current")


def test_what_is_served_is_found(versions):
    assert models.resolve(versions) == (versions / "first").resolve()
    assert models.resolve(versions / "second") == versions / "second"
    before = models.version_of(versions)
    assert models.version_of(versions) == before
    point(versions, "second")
    assert models.version_of(versions) != before
    point(versions, "none")
    assert models.version_of(versions) is None


def test_a_new_version_is_taken_under_load(versions, tmp_path):
    with running(versions, log=tmp_path / "log") as server, clients(server.port) as asking:
        until(lambda: asking.answered > 50)
        (first,) = asking.versions
        point(versions, "second")
        until(lambda: len(asking.versions) == 2)
        (second,) = asking.versions - {first}
        said = f"model models: version {second} in the place of {first}"
        assert server.said.splitlines()[1:] == [said]
        point(versions, "first")
        until(lambda: server.said.count("in the place of") == 2)
        asking.end()
        assert (asking.failures, asking.lost) == ([], 0)
        assert server.post("/v1/recommend", users=["u1"]).json["model"]["version"] == first


def test_a_model_that_is_saved_over_the_served_one(saved, tmp_path):
    folder = tmp_path / "m"
    shutil.copytree(saved(seed=0), folder)
    from fullrank import Recommender

    with running(folder, log=tmp_path / "log") as server, clients(server.port) as asking:
        until(lambda: asking.answered > 20)
        Recommender.load(saved("ease")).save(folder)
        until(lambda: len(asking.versions) == 2)
        asking.end()
        assert (asking.failures, asking.lost) == ([], 0)
        assert server.ask("GET", "/v1/model").json["method"] == "ease"


def test_a_broken_version_leaves_the_old_one(versions, tmp_path):
    shutil.copytree(versions / "second", versions / "broken")
    next((versions / "broken").glob("tables*")).write_bytes(b"nothing of use")
    with running(versions, log=tmp_path / "log") as server, clients(server.port) as asking:
        until(lambda: asking.answered > 20)
        point(versions, "broken")
        until(lambda: "stays" in server.said)
        point(versions, "none")
        until(lambda: asking.answered > 200)
        asking.end()
        assert len(asking.versions) == 1
        assert (asking.failures, asking.lost) == ([], 0)
        assert server.said.count("\n") == 2  # and it is not tried again and again
        point(versions, "second")
        until(lambda: "in the place of" in server.said)


def workers(server) -> list[int]:
    """The processes that answer: children of the one that was started, but for the tracker."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    found = []
    for pid in map(int, children.read_text().split()):
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
        if b"spawn_main" in line:
            found.append(pid)
    return found


def ready(server, count: int = 2) -> bool:
    """Whether so many processes have loaded the model."""
    maps = [Path(f"/proc/{pid}/maps") for pid in workers(server)]
    try:
        return sum(".panels" in each.read_text() for each in maps) == count
    except OSError:  # one has just ended
        return False


def kill(server, count: int) -> None:
    """Kills the oldest processes, and waits until others have begun."""
    said = server.said.count("takes its place")
    for pid in workers(server)[:count]:
        os.kill(pid, signal.SIGKILL)
    until(lambda: server.said.count("takes its place") == said + count)
    until(lambda: len(workers(server)) == 2)


def more(asking) -> None:
    """Waits for further answers."""
    answered = asking.answered
    until(lambda: asking.answered > answered + 100)


def test_no_request_fails_while_processes_are_killed(versions, tmp_path):
    with running(versions, "--workers", 2, log=tmp_path / "log") as server:
        until(lambda: ready(server))
        with clients(server.port, 12) as asking:
            until(lambda: asking.answered > 50)
            kill(server, 1)
            kill(server, 1)  # and the other has just begun to load
            until(lambda: ready(server), 120)
            more(asking)
            kill(server, 2)
            assert server.ask("GET", "/readyz").json == {"status": "starting"}
            until(lambda: ready(server), 120)
            more(asking)
            kill(server, 1)
            more(asking)
            asking.end()
            assert (asking.failures, asking.lost) == ([], 0)
        metrics = server.ask("GET", "/metrics").body.decode()
        counted = sum(
            float(line.rpartition(" ")[2])
            for line in metrics.splitlines()
            if line.startswith('fullrank_requests_total{endpoint="/v1/recommend",status="200"}')
        )
        assert counted >= asking.answered  # of the killed ones too
        until(lambda: ready(server), 120)
        point(versions, "second")
        until(lambda: server.said.count("in the place of") == 2)
        with clients(server.port) as asking:  # and the end loses nothing
            until(lambda: asking.answered > 20)
            assert server.end() == 0
        assert not [each for each in asking.failures if "Refused" not in each]


def test_processes_map_one_packed_table(versions, tmp_path):
    with running(versions, "--workers", 2, log=tmp_path / "log") as server:
        until(lambda: ready(server))
        maps = [Path(f"/proc/{pid}/maps") for pid in workers(server)]
        lines = [
            line
            for each in maps
            for line in each.read_text().splitlines()
            if line.endswith(".panels")
        ]
        assert len({line.split()[4] for line in lines}) == 1  # one file
        assert {line.split()[1] for line in lines} == {"r--s"}


def test_processes_end_when_their_parent_is_killed(versions, tmp_path):
    with running(versions, "--workers", 2, log=tmp_path / "log") as server:
        until(lambda: len(workers(server)) == 2)
        pids = workers(server)
        server.process.kill()
        until(lambda: not any(Path(f"/proc/{pid}/cmdline").exists() for pid in pids))
