"""What a service may be set to; each bound is in its type."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from fullrank.settings import Settings

Count = Annotated[int, Field(ge=1, le=10**9)]


class ServiceSettings(Settings):
    """Settings of `fullrank serve`."""

    folders: Annotated[tuple[str, ...], Field(min_length=1)]
    """Model folders, or folders of versions with a link ``current``; the first is the default."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """Port to listen on; 0 takes a free one."""
    workers: Annotated[int, Field(ge=1, le=256)] = 1
    """Processes that answer."""
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    """Threads of each process for the product; the cores shared out among processes if absent."""
    ann: bool | None = None
    """Whether lists come from an index of the items; if absent, those of more than a million."""
    unknown: Literal["popular", "404"] = "popular"
    """What an unknown user gets: the popular list, or a problem with status 404."""
    max_body: Count = 2**20
    """Bytes of a request's body."""
    max_k: Count = 1000
    """Length of a list."""
    max_ids: Count = 1000
    """Users, items of a history, allowed or denied items of a request, each."""
    concurrency: Count = 256
    """Requests that a process works on at a time; one more than all work on is answered 429."""
    body_seconds: Annotated[float, Field(gt=0)] = 10.0
    """Seconds that a client may take for a header or a body."""
    drain_seconds: Count = 30
    """Seconds for the last answers after SIGTERM."""
    worker_seconds: Annotated[float, Field(gt=0)] = 120.0
    """Seconds that a request may wait for a process while there is none."""
    poll_seconds: Annotated[float, Field(gt=0)] = 1.0
    """How often the folders are looked at for a new model."""
    access_log: bool = True
    """A line of JSON on standard output for each request."""
    log_ids: bool = False
    """Whether these lines hold the ids that were asked for."""
    key_file: str | None = None
    """File of API keys, one a line; without it no key is asked for."""

    @property
    def max_items(self) -> int:
        """Recommended items of one answer, over all its lists."""
        return 100 * self.max_k
