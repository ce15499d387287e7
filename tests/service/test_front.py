"""The front: processes that end, requests that end them, and limits, before processes of a test."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import struct

import pytest
from fronted import Fronted, post, run

from fullrank.service.server import loop_factory
from fullrank.service.upstream import MOST_ENDS

pytestmark = pytest.mark.posix


@pytest.mark.slow
@pytest.mark.parametrize("loop", [loop_factory(), None], ids=["uvloop", "asyncio"])
def test_no_request_fails_while_processes_end_again_and_again(tmp_path, loop):
    async def told(made: Fronted) -> None:
        draw, ended = random.Random(1), asyncio.Event()

        async def client(number: int) -> int:
            reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
            count = 0
            while not ended.is_set():
                body = f"{number} {count} ".encode() * draw.randint(1, 300)
                writer.write(post(body))
                head = await reader.readuntil(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 200"), head
                size = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
                assert json.loads(await reader.readexactly(size))["body"] == body.decode()
                count += 1
            writer.close()
            return count

        async def kill() -> None:
            for _ in range(12):
                await asyncio.sleep(0.1)
                made.fakes.pop(draw.randrange(2)).kill(half=draw.random() < 0.5)
                await asyncio.sleep(0.05)  # one is left, or none
                if draw.random() < 0.3:
                    made.fakes.pop().kill()
                    await asyncio.sleep(0.05)
                    await made.more()
                await made.more()
            ended.set()

        *counts, _ = await asyncio.gather(*(client(number) for number in range(25)), kill())
        assert min(counts) > 5

    run(tmp_path, told, loop=loop)


def test_a_request_that_ends_every_process_takes_no_other_with_it(tmp_path):
    async def told(made: Fronted) -> None:
        dead: set[object] = set()

        async def replace() -> None:
            while True:
                await asyncio.sleep(0.01)
                for fake in [each for each in made.fakes if each.worker.gone]:
                    made.fakes.remove(fake)
                    dead.add(fake)
                    await made.more()

        replacing = asyncio.create_task(replace())
        found = await asyncio.gather(
            *(made.ask(b"poison" if at == 20 else b"%d" % at) for at in range(60))
        )
        replacing.cancel()
        assert [status for status, _ in found] == [200] * 20 + [502] + [200] * 39
        assert found[20][1]["detail"].startswith(f"found that {MOST_ENDS} processes ended")
        seen = [body for fake in {*dead, *made.fakes} for _, body in fake.seen]
        assert seen.count(b"poison") == MOST_ENDS
        assert all(seen.count(b"%d" % at) <= 2 for at in range(60))

    run(tmp_path, told)


@pytest.mark.slow
def test_what_waits_for_a_process_gets_it_or_is_told(tmp_path):
    async def told(made: Fronted) -> None:
        assert (await made.ask(b"x"))[0] == 503
        ready = await made.raw(b"GET /readyz HTTP/1.1\r\n\r\n")
        assert ready.startswith(b"HTTP/1.1 503")
        assert ready.endswith(b'{"status":"starting"}')
        assert (await made.raw(b"HEAD /healthz HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 200")
        waiting = asyncio.create_task(made.ask(b"y"))
        await asyncio.sleep(0.05)
        await made.more()
        assert (await waiting)[0] == 200
        assert (await made.raw(b"GET /readyz HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 200")
        assert made.fakes[0].seen[-1][0].startswith(b"GET /readyz")

    run(tmp_path, told, count=0, worker_seconds=0.3)


def test_more_than_may_be_worked_on(tmp_path):
    async def told(made: Fronted) -> None:
        for fake in made.fakes:
            fake.pause.clear()
        asking = [asyncio.create_task(made.ask(b"x")) for _ in range(6)]
        while made.front.pool.held < 6:
            await asyncio.sleep(0.01)
        status, document = await made.ask(b"y")
        assert (status, document["detail"]) == (429, "found 6 requests at a time; expected fewer")
        got = await made.raw(post(b"y", b"expect: 100-continue\r\n"))
        assert got.startswith(b"HTTP/1.1 429")
        probe = asyncio.create_task(made.raw(b"GET /healthz HTTP/1.1\r\n\r\n"))
        await asyncio.sleep(0.05)
        for fake in made.fakes:
            fake.pause.set()
        assert [status for status, _ in await asyncio.gather(*asking)] == [200] * 6
        assert (await probe).startswith(b"HTTP/1.1 200")
        assert sorted(len(fake.seen) for fake in made.fakes) == [3, 4]

    run(tmp_path, told, concurrency=3)


def test_a_limit_holds_for_each_process_when_others_are_gone(tmp_path):
    async def told(made: Fronted) -> None:
        made.fakes.pop().kill()
        found = await asyncio.gather(*(made.ask(b"%d" % at) for at in range(4)))
        assert [status for status, _ in found] == [200] * 4
        assert made.fakes[0].most == 2  # the rest waits in the front

    run(tmp_path, told, concurrency=2)


def test_clients_that_hang_up(tmp_path):
    async def told(made: Fronted) -> None:
        for fake in made.fakes:
            fake.pause.clear()
        whole = post(b"x" * 50)
        for cut in (3, 40, len(whole) - 10, len(whole)) * 5:
            _, writer = await asyncio.open_connection("127.0.0.1", made.port)
            writer.write(whole[:cut])
            await writer.drain()
            await asyncio.sleep(0.005)
            line = writer.get_extra_info("socket")
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        while made.front.clients:
            await asyncio.sleep(0.01)
        assert made.front.pool.held == 5  # what processes still work on
        for fake in made.fakes:
            fake.pause.set()
        while made.front.pool.held:
            await asyncio.sleep(0.01)
        assert (await made.ask(b"z"))[0] == 200

    run(tmp_path, told)


def test_the_end_answers_what_has_begun_to_come(tmp_path):
    async def told(made: Fronted) -> None:
        idle, _ = await asyncio.open_connection("127.0.0.1", made.port)
        half, writer = await asyncio.open_connection("127.0.0.1", made.port)
        writer.write(post(b"hello")[:-2])
        probe, probing = await asyncio.open_connection("127.0.0.1", made.port)
        probing.write(b"GET /readyz HTTP/1.1\r\ncontent-length: 2\r\n\r\n1")
        for fake in made.fakes:
            fake.pause.clear()
        asking = asyncio.create_task(made.ask(b"worked on"))
        await asyncio.sleep(0.05)
        ending = asyncio.create_task(made.front.drain())
        assert await idle.read() == b""
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", made.port)
        writer.write(b"lo")
        probing.write(b"2")
        got = await probe.read()
        assert got.startswith(b"HTTP/1.1 503")
        assert got.endswith(b'{"status":"ending"}')
        for fake in made.fakes:
            fake.pause.set()
        got = await half.read()
        assert got.startswith(b"HTTP/1.1 200 OK\r\nconnection: close")
        assert json.loads(got.partition(b"\r\n\r\n")[2])["body"] == "hello"
        assert (await asking)[0] == 200
        await ending
        for each in (writer, probing):
            each.close()

    run(tmp_path, told)
