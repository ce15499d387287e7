"""A cluster that was there before: what RAY_ADDRESS names."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.posix, pytest.mark.slow]
BIN = Path(sys.executable).parent
FIT = [sys.executable, "-m", "fullrank", "fit", "demo", "--method", "bpr", "--epochs", "2"]
FIT += ["--dim", "8", "--workers", "2", "--no-report"]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def home(tmp_path_factory):
    """Of a user who has a token, as everybody has who started a cluster once."""
    folder = tmp_path_factory.mktemp("h")
    (folder / ".ray").mkdir()
    (folder / ".ray" / "auth_token").write_text("ab" * 32)
    return folder


@pytest.fixture
def address(home):
    """A cluster of four cores, which ends with the test."""
    pytest.importorskip("ray")
    port, environment = free_port(), {**os.environ, "HOME": str(home)}
    command = [BIN / "ray", "start", "--head", "--block", f"--port={port}", "--num-cpus=4"]
    command += ["--include-dashboard=false", "--disable-usage-stats"]
    command += ["--node-ip-address=127.0.0.1", f"--temp-dir=/tmp/fr-test-{port}"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    started = subprocess.Popen(command, env=environment, **quiet, start_new_session=True)
    for _ in range(600):
        with socket.socket() as asked:
            if asked.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    yield f"127.0.0.1:{port}"
    started.send_signal(signal.SIGTERM)
    started.wait(60)
    shutil.rmtree(f"/tmp/fr-test-{port}", ignore_errors=True)


def run(command, home, address):
    environment = {**os.environ, "HOME": str(home), "RAY_ADDRESS": address}
    environment.pop("RAY_AUTH_MODE", None)
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_cluster_with_a_token_is_used_and_left_as_it_was_found(home, address, tmp_path):
    done = run([*FIT, "-o", str(tmp_path / "m")], home, address)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "m" / "manifest.json").exists()
    assert "gcs" not in done.stderr
    with socket.socket() as asked:
        assert asked.connect_ex(("127.0.0.1", int(address.rpartition(":")[2]))) == 0


def test_an_address_without_a_cluster_is_one_line(home, tmp_path):
    pytest.importorskip("ray")
    address = f"127.0.0.1:{free_port()}"
    done = run([*FIT, "-o", str(tmp_path / "m")], home, address)
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert lines[0].startswith(f"error: RAY_ADDRESS={address}: found ")
    assert lines[0].endswith("; expected a Ray cluster that runs")
    assert "gcs_client" not in done.stderr
    assert not (tmp_path / "m" / "manifest.json").exists()
