"""The service as a process: its start and its end, what it logs, bytes that are no request."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from asking import running, until
from load import clients

pytestmark = [pytest.mark.slow, pytest.mark.posix]
JSON = b"content-type: application/json\r\n"
ASK = b'{"users": ["u1"], "k": 3}'


@pytest.fixture(scope="module", params=[1, 2], ids=["one process", "a front"])
def server(request, saved, tmp_path_factory):
    log = tmp_path_factory.mktemp("log") / "log"
    with running(saved(), "--workers", request.param, log=log) as made:
        yield made


def post(body: bytes, length: int | None = None, path: bytes = b"/v1/recommend") -> bytes:
    size = len(body) if length is None else length
    return b"POST %s HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n%s" % (path, size, body)


def test_it_answers(server):
    reply = server.post("/v1/recommend", users=["u1"], k=3)
    assert reply.status == 200
    assert len(reply.json["lists"][0]["items"]) == 3
    assert server.ask("GET", "/readyz").json == {"status": "ok"}


@pytest.mark.parametrize(
    "data",
    [
        b"\x00" * 100,
        b"hello\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET \xff\xfe HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost a\r\n\r\n",
        post(b"x", -5),
        b"POST /v1/recommend HTTP/1.1\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\nzz",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET http://[/ HTTP/1.1\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\n\r\n",
        b"CONNECT a:80 HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_bytes_that_are_no_request(server, data):
    got = server.raw(data)
    assert got == b"" or got.startswith(b"HTTP/1.1 4"), got
    if got:
        assert json.loads(got.partition(b"\r\n\r\n")[2])["status"] >= 400
    assert server.ask("GET", "/healthz").status == 200


def test_a_header_without_end(server):
    got = server.raw(b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 100_000)
    assert got == b"" or got.startswith(b"HTTP/1.1 431")
    got = server.raw(b"GET /" + b"a" * 1_000_000)
    assert got == b"" or got.startswith(b"HTTP/1.1 4")
    assert server.ask("GET", "/healthz").status == 200


def test_several_requests_in_one_write(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as line:
        line.sendall(post(ASK) * 5)
        got = b""
        while got.count(b"HTTP/1.1 200 OK") < 5:
            part = line.recv(65536)
            assert part
            got += part


def test_a_body_in_pieces(server):
    pieces = b"".join(b"1\r\n%c\r\n" % byte for byte in ASK) + b"0\r\n\r\n"
    head = b"POST /v1/recommend HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
    assert server.raw(head + pieces).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("data", "starts"),
    [
        (b"GET /readyz HTTP/1.0\r\n\r\n", b"HTTP/1.1 200"),
        (b"HEAD /docs HTTP/1.1\r\n\r\n", b"HTTP/1.1 200"),
        (b"GET /metrics HTTP/1.1\r\nconnection: close\r\n\r\n", b"HTTP/1.1 200"),
        (b"GET /v1/model/report HTTP/1.1\r\n\r\n", b"HTTP/1.1 404"),
        (b"GET /v1/items/%zz HTTP/1.1\r\n\r\n", b"HTTP/1.1 404"),
        (b"GET / HTTP/1.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n", b"HTTP/1.1 200"),
        (post(ASK, path=b"/nowhere"), b"HTTP/1.1 404"),
        (post(b"x" * 60_000, path=b"/healthz"), b"HTTP/1.1 405"),
        (post(b"{"), b"HTTP/1.1 400"),
        (post(b"[" * (2**20 + 1)), b"HTTP/1.1 413"),
        (post(ASK).replace(b"host: a", b"expect: 100-continue"),
         b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200"),
        (b"GET /readyz HTTP/1.1\r\n\r\nGET /nowhere HTTP/1.1\r\n\r\n", b"HTTP/1.1 200"),
    ],
)  # fmt: skip
def test_requests_of_all_kinds(server, data, starts):
    got = server.raw(data)
    assert got.startswith(starts), got[:300]
    head, _, body = got.rpartition(b"\r\n\r\n")
    size = int(head.rpartition(b"content-length: ")[2].partition(b"\r\n")[0])
    assert len(body) == (0 if data.startswith(b"HEAD") else size)


def test_a_client_that_hangs_up(server):
    for cut in (10, 60, len(post(ASK)) - 3, len(post(ASK))):
        for _ in range(10):
            with socket.create_connection(("127.0.0.1", server.port)) as line:
                line.sendall(post(ASK)[:cut])
    assert server.ask("GET", "/healthz").status == 200


def test_a_body_of_a_hundred_megabytes(server):
    before = memory(server.process.pid)
    reply = server.ask("POST", "/v1/recommend", b"[" * 10**8)
    assert reply.status == 413
    assert reply.json["detail"] == "found 100000000 bytes; expected at most 1048576"
    assert memory(server.process.pid) - before < 30 * 2**20


def memory(pid: int) -> int:
    """Bytes that a process has in memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096


def test_the_log_is_json_without_ids(server):
    server.post("/v1/recommend", users=["u1234"])
    server.ask("GET", "/v1/items/i77")
    server.ask("GET", "/v1/items?query=secret")
    until(lambda: "/v1/items/{id}" in server.log.read_text())
    text = server.log.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert {"time", "pid", "method", "endpoint", "status", "ms", "bytes"} <= set(lines[0])
    for hidden in ("u1234", "i77", "secret"):
        assert hidden not in text


def test_sigterm_drains(saved, tmp_path):
    with running(saved(), "--log-ids", log=tmp_path / "log") as server:
        with clients(server.port) as asking:
            until(lambda: asking.answered > 50)
            line = socket.create_connection(("127.0.0.1", server.port))
            line.sendall(post(ASK)[:-5])  # it is not whole when the end comes
            time.sleep(0.1)
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            line.sendall(post(ASK)[-5:])
            assert line.recv(65536).startswith(b"HTTP/1.1 200")
            line.close()
            assert server.process.wait(20) == 0
        assert not [each for each in asking.failures if "Refused" not in each]
        assert server.said.splitlines()[1:] == []
        assert '"ids":["u1"]' in server.log.read_text()


def test_what_cannot_be_served_is_one_line(saved, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused(f"address 127.0.0.1:{port}: found address already in use", saved(), "--port", port)
    refused("no such file", tmp_path / "nothing", "--port", "0")
    keys = tmp_path / "keys"
    keys.write_text("short\n")
    refused("16 characters", saved(), "--api-key-file", keys)
    refused("setting workers", saved(), "--workers", "0")
    refused("setting unknown", saved(), "--unknown", "guess")
    broken = tmp_path / "broken"
    shutil.copytree(saved(), broken)
    next(broken.glob("tables*")).write_bytes(b"x")
    refused("1 bytes; expected", broken, "--port", "0")
    refused("1 bytes; expected", broken, "--port", "0", "--workers", "2")


def refused(words: str, *arguments: object) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fullrank", "serve", *map(str, arguments)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1, done.stderr
    assert words in done.stderr


def test_an_address_that_others_reach_is_warned_of(saved, tmp_path):
    with running(saved(), "--host", "0.0.0.0", log=tmp_path / "log") as server:
        assert "no --api-key-file" in server.said.splitlines()[0]
        assert server.ask("GET", "/healthz").status == 200
        assert server.end() == 0
