"""The models that are served, what ranks with them, and the change from one to the next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from fullrank.errors import FullrankError
from fullrank.service import models
from fullrank.service.access_log import AccessLog, say
from fullrank.service.answers import items_of
from fullrank.service.batching import Batcher
from fullrank.service.indexing import indexed
from fullrank.service.keys import Keys
from fullrank.service.messages import Item, ModelName
from fullrank.service.metrics import Metrics
from fullrank.service.models import Version
from fullrank.service.panels import Panels
from fullrank.service.problems import Problem
from fullrank.service.ranking import Job, Served
from fullrank.service.settings import ServiceSettings

T = TypeVar("T")
Lists = list[list[Item]]


class Slot:
    """One of the folders: the model that answers now, and what would replace it.

    Args:
        name: By which requests ask for it.
        folder: The model folder, or the folder of versions.
        max_k: Length of the longest list.
        panels: Where processes share what is made of a model.
    """

    def __init__(self, name: str, folder: Path, max_k: int, panels: Panels) -> None:
        self.name, self.folder, self.max_k, self.panels = name, folder, max_k, panels
        self.ann: bool | None = False
        self.seen: Version | None = models.version_of(folder)
        self.served = self.load()

    def load(self) -> Served:
        """The model that lies in the folder now, ready to answer.

        Raises:
            FullrankError: there is none that can be served.
        """
        model, own, version = models.load(self.folder)
        self.panels.share(self.name, model, own)
        served = Served(self.name, model, own, version, self.max_k)
        served.index = indexed(self.name, model, own, self.ann)
        served.warm()
        return served

    def use_index(self, ann: bool | None) -> None:
        """Gives the lists of this and of later models an index; see `indexed`."""
        self.ann, served = ann, self.served
        served.index = indexed(self.name, served.model, served.folder, ann)

    def changed(self) -> bool:
        """Whether another model lies there than was last looked at; it then counts as seen."""
        now = models.version_of(self.folder)
        if now is None or now == self.seen:
            return False
        self.seen = now
        return True


class Service:
    """What every endpoint works with.

    Args:
        settings: Of the service.
        slots: The models, by name; the first is the default.
        keys: Who may ask.
    """

    def __init__(self, settings: ServiceSettings, slots: dict[str, Slot], keys: Keys) -> None:
        self.settings, self.slots, self.keys = settings, slots, keys
        self.metrics = Metrics()
        self.log = AccessLog(wanted=settings.access_log)
        self.in_flight = 0
        self.draining = False
        self._aside = ThreadPoolExecutor(1, "aside")
        self._loads = ThreadPoolExecutor(1, "load")
        self._batcher: Batcher[tuple[Served, Job], Lists] | None = None
        for slot in slots.values():
            slot.use_index(settings.ann)

    def open(self) -> None:
        """Called in the loop that answers, before it does."""
        self._batcher = Batcher(_lists, lambda each: each[1].size, self.metrics.ranked)

    def close(self) -> None:
        """Called after the last answer."""
        for pool in (self._aside, self._loads):
            pool.shutdown(wait=False, cancel_futures=True)
        if self._batcher is not None:
            self._batcher.close()
        self.log.close()

    def served(self, name: str | None) -> Served:
        """The model of a name, the first if it is absent.

        Raises:
            Problem: there is no such model.
        """
        if name is None:
            return next(iter(self.slots.values())).served
        slot = self.slots.get(name)
        if slot is None:
            known = ", ".join(self.slots)
            raise Problem(404, f"found no model of this name; expected one of {known}", "$.model")
        return slot.served

    @property
    def names(self) -> list[ModelName]:
        """Names and versions of all models."""
        return [slot.served.name for slot in self.slots.values()]

    async def lists(self, served: Served, job: Job) -> Lists:
        """The lists of a job, ranked with those of others that wait."""
        assert self._batcher is not None, "open first"  # noqa: S101
        return await self._batcher.submit((served, job))

    async def aside(self, work: Callable[[], T]) -> T:
        """The result of work that would hold up the loop, in a thread beside that of the lists."""
        return await asyncio.get_running_loop().run_in_executor(self._aside, work)

    async def watch(self) -> None:
        """Takes a new model as soon as it is loaded; a broken one is logged, and the old stays."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self.settings.poll_seconds)
            for slot in self.slots.values():
                if await loop.run_in_executor(self._loads, slot.changed):
                    await loop.run_in_executor(self._loads, self._replace, slot)

    def _replace(self, slot: Slot) -> None:
        before = slot.served.name.version
        try:
            slot.served = slot.load()
        except (FullrankError, OSError, MemoryError, RuntimeError, ValueError) as error:
            self.metrics.loads.labels("refused").inc()
            say(f"model {slot.name}: version {before} stays: {error}")
            return
        self.metrics.loads.labels("taken").inc()
        say(f"model {slot.name}: version {slot.served.name.version} in the place of {before}")


def _lists(jobs: Sequence[tuple[Served, Job]]) -> list[Lists | Exception]:
    """The lists of jobs of one model or of several."""
    found: dict[int, Lists | Exception] = {}
    by_model: dict[int, list[int]] = {}
    for at, (served, _) in enumerate(jobs):
        by_model.setdefault(id(served), []).append(at)
    for places in by_model.values():
        served = jobs[places[0]][0]
        rankings = served.rank([jobs[at][1] for at in places])
        found |= zip(places, items_of(rankings, served.items), strict=True)
    return [found[at] for at in range(len(jobs))]
