"""What workers say to each other: the collectives of torch.distributed, each timed and counted."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

import torch
import torch.distributed as dist
from torch import Tensor

PATIENCE = timedelta(minutes=30)
"""How long a worker waits for the others; one that has died is noticed at once."""

# From torch 2.13 on under new names, of which the old ones warn.
_ALL_GATHER: Any = getattr(dist, "all_gather_single", None) or dist.all_gather_into_tensor
_REDUCE_SCATTER: Any = getattr(dist, "reduce_scatter_single", None) or dist.reduce_scatter_tensor


@dataclass
class Meter:
    """What one kind of collective has cost a worker so far."""

    calls: int = 0
    seconds: float = 0.0
    sent: int = 0
    """Bytes to other workers, were each message to go to its receiver directly."""


@dataclass(eq=False)
class Group:
    """Some workers, each of which calls the same functions in the same order.

    A group of one says everything to itself, without torch.distributed.

    Args:
        rank: Number of this worker.
        size: Number of workers, W.
        device: Where the tensors are that it sends.
        handle: The process group; the default one if absent.
    """

    rank: int = 0
    size: int = 1
    device: str = "cpu"
    handle: Any = None
    meters: dict[str, Meter] = field(default_factory=dict)

    def all_to_all(self, rows: Tensor, sends: Sequence[int], receives: Sequence[int]) -> Tensor:
        """Rows (n, ...) for each worker in turn to the rows that each worker in turn has sent.

        Args:
            rows: ``sends[w]`` rows for worker w, w by w.
            sends: (W,) their numbers.
            receives: (W,) how many rows each worker sends to this one.
        """
        if self.size == 1:
            return rows
        rows = rows.contiguous()
        received = rows.new_empty((sum(receives), *rows.shape[1:]))
        each = rows[:1].numel() if len(rows) else 0
        apart = each * (len(rows) - sends[self.rank]) * rows.element_size()
        with self.metered("all_to_all", apart):
            dist.all_to_all_single(
                received, rows, list(receives), list(sends), group=self.handle
            )  # fmt: skip
        return received

    def gather(self, rows: Tensor, counts: Sequence[int]) -> Tensor:
        """The rows (n, ...) of all workers, worker by worker; ``counts[w]`` of worker w.

        Without a gradient: see `fullrank.scale.gathering`.
        """
        most = max(counts)
        if self.size == 1 or not most:
            return rows
        padded = _padded(rows, most)
        received = rows.new_empty((self.size * most, *rows.shape[1:]))
        with self.metered("all_gather", (self.size - 1) * _bytes(rows)):
            _ALL_GATHER(received, padded, group=self.handle)
        parts = received.view(self.size, most, *rows.shape[1:])
        if min(counts) == most:
            return received
        return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])

    def scatter_sum(self, rows: Tensor, counts: Sequence[int]) -> Tensor:
        """The reverse of `gather`: of (Σ counts, ...) rows each worker gets the sum of its own."""
        most = max(counts)
        if self.size == 1 or not most:
            return rows
        padded = torch.cat([_padded(part, most) for part in torch.split(rows, list(counts))])
        received = rows.new_empty((most, *rows.shape[1:]))
        apart = _bytes(rows) * (self.size - 1) // self.size
        with self.metered("reduce_scatter", apart):
            _REDUCE_SCATTER(received, padded, group=self.handle)
        return received[: counts[self.rank]]

    def all_reduce(self, values: Tensor, how: Literal["sum", "max", "min"] = "sum") -> Tensor:
        """Element by element over all workers; a new tensor."""
        values = values.clone()
        if self.size == 1:
            return values
        by = {"sum": dist.ReduceOp.SUM, "max": dist.ReduceOp.MAX, "min": dist.ReduceOp.MIN}
        apart = 2 * _bytes(values) * (self.size - 1) // self.size
        with self.metered("all_reduce", apart):
            dist.all_reduce(values, by[how], group=self.handle)
        return values

    def totals(self, *numbers: float) -> list[float]:
        """Sums of some numbers over all workers."""
        values = torch.tensor(numbers, dtype=torch.float64, device=self.device)
        found: list[float] = self.all_reduce(values).tolist()
        return found

    def of_each(self, *numbers: float) -> Tensor:
        """(W, n) float64 on the CPU: the numbers of each worker."""
        row = torch.tensor([numbers], dtype=torch.float64, device=self.device)
        return self.gather(row, [1] * self.size).cpu()

    def barrier(self) -> None:
        """Waits until all workers are here."""
        self.totals(0.0)

    @contextmanager
    def metered(self, name: str, sent: int = 0) -> Iterator[None]:
        """Counts what is waited for inside as that collective."""
        began = time.perf_counter()
        yield
        if self.device != "cpu":
            torch.cuda.synchronize()
        meter = self.meters.setdefault(name, Meter())
        meter.calls += 1
        meter.seconds += time.perf_counter() - began
        meter.sent += sent

    @property
    def waited(self) -> float:
        """Seconds in all collectives so far."""
        return sum(meter.seconds for meter in self.meters.values())

    def costs(self) -> dict[str, dict[str, float]]:
        """The meters, for metadata."""
        return {name: dict(vars(meter)) for name, meter in sorted(self.meters.items())}


def joined(
    where: str, rank: int, size: int, device: str = "cpu", patience: timedelta = PATIENCE
) -> tuple[Group, Group]:
    """Joins a group: the one that trains, and one on the CPU for what is prepared ahead of it.

    Each is used by one thread alone, so that all workers say the same in the same order.

    Args:
        where: A ``tcp://`` or ``file://`` address that all workers know.
        rank: Number of this worker.
        size: Number of workers.
        device: ``cpu`` for gloo, ``cuda`` for NCCL.
        patience: How long to wait for the others.
    """
    backend = "gloo" if device == "cpu" else "nccl"
    dist.init_process_group(
        backend, init_method=where, rank=rank, world_size=size, timeout=patience
    )
    ahead = dist.new_group(backend="gloo", timeout=patience)
    return Group(rank, size, device), Group(rank, size, "cpu", ahead)


def left() -> None:
    """Leaves the group that this process has joined, if any."""
    if dist.is_initialized():
        dist.destroy_process_group()


def _padded(rows: Tensor, length: int) -> Tensor:
    if len(rows) == length:
        return rows.contiguous()
    return torch.cat((rows, rows.new_zeros((length - len(rows), *rows.shape[1:]))))


def _bytes(values: Tensor) -> int:
    return values.numel() * values.element_size()
