"""Steps on a GPU without the cost of launching them: captured once, then replayed."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from copy import deepcopy
from typing import ClassVar

import torch
from torch import Tensor

from fullrank.data.sampling import Batch
from fullrank.encoders import Encoder, TensorBatch
from fullrank.engine.autograd import AutogradEngine
from fullrank.engine.batches import on_device, step_of
from fullrank.engine.step import Optimizer, Step, on_gpu

WARM_UP = 3
"""Steps before the capture, as torch asks for, at a learning rate of zero."""


class CapturedEngine:
    """Steps whose every operation and shape is the same: a CUDA graph, replayed for each batch.

    A step of matrix factorisation is some sixty small kernels, and on a GPU launching one takes
    longer than running it. The batch, the learning rate and the sum of losses lie in tensors that
    stay where they are; the graph reads and writes them.

    On a processor nothing is captured and the steps are made one after the other, with the same
    results.
    """

    name: ClassVar[str] = "cuda graph"
    most = 512

    def __init__(self, step: Step, encoder: Encoder, optimizer: Optimizer) -> None:
        self.plain = AutogradEngine(step, encoder, optimizer)
        self.device = device = step.device
        self._lr = torch.zeros((), device=device)
        self._total = torch.zeros((), dtype=torch.float64, device=device)
        self._batch: TensorBatch | None = None
        self._replay: Callable[[], None] | None = None

    @classmethod
    def supports(cls, step: Step, encoder: Encoder, optimizer: Optimizer) -> str | None:
        """See `fullrank.engine.step.Engine.supports`."""
        if not on_gpu(step):
            return "not on a GPU"
        if not (encoder.static and (step.balance is None or step.balance.static)) or step.dropout:
            return "steps are not the same operations for every batch"
        if optimizer.rule != "sgd":
            return "an update rule that is not linear in the learning rate"
        if os.environ.get("FULLRANK_CUDA_GRAPH") == "0":
            return "FULLRANK_CUDA_GRAPH is 0"
        return None

    def steps(self, batches: Batch, lr: float, losses: Tensor) -> None:
        """See `fullrank.engine.step.Engine.steps`."""
        stacked = on_device(batches, self.device)
        if self._batch is None or self._replay is None:
            # A copy: on a processor these share their memory with the batches.
            self._batch = deepcopy(on_device(step_of(batches, 0), self.device))
            self._replay = self._captured(self._batch, step_of(batches, 0))
        self._lr.fill_(lr)
        self._total.copy_(losses)
        for step in range(len(batches.user_idx)):
            for now, part in zip(self._batch, stacked, strict=True):
                if now is not None and part is not None:
                    now.copy_(part[step])
            self._replay()
        losses.copy_(self._total)

    def _captured(self, indices: TensorBatch, batch: Batch) -> Callable[[], None]:
        def step() -> None:
            self._total.add_(self.plain.step(indices, batch, self._lr))

        if torch.device(self.device).type != "cuda":
            return step
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                step()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph):
                step()
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            warnings.warn(
                f"training: no CUDA graph of a step ({str(error).splitlines()[0]}); steps are "
                "launched one by one, which is slower",
                RuntimeWarning,
                stacklevel=2,
            )
            return step
        return graph.replay
