"""DirectSpec+ that finds its own strength: α follows the effective rank of the rows it is given."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Self

import torch
from torch import Tensor

from fullrank.spectrum.balance import DirectSpecPlus, Precision
from fullrank.spectrum.measure import entropy_rank
from fullrank.spectrum.repeats import occurrence_weights
from fullrank.spectrum.rows import at_least_float32, unit_rows, without_autocast
from fullrank.spectrum.tau import AttentionTau


class AdaptiveDirectSpecPlus(DirectSpecPlus):
    """`DirectSpecPlus` whose α rises while rows collapse, and falls to 0 where they do not.

    `forward` adds the Gram matrix of the unit rows of its batch to a moving sum, of all calls: one
    module for users and items measures them together, two measure each side. `adapt`, called once
    after each optimiser step, takes the effective rank of the sum as a share r of d, and moves
    ``α ← α + rate · (target - r) - gain · (r - r')``, kept between 0 and ``ceiling``, with r' the
    share of the call before: a controller that both misses the target and sees it coming (PI, in
    its velocity form). The rate alone would swing about the target, as the rows answer late. A
    spectrum that stays above the target is never touched: at α = 0 rows come back at unit length
    and nothing more.

    Args:
        dim: Width d of the rows.
        tau: Γ, as in `DirectSpecPlus`; so are ``tau_near``, ``shrink``, ``precision`` and
            ``distinct``.
        target: Share of the d dimensions that the effective rank is held at, above 0, below 1.
            α reacts to the batches, which have fewer rows than the table: a target is a setting to
            be chosen by validation, as α is.
        alpha: What α begins with.
        ceiling: What α never exceeds.
        rate: How much of the distance from the target α moves at a call.
        gain: How much α answers to a change of the share.
        memory: Share of the moving sum that a call of `adapt` leaves for the next, from 0 to below
            1; longer memory, steadier and later α.

    ``state_dict`` has α, the moving sum and the last share: training goes on as if uninterrupted.
    Between two calls of `adapt` α stands still: a layer that is computed anew in the backward pass
    (gradient checkpointing) is computed alike. Under DistributedDataParallel, which hands out the
    buffers of the first process, all processes have the α that the first one finds.

    Raises:
        ValueError: an argument is out of its range.

    Source: ours; the filter is DirectSpec, equation 22.
    """

    alpha: Tensor  # a number in the base, a buffer here
    gram: Tensor
    last: Tensor

    def __init__(
        self,
        dim: int,
        tau: float | AttentionTau = 3.0,
        tau_near: float | None = None,
        shrink: float = 0.0,
        precision: Precision = "float32",
        distinct: bool = False,
        *,
        target: float = 0.5,
        alpha: float = 0.0,
        ceiling: float = 1.0,
        rate: float = 0.01,
        gain: float = 1.0,
        memory: float = 0.9,
    ) -> None:
        super().__init__(alpha, tau, tau_near, shrink, precision, distinct)
        _check("dim", dim, dim >= 2, "2 or more")
        _check("target", target, 0 < target < 1, "a share above 0 and below 1")
        _check("ceiling", ceiling, alpha <= ceiling < math.inf, f"alpha, {alpha:g}, or more")
        _check("rate", rate, 0 <= rate < math.inf, "0 or more")
        _check("gain", gain, 0 <= gain < math.inf, "0 or more")
        _check("memory", memory, 0 <= memory < 1, "0 or more, below 1")
        self.target, self.ceiling, self.memory = target, ceiling, memory
        self.rate, self.gain = rate, gain
        del self.alpha
        self.register_buffer("alpha", torch.tensor(float(alpha)))
        self.register_buffer("gram", torch.zeros(dim, dim))
        self.register_buffer("last", torch.tensor(math.nan))  # no call of adapt yet

    def forward(self, x: Tensor, near: Tensor | None = None, idx: Tensor | None = None) -> Tensor:
        """As `DirectSpecPlus.forward`; takes in the spectrum of ``x`` while training.

        Raises:
            ValueError: the rows are not of width ``dim``.
        """
        if x.shape[-1] != len(self.gram):
            found = f"rows of width {x.shape[-1]}; expected dim = {len(self.gram)}"
            raise ValueError(f"AdaptiveDirectSpecPlus: found {found}")
        z = super().forward(x, near, idx)
        if self.training:
            self._take_in(x, idx)
        return z

    @torch.no_grad()
    def _take_in(self, x: Tensor, idx: Tensor | None) -> None:
        with without_autocast(x):
            h = unit_rows(at_least_float32(x.detach()))
            weighted = h
            if idx is not None:
                weighted = h * occurrence_weights(idx, h.dtype).unsqueeze(-1)
            flat, weighted = h.flatten(0, -2), weighted.flatten(0, -2)
            self.gram += (flat.mT @ weighted).to(self.gram.dtype)

    @torch.no_grad()
    def adapt(self) -> None:
        """Moves α by what was seen since the last call; to be called after ``optimizer.step()``.

        Does nothing after ``eval()``, before the first batch, or where rows were not finite.
        """
        share = self.share
        if not self.training or share is None:
            return
        last = self.last.item()
        change = 0.0 if math.isnan(last) else share - last
        moved = self.alpha.item() + self.rate * (self.target - share) - self.gain * change
        self.last.fill_(share)
        self.alpha.fill_(min(max(moved, 0.0), self.ceiling))
        self.gram *= self.memory

    @property
    def share(self) -> float | None:
        """Effective rank of the rows seen, as a share of d; None where there is nothing to measure.

        A sum with numbers that are not finite is begun anew.
        """
        if not self.gram.isfinite().all():
            self.gram.zero_()
        if not self.gram.any():
            return None
        values = torch.linalg.eigvalsh(self.gram.double()).clamp_min(0).sqrt()
        return entropy_rank(values) / len(self.gram)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """As of every module, but its buffers stay float32: bfloat16 would lose small moves."""
        kept = {name: getattr(self, name) for name in ("alpha", "gram", "last")}
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for name, value in kept.items():
            moved = getattr(self, name)
            if moved.dtype != value.dtype:
                setattr(self, name, value.to(moved.device))
        return self

    def extra_repr(self) -> str:
        """The settings, for ``repr``; α is the one of now."""
        held = f"dim={len(self.gram)}, target={self.target}, ceiling={self.ceiling}"
        alpha = f"alpha={self.alpha.item():.3g}"
        rest = super().extra_repr().partition(", ")[2]
        how = f"rate={self.rate}, gain={self.gain}, memory={self.memory}"
        return f"{held}, {alpha}, {rest}, {how}"


def _check(name: str, value: Any, fits: bool, expected: str) -> None:
    if not fits:
        raise ValueError(f"AdaptiveDirectSpecPlus: found {name} = {value}; expected {expected}")
