"""Database servers of our own, in folders that go away with the tests."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

PASSWORD = "s3cr%t/pa:ss@w"
"""It has all the characters that would end another part of a URL."""
ROOT = os.name == "posix" and os.geteuid() == 0


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def binary(*names: str) -> str | None:
    """A program, on the path or where Debian puts those of PostgreSQL."""
    homes = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    places = os.pathsep.join([*map(str, homes), os.environ.get("PATH", ""), "/usr/sbin"])
    return next((at for name in names if (at := shutil.which(name, path=places))), None)


NOBODY = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] * ROOT
"""Before the command of a server, which refuses to be root."""


def missing(what: str) -> None:
    """Fails where nothing may be skipped, as in .ci/run; skips elsewhere."""
    if os.environ.get("FULLRANK_CI"):
        pytest.fail(f"{what} is not installed")
    pytest.skip(f"{what} is not installed")


def stop(process: subprocess.Popen[bytes], number: int) -> None:
    process.send_signal(number)
    with suppress(subprocess.TimeoutExpired):
        process.wait(20)
    if process.poll() is None:
        process.kill()
        process.wait()


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert process.poll() is None, "the server ended"
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise AssertionError("the server does not answer")


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """``127.0.0.1:PORT`` of a PostgreSQL whose user ``shop`` has `PASSWORD` and a database."""
    initdb, server = binary("initdb"), binary("postgres")
    if initdb is None or server is None:
        missing("postgresql")
    folder, port = Path(tempfile.mkdtemp(prefix="fullrank-pg-")), free_port()
    word = folder / "password"
    word.write_text(PASSWORD)
    if ROOT:
        for path in (folder, word):
            shutil.chown(path, "nobody", "nogroup")
    made = [str(initdb), "-D", str(folder / "data"), "-U", "shop", "--auth=scram-sha-256"]
    made += [f"--pwfile={word}", "-E", "UTF8", "--locale=C", "--no-sync"]
    subprocess.run([*NOBODY, *made], check=True, capture_output=True, cwd=folder)
    run = [str(server), "-D", str(folder / "data"), "-p", str(port), "-k", str(folder)]
    run += ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*NOBODY, *run], stdout=log, stderr=log, cwd=folder, start_new_session=True
        )
    try:
        wait_for(port, process)
        yield f"127.0.0.1:{port}"
    finally:
        stop(process, signal.SIGINT)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def mysql() -> Iterator[str]:
    """``127.0.0.1:PORT`` of a MariaDB whose user ``shop`` has `PASSWORD` and a database."""
    server, scripts = binary("mariadbd"), Path("/usr/share/mysql")
    if server is None or not scripts.is_dir():
        missing("mariadb-server-core")
    folder, port = Path(tempfile.mkdtemp(prefix="fullrank-my-")), free_port()
    first, data = folder / "first.sql", folder / "data"
    first.write_text(
        "CREATE DATABASE shop CHARACTER SET utf8mb4;\n"
        f"CREATE USER shop@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';\n"
        "GRANT ALL ON shop.* TO shop@'127.0.0.1';\n"
    )
    data.mkdir()
    if ROOT:
        for path in (folder, first, data):
            shutil.chown(path, "nobody", "nogroup")
    common = ["--no-defaults", f"--datadir={data}"]
    tables = [f"mysql_system_tables{each}.sql" for each in ("", "_data")]
    system = b"CREATE DATABASE mysql;\nUSE mysql;\n"
    system += b"".join((scripts / each).read_bytes() for each in tables)
    made = [*NOBODY, str(server), *common, "--bootstrap"]
    subprocess.run(made, check=True, capture_output=True, cwd=folder, input=system)
    run = [
        str(server),
        *common,
        f"--port={port}",
        "--bind-address=127.0.0.1",
        "--skip-name-resolve",
    ]
    run += [f"--socket={folder / 'socket'}", f"--init-file={first}", f"--pid-file={folder / 'pid'}"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*NOBODY, *run], stdout=log, stderr=log, cwd=folder, start_new_session=True
        )
    try:
        wait_for(port, process)
        yield f"127.0.0.1:{port}"
    finally:
        stop(process, signal.SIGTERM)
        shutil.rmtree(folder, ignore_errors=True)
