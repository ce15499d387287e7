"""What Prometheus reads: requests, their seconds, products, loads; of all processes together."""

from __future__ import annotations

import os
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The client's own variable: where processes keep their numbers, for whichever is asked."""
CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """The counters of a process.

    `FOLDER` is set before this module is imported where there are several processes.
    """

    def __init__(self) -> None:
        own = CollectorRegistry()
        self._registry, self._shared = own, FOLDER in os.environ
        self.requests = Counter(
            "fullrank_requests", "Requests by endpoint and status.", ("endpoint", "status"),
            registry=own,
        )  # fmt: skip
        self.seconds = Histogram(
            "fullrank_request_seconds", "Seconds from a request's header to its answer.",
            ("endpoint",), buckets=SECONDS, registry=own,
        )  # fmt: skip
        self.batch = Histogram(
            "fullrank_product_requests", "Requests ranked in one product.", buckets=SIZES,
            registry=own,
        )  # fmt: skip
        self.product = Histogram(
            "fullrank_product_seconds", "Seconds of a product.", buckets=SECONDS, registry=own
        )
        self.loads = Counter(
            "fullrank_model_loads", "Models loaded after the first, by result.", ("result",),
            registry=own,
        )  # fmt: skip
        self.in_flight = Gauge(
            "fullrank_requests_in_flight", "Requests that are worked on.", registry=own,
            multiprocess_mode="livesum",
        )  # fmt: skip
        self._counted: dict[tuple[str, int], Counter] = {}
        self._timed: dict[str, Histogram] = {}

    def request(self, endpoint: str, status: int, seconds: float) -> None:
        """Counts a request."""
        counted = self._counted.get((endpoint, status))
        if counted is None:
            counted = self.requests.labels(endpoint, str(status))
            self._counted[endpoint, status] = counted
        counted.inc()
        timed = self._timed.get(endpoint)
        if timed is None:
            timed = self._timed[endpoint] = self.seconds.labels(endpoint)
        timed.observe(seconds)

    def ranked(self, jobs: int, seconds: float) -> None:
        """Counts a product."""
        self.batch.observe(jobs)
        self.product.observe(seconds)

    def text(self) -> bytes:
        """The page for Prometheus."""
        if not self._shared:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)


def forget(pid: int) -> None:
    """Drops the gauges of a process that has ended; what it counted stays."""
    if FOLDER in os.environ and Path(os.environ[FOLDER]).is_dir():
        mark_process_dead(pid)  # type: ignore[no-untyped-call]
