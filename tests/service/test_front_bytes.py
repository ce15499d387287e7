"""What the front makes of bytes: framing towards clients, one exact length for processes."""

from __future__ import annotations

import asyncio
import json

import pytest
from fronted import Fronted, post, run

pytestmark = pytest.mark.posix
GET = b"GET /v1/model HTTP/1.1\r\nhost: a\r\n\r\n"


def bodies(got: bytes) -> list[str]:
    """What each of several answers says of the body that was asked with."""
    return [
        json.loads(each.partition(b"\r\n\r\n")[2])["body"] for each in got.split(b"HTTP/1.1 ")[1:]
    ]


@pytest.mark.slow
def test_requests_in_one_write_are_answered_in_order(tmp_path):
    async def told(made: Fronted) -> None:
        wanted = [f"{at}" for at in range(300)]
        got = await made.raw(b"".join(post(each.encode()) for each in wanted))
        assert bodies(got) == wanted
        got = await made.raw(post(b"1") + post(b"2", b"connection: close\r\n") + post(b"3"))
        assert bodies(got) == ["1", "2"]
        got = await made.raw(post(b"1") + b"nonsense\r\n\r\n" + post(b"2"))
        assert [each[:3] for each in got.split(b"HTTP/1.1 ")[1:]] == [b"200", b"400"]

    run(tmp_path, told)


def test_what_a_process_gets(tmp_path):
    async def told(made: Fronted) -> None:
        pieces = b"3;x=1\r\nabc\r\n2\r\nde\r\n0\r\ntrailer: 1\r\nx-api-key: 2\r\n\r\n"
        more = b"host: a\r\nX-API-Key: k\r\nte: x\r\nkeep-alive: 5\r\nconnection: keep-alive, x\r\n"
        head = b"POST /v1/similar?a=b HTTP/1.1\r\ntransfer-encoding: chunked\r\n" + more + b"\r\n"
        got = await made.raw(head + pieces)
        assert bodies(got) == ["abcde"], got
        (seen,) = [each for fake in made.fakes for each in fake.seen]
        own = b"host: a\r\nx-api-key: k\r\ncontent-length: 5\r\n\r\n"
        assert seen == (b"POST /v1/similar?a=b HTTP/1.1\r\n" + own, b"abcde")

    run(tmp_path, told)


@pytest.mark.parametrize(
    ("data", "starts", "closes"),
    [
        (GET, b"HTTP/1.1 200", False),
        (b"HEAD /v1/model HTTP/1.1\r\n\r\n", b"HTTP/1.1 200", False),
        (GET.replace(b"1.1", b"1.0"), b"HTTP/1.1 200", True),
        (GET.replace(b"host: a", b"Connection: Close"), b"HTTP/1.1 200", True),
        (GET.replace(b"host: a", b"connection: close, upgrade\r\nupgrade: h2c"), b"HTTP/1.1 200",
         True),
        (post(b"x", b"expect: 100-continue\r\n"), b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200",
         False),
        (post(b"x" * 101), b"HTTP/1.1 413", True),
        (post(b"x" * 101, b"expect: 100-continue\r\n"), b"HTTP/1.1 413", True),
        (post(b"x").replace(b"length: 1", b"length: 1" + b"0" * 30), b"HTTP/1.1 400", True),
        (b"GET http://[/ HTTP/1.1\r\n\r\n", b"HTTP/1.1 400", True),
        (b"hello\r\n\r\n", b"HTTP/1.1 400", True),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 12_000, b"HTTP/1.1 431", True),
    ],
)  # fmt: skip
def test_an_answer_and_whether_it_closes(tmp_path, data, starts, closes):
    async def told(made: Fronted) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
        writer.write(data)
        if not closes:
            writer.write(GET)
        got = b""
        async with asyncio.timeout(5):
            while closes or got.count(b"HTTP/1.1 2") < 2:
                part = await reader.read(65536)
                got += part
                if not part:
                    break
        writer.close()
        assert got.startswith(starts), got[:200]
        assert (b"connection: close" in got) == closes

    run(tmp_path, told, max_body=100)


def test_lines_without_end_behind_a_body(tmp_path):
    async def told(made: Fronted) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
        writer.write(b"POST /v1/similar HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n")
        for _ in range(4):
            writer.write(b"a: b\r\n" * 5_000)
            await asyncio.sleep(0.02)
        assert (await reader.read()).startswith(b"HTTP/1.1 431")
        writer.close()

    run(tmp_path, told)


@pytest.mark.slow
def test_slow_clients(tmp_path):
    async def told(made: Fronted) -> None:
        late = [GET[:-5], post(b"hello")[:-1], post(b"x" * 200)[:-1]]
        found = await asyncio.gather(*(made.raw(each, end=False) for each in late))
        assert [each[9:12] for each in found] == [b"", b"408", b"413"]
        assert b"found 4 bytes; expected the rest within 0.3 s" in found[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
        for _ in range(3):  # a header of each has its own time
            writer.write(GET)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            await reader.readuntil(b"}")
            await asyncio.sleep(0.2)
        writer.close()

    run(tmp_path, told, max_body=100, body_seconds=0.3)


def test_a_client_that_reads_slowly_has_its_answers(tmp_path):
    async def told(made: Fronted) -> None:
        body = b"x" * 400_000
        reader, writer = await asyncio.open_connection("127.0.0.1", made.port, limit=2**24)
        for _ in range(8):
            writer.write(post(body))
        await asyncio.sleep(0.3)
        writer.write_eof()
        assert [len(each) for each in bodies(await reader.read())] == [len(body)] * 8
        writer.close()

    run(tmp_path, told)


def test_what_the_front_refuses_is_counted_and_logged(tmp_path, capsys):
    async def told(made: Fronted) -> None:
        await made.raw(b"hello\r\n\r\n")
        await made.raw(post(b"x" * 200))
        _, writer = await asyncio.open_connection("127.0.0.1", made.port)
        writer.write(post(b"hello")[:-1])
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.close()

    run(tmp_path, told, access_log=True, max_body=100)
    lines = [json.loads(each) for each in capsys.readouterr().out.splitlines()]
    assert [(each["endpoint"], each["status"]) for each in lines] == [
        ("front", 400), ("front", 413), ("front", 499),
    ]  # fmt: skip
    assert lines[1]["method"] == "POST"
