"""Who makes the steps: compiled kernels where a method has a closed form, autograd elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullrank import native
from fullrank.data.graph import Nearness
from fullrank.data.sampling import Batch
from fullrank.encoders import MF, FactoredLightGCN, LightGCN, TensorBatch
from fullrank.training.dropout import pair_keys
from fullrank.training.optim import Optimizer
from fullrank.training.settings import TrainingSettings

LARGEST_TAU = 80.0
"""exp(τ) must stay far from the end of float32, for the kernels do not subtract the maximum."""


class Engine(Protocol):
    """Makes steps on some plan's parameters."""

    most: int
    """Steps that it takes at a time, at most."""

    def steps(self, batches: Batch, lr: float, losses: Tensor) -> None:
        """Makes a step of each row of ``batches`` (arrays (s, B) and (s, B, N)).

        Adds the loss of each step to ``losses``, a float64 scalar on the plan's device.
        """
        ...


@dataclass(frozen=True)
class ClosedForm:
    """What a compiled step has to know of a method on free rows.

    Args:
        objective: A name that `fullrank.native` knows.
        balance: ``none``, ``directspec`` or ``directspec+``.
        values: Those of ``alpha``, ``tau``, ``tau_near`` and ``shrink`` that the balance has, or
            those of ``margin``, ``weight`` and ``dropout`` that the objective has.
        nearness: Who is near, where two values of τ depend on it.
        watch: Is shown the raw rows (2, B, d) of a batch now and then.
    """

    objective: str
    balance: str = "none"
    values: Mapping[str, float] = field(default_factory=dict)
    nearness: Nearness | None = None
    watch: Callable[[Tensor], None] | None = None


@dataclass(eq=False)
class NativeEngine:
    """Steps in compiled code, on two float32 tables in the memory of the processor."""

    encoder: MF | FactoredLightGCN
    form: ClosedForm
    settings: TrainingSettings
    optimizer: Optimizer
    _made: Any = field(default=None, init=False)

    most = 512

    def steps(self, batches: Batch, lr: float, losses: Tensor) -> None:
        """See `Engine.steps`."""
        decay = self.settings.weight_decay / self.settings.batch_size
        step = native.OptimizerStep(self.settings.optimizer, lr, decay, **self.optimizer.constants)
        tables = self._table("user_table"), self._table("item_table")
        negatives = batches.negative_idx
        drawn: tuple[NDArray[Any] | None, ...] = ()
        if negatives is not None:
            drawn = negatives, keys_of(batches, self.form)
        if self.form.watch is not None:
            users, items = (torch.from_numpy(each[0]) for each in batches[:2])
            self.form.watch(self.encoder.rows(TensorBatch(users, items, None)).pair.detach())
        made = self._steps(batches)
        total = losses.item()
        for loss in made.run(tables, step, batches.user_idx, batches.item_idx, *drawn).tolist():
            total += loss  # one by one: the sum must not depend on how steps are bundled
        losses.fill_(total)

    def _table(self, name: str) -> native.ParameterTable:
        table = self.encoder.parameters[name]
        state = self.optimizer.prepared(name, table)
        arrays = {key: each.numpy() for key, each in state.items()}
        return native.ParameterTable(table.numpy(), arrays)

    def _steps(self, batches: Batch) -> Any:
        if self._made is None:
            negatives = batches.negative_idx
            if negatives is None:
                self._made = pair_steps(self.encoder, self.form, self.settings)
            else:
                pairs = batches.user_idx.shape[1]
                self._made = negative_steps(_shape(self.encoder), pairs, negatives[0], self.form)
        return self._made


def _shape(encoder: MF | FactoredLightGCN | LightGCN) -> tuple[int, int, int]:
    return len(encoder.user_table), *encoder.item_table.shape


def pair_steps(
    encoder: MF | FactoredLightGCN | LightGCN, form: ClosedForm, settings: TrainingSettings
) -> native.PairSteps:
    """The compiled steps on observed pairs of a method."""
    return native.PairSteps(
        _shape(encoder),
        settings.batch_size,
        torch.get_num_threads(),
        objective=form.objective,
        balance=form.balance,
        values=form.values,
        graph=None if form.nearness is None else form.nearness.neighbours(),
        by_distance=form.nearness is not None,
        low_rank=_low_rank(encoder) if isinstance(encoder, FactoredLightGCN) else None,
    )


def negative_steps(
    shape: tuple[int, int, int], pairs: int, negatives: NDArray[np.int64], form: ClosedForm
) -> native.NegativeSteps:
    """The compiled steps of a method on tables of ``shape`` (U, I, d).

    Args:
        shape: Users, items, d.
        pairs: B.
        negatives: (B, N), or (1, N) where the pairs share them, of some batch.
        form: The method.
    """
    return native.NegativeSteps(
        shape,
        pairs,
        negatives.shape[1],
        torch.get_num_threads(),
        form.objective,
        form.values,
        shared=len(negatives) < pairs,
    )


def keys_of(batch: Batch, form: ClosedForm) -> NDArray[np.uint64] | None:
    """What dropout goes by, if the method has it."""
    return pair_keys(batch) if form.values.get("dropout") else None


def native_engine(
    encoder: Any, form: ClosedForm | None, settings: TrainingSettings, optimizer: Optimizer
) -> NativeEngine | None:
    """The compiled steps of a method, if it has a closed form and this machine can run it."""
    known = isinstance(encoder, MF | FactoredLightGCN)
    if form is None or not known or not runs_compiled(encoder, form, settings):
        return None
    if isinstance(encoder, FactoredLightGCN) and not _fits(encoder, form):
        return None
    return NativeEngine(encoder, form, settings, optimizer)


def runs_compiled(encoder: Any, form: ClosedForm, settings: TrainingSettings) -> bool:
    """Whether there are kernels, for tables like these and values like these."""
    if native.library() is None:
        return False
    plain = all(
        table.device.type == "cpu" and table.dtype == torch.float32 and table.is_contiguous()
        for table in encoder.parameters.values()
    )
    too_sharp = form.values.get("tau", 0.0) > LARGEST_TAU
    nearness = form.nearness
    too_far = nearness is not None and (nearness.distance >= 4 or settings.batch_size > 4096)
    return plain and not too_sharp and not too_far


def _fits(encoder: FactoredLightGCN, form: ClosedForm) -> bool:
    """Whether the compiled steps can smooth: whole vectors, and no sampled items."""
    return encoder.user_table.shape[1] % native.VECTOR == 0 and form.objective in native.PAIRWISE


def _low_rank(encoder: FactoredLightGCN) -> native.LowRank:
    filtered = encoder.filter
    users, items = (table.numpy() for table in encoder.bases)
    low_users, low_items = encoder.user_low.numpy(), encoder.item_low.numpy()
    edges = encoder.hops.edges
    assert edges is not None  # noqa: S101  # there is a library, and float32 on the processor
    return native.LowRank(
        filtered.identity,
        filtered.hop,
        filtered.even.numpy(),
        filtered.odd.numpy(),
        (users, items),
        (low_users, low_items),
        (edges[0], edges[1]),
    )


def on_device(batch: Batch, device: str) -> TensorBatch:
    """A batch, or a bundle of them, where it trains."""
    users, items, negatives = (
        None if part is None else torch.from_numpy(part).to(device, non_blocking=True)
        for part in batch
    )
    assert users is not None  # noqa: S101  # narrows the type; a batch always has pairs
    assert items is not None  # noqa: S101
    return TensorBatch(users, items, negatives)


def step_of(batches: Batch, step: int) -> Batch:
    """One row of a bundle of batches."""
    return Batch(*(None if each is None else each[step] for each in batches))  # type: ignore[arg-type]


def rows_of(batches: Batch, rows: slice) -> Batch:
    """Some rows of a bundle of batches."""
    parts: list[NDArray[np.int64] | None] = [
        None if each is None else each[rows] for each in batches
    ]
    return Batch(*parts)  # type: ignore[arg-type]
