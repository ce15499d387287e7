import hashlib
import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from fullrank.data import download as module
from fullrank.data.download import download
from fullrank.errors import DataError

CONTENT = bytes(range(256)) * 2000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Home:
    """A server of one file, and what it was asked for."""

    content: bytes = CONTENT
    ranges: bool = True
    """Whether it answers a request for a range with that range."""
    stops: list[int] = field(default_factory=list)
    """After how many bytes each of the first answers breaks off."""
    statuses: list[int] = field(default_factory=list)
    """Statuses to refuse the first requests with."""
    asked: list[str | None] = field(default_factory=list)
    """The Range header of each request."""
    sent: list[tuple[int, int]] = field(default_factory=list)
    """First and last position, exclusive, of what each answer held."""
    url: str = ""

    def answer(self, request):
        wanted = request.headers.get("Range")
        self.asked.append(wanted)
        if self.statuses:
            return request.send_error(self.statuses.pop(0))
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        if wanted and self.ranges and start >= len(self.content):
            return request.send_error(416)
        start = start if self.ranges else 0
        request.send_response(206 if wanted and self.ranges else 200)
        if wanted and self.ranges:
            last = len(self.content) - 1
            request.send_header("Content-Range", f"bytes {start}-{last}/{last + 1}")
        request.send_header("Content-Length", str(len(self.content) - start))
        request.end_headers()
        stop = start + self.stops.pop(0) if self.stops else len(self.content)
        self.sent.append((start, stop))
        request.wfile.write(self.content[start:stop])
        return None


@pytest.fixture
def home(monkeypatch):
    """A server on this machine; retries do not wait."""
    monkeypatch.setattr(module, "PAUSE", 0)
    home = Home()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            home.answer(self)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    home.url = f"http://127.0.0.1:{server.server_port}/train.csv"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield home
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def target(tmp_path):
    return tmp_path / "cache" / "set" / "train.csv"


def leftovers(target):
    return sorted(path.name for path in target.parent.iterdir() if path != target)


def test_a_file_is_fetched_once(home, target):
    assert download(home.url, target, SHA256) == target
    assert target.read_bytes() == CONTENT
    assert leftovers(target) == []
    download(home.url, target, SHA256)
    assert home.asked == [None]


def test_an_interrupted_file_goes_on_where_it_stopped(home, target):
    home.stops = [100_000, 7]
    download(home.url, target, SHA256)
    assert target.read_bytes() == CONTENT
    assert home.sent == [(0, 100_000), (100_000, 100_007), (100_007, len(CONTENT))]
    assert home.asked == [None, "bytes=100000-", "bytes=100007-"]
    assert leftovers(target) == []


def test_a_later_call_goes_on_too(home, target):
    home.stops = [1000] * module.ATTEMPTS
    with pytest.raises(DataError, match="no answer in 4 attempts"):
        download(home.url, target, SHA256)
    assert leftovers(target) == ["train.csv.part"]
    assert not target.exists()
    download(home.url, target, SHA256)
    assert home.sent[-1] == (4000, len(CONTENT))
    assert target.read_bytes() == CONTENT


def test_a_server_without_ranges_starts_again(home, target):
    home.ranges = False
    home.stops = [100_000]
    download(home.url, target, SHA256)
    assert home.sent == [(0, 100_000), (0, len(CONTENT))]
    assert target.read_bytes() == CONTENT


def test_a_part_that_is_too_long_is_given_up(home, target):
    target.parent.mkdir(parents=True)
    target.with_name("train.csv.part").write_bytes(CONTENT + b"more")
    download(home.url, target, SHA256)
    assert target.read_bytes() == CONTENT


def test_other_content_does_not_stay(home, target):
    home.content = CONTENT[:-1]
    with pytest.raises(DataError) as caught:
        download(home.url, target, SHA256)
    assert str(caught.value).startswith(f"{home.url}: found other content; expected the file with")
    assert SHA256 in str(caught.value)
    assert leftovers(target) == []
    assert not target.exists()


def test_a_cached_file_that_was_changed_is_fetched_anew(home, target):
    target.parent.mkdir(parents=True)
    target.write_bytes(b"broken")
    download(home.url, target, SHA256)
    assert target.read_bytes() == CONTENT


def test_without_a_hash_any_content_will_do(home, target):
    home.content = b"new"
    assert download(home.url, target).read_bytes() == b"new"


def test_a_file_that_is_not_there_is_asked_for_once(home, target):
    home.statuses = [404]
    with pytest.raises(DataError) as caught:
        download(home.url, target, SHA256)
    assert str(caught.value) == f"{home.url}: found 404 Not Found; expected a file at this address"
    assert len(home.asked) == 1


def test_a_busy_server_is_asked_again(home, target):
    home.statuses = [503, 429]
    download(home.url, target, SHA256)
    assert len(home.asked) == 3


def test_no_server(monkeypatch, target):
    monkeypatch.setattr(module, "PAUSE", 0)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/train.csv"
    with pytest.raises(DataError) as caught:
        download(url, target, SHA256)
    message = str(caught.value)
    assert message.startswith(f"{url}: found no answer in 4 attempts (")
    assert "Connection refused" in message
    assert message.endswith("expected a connection to the network")
    assert "urllib3" not in message


def test_a_cache_that_cannot_be_written(home, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="expected a folder to write to"):
        download(home.url, tmp_path / "file" / "train.csv", SHA256)
