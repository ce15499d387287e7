"""Jobs that wait together are computed together, and an idle service waits for nothing."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from fullrank.service import batching
from fullrank.service.batching import Batcher


class Products:
    """What was computed: the jobs of each product, which take some seconds each."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds, self.made = seconds, []
        self.threads: list[bool] = []

    def __call__(self, jobs: Sequence[int]) -> list[int]:
        self.made.append(list(jobs))
        self.threads.append(threading.current_thread() is threading.main_thread())
        time.sleep(self.seconds)
        if 13 in jobs:
            raise ValueError("thirteen")
        return [10 * job for job in jobs]


def ran(
    products: Products, use: Callable[[Batcher[int, int]], Awaitable[Any]], size: int = 1
) -> Any:
    async def run() -> Any:
        made: Batcher[int, int] = Batcher(products, lambda job: size, lambda *_: None)
        try:
            return await asyncio.wait_for(use(made), 20)
        finally:
            made.close()

    return asyncio.run(run())


def test_one_turn_of_the_loop_is_one_product():
    products = Products()

    async def use(batcher):
        return await asyncio.gather(*(batcher.submit(job) for job in range(5)))

    assert ran(products, use) == [0, 10, 20, 30, 40]
    assert products.made == [[0, 1, 2, 3, 4]]


def test_what_comes_during_a_product_waits_for_its_end():
    products = Products(0.05)

    async def use(batcher):
        first = batcher.submit(0)
        await asyncio.sleep(0.01)
        later = [batcher.submit(job) for job in (1, 2, 3)]
        return [await each for each in (first, *later)]

    assert ran(products, use) == [0, 10, 20, 30]
    assert products.made == [[0], [1, 2, 3]]


def test_a_job_alone_does_not_wait(monkeypatch):
    for name in ("WINDOW", "LONGEST"):
        monkeypatch.setattr(batching, name, 1.0)
    products = Products(0.002)

    async def use(batcher):
        begun = time.perf_counter()
        for job in range(20, 40):
            await batcher.submit(job)
        return time.perf_counter() - begun

    assert ran(products, use) < 10
    assert len(products.made) == 20


def test_under_load_a_product_waits_for_the_clients_of_the_last(monkeypatch):
    """Those who were answered together ask again one after the other, within the window."""
    for name in ("WINDOW", "LONGEST"):
        monkeypatch.setattr(batching, name, 5.0)  # however busy the machine
    products = Products(0.04)

    async def client(batcher, number):
        await batcher.submit(number)
        await asyncio.sleep(0.002 * number)
        await batcher.submit(number)

    async def use(batcher):
        await asyncio.gather(*(client(batcher, number) for number in range(6)))

    ran(products, use)
    assert [sorted(each) for each in products.made] == [list(range(6))] * 2


def test_a_client_that_is_gone_holds_up_nobody():
    products = Products(0.04)

    async def use(batcher):
        futures = [batcher.submit(job) for job in range(4)]
        await asyncio.gather(*futures)
        return await batcher.submit(5)  # the others do not come again

    begun = time.perf_counter()
    assert ran(products, use) == 50
    assert time.perf_counter() - begun < 5


@pytest.mark.slow
def test_small_products_are_computed_in_the_loop_and_others_beside_it(monkeypatch):
    monkeypatch.setattr(batching, "INLINE", 0.02)  # far from both, however busy the machine
    for seconds, inside in ((0.0, True), (0.06, False)):
        products = Products(seconds)

        async def use(batcher):
            for job in range(20, 40):
                await batcher.submit(job)

        ran(products, use)
        assert products.threads[0] is False  # nothing is known of the first
        assert set(products.threads[15:]) == {inside}


def test_a_product_has_a_bound():
    products = Products()

    async def use(batcher):
        return await asyncio.gather(*(batcher.submit(job) for job in range(20, 25)))

    assert ran(products, use, size=batching.MOST // 2) == [200, 210, 220, 230, 240]
    assert [len(each) for each in products.made] == [2, 2, 1]


def test_a_job_that_fails_fails_alone():
    products = Products()

    async def use(batcher):
        futures = [batcher.submit(job) for job in (1, 13, 2)]
        return await asyncio.gather(*futures, return_exceptions=True)

    first, failed, last = ran(products, use)
    assert (first, last) == (10, 20)
    with pytest.raises(ValueError, match="thirteen"):
        raise failed


def test_a_job_that_nobody_waits_for_is_not_computed():
    products = Products()

    async def use(batcher):
        kept, dropped = batcher.submit(1), batcher.submit(2)
        dropped.cancel()
        return await kept

    assert ran(products, use) == 10
    assert products.made == [[1]]
