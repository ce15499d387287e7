"""Proposition 2 and equation 13: Algorithm 1 on singular values."""

from __future__ import annotations

import torch
from torch import Tensor

from fullrank.lab.statements.check import EXACT, Checked, effective_rank, rows
from fullrank.spectrum.measure import entropy_rank

SIZE, ALPHA = 10, 1e-3
TIMES = (1, 10, 100, 1000, 10**4, 10**5, 10**6)


def passed(table: Tensor, alpha: float, power: int) -> Tensor:
    """``H - α (H Hᵀ)ᴸ H``."""
    return table - alpha * torch.matrix_power(table @ table.T, power) @ table


def equation_13() -> Checked:
    """The filter multiplies each singular value by 1 - α σ²ᴸ."""
    worst = 0.0
    for power in (1, 2, 3):
        table = rows(SIZE, SIZE, seed=0)
        values = torch.linalg.svdvals(table)
        alpha = 0.1 / values[0].item() ** (2 * power)
        expected = (values * (1 - alpha * values ** (2 * power))).sort(descending=True).values
        found = torch.linalg.svdvals(passed(table, alpha, power))
        worst = max(worst, ((found - expected).abs().max() / expected.max()).item())
    return Checked(
        "equation-13",
        "one pass multiplies σ by 1 - α σ²ᴸ and keeps the singular vectors",
        f"singular values for L = 1, 2, 3 off by {worst:.0e} at most",
        held=worst < EXACT,
        numbers={"difference": worst},
    )


def after(values: Tensor, alpha: float, times: int) -> Tensor:
    """Singular values after so many passes with L = 1."""
    for _ in range(times):
        values = values * (1 - alpha * values.square())
    return values


def proposition_2() -> Checked:
    """Passes without end make all singular values alike, if none is zero."""
    curves, ends = {}, {}
    singular = torch.linalg.svdvals(rows(SIZE, SIZE, seed=0))
    flat = singular.clone()
    flat[-2:] = 0
    for label, values in (("full rank", singular), ("two of them zero", flat)):
        ranks, done, now = [], 0, values
        for times in TIMES:
            now = after(now, ALPHA, times - done)
            done = times
            ranks.append(entropy_rank(now))
        curves[label] = (TIMES, ranks)
        ends[label] = ranks[-1]
    full, poor = ends.values()
    return Checked(
        "proposition-2",
        "Algorithm 1, repeated, is an all-pass filter: the effective rank becomes d",
        f"{full:.3f} of {SIZE} after {TIMES[-1]:,} passes at α = {ALPHA} from "
        f"{curves['full rank'][1][0]:.2f} after one; {poor:.3f} with two singular values of zero",
        held=poor > SIZE - 0.1,
        only_when="if no singular value is zero; a direction that is lost stays lost"
        if full > SIZE - 0.1
        else "",
        numbers={"effective_rank": full, "effective_rank_without_two": poor},
        curves=curves,
    )


def never_lower() -> Checked:
    """A pass within the bound 1 - α σ₁² > 0 can lower the effective rank."""
    values = torch.full((SIZE,), 0.9, dtype=torch.float64)
    values[0] = 1.0
    before = entropy_rank(values)
    found = {share: entropy_rank(after(values, share, 1)) for share in (1 / 3, 0.6, 0.9, 0.99)}
    lower = [share for share, rank in found.items() if rank < before]
    return Checked(
        "never-lower",
        "erank(F(H)) ≥ erank(H) for every α with 1 - α σ₁²ᴸ > 0",
        f"singular values 1, .9, …, .9: {before:.3f} before, {found[0.99]:.3f} after one pass at "
        f"α = .99, where 1 - α σ₁² is .01",
        held=not lower,
        only_when="for smaller steps: up to α σ₁² = 1/3 no singular value overtakes another"
        if lower and found[1 / 3] >= before
        else "",
        numbers={"before": before, "after": found[0.99], "after_a_third": found[1 / 3]},
    )


def zero_correlation() -> Checked:
    """Rows whose similarities are the identity have an even spectrum (equation 18)."""
    table = torch.linalg.qr(rows(SIZE, SIZE, seed=1)).Q
    rank = effective_rank(table)
    values = torch.linalg.svdvals(rows(SIZE, 4, seed=2))
    similar = rows(SIZE, 4, seed=2) @ rows(SIZE, 4, seed=2).T
    off = (torch.linalg.eigvalsh(similar).flip(0)[:4] - values.square()).abs().max().item()
    return Checked(
        "equation-18",
        "the eigenvalues of H Hᵀ are σ²; where H Hᵀ is the identity the effective rank is d",
        f"eigenvalues off by {off:.0e}; effective rank {rank:.6f} of {SIZE}",
        held=off < EXACT and abs(rank - SIZE) < EXACT * SIZE,
        numbers={"difference": off, "effective_rank": rank},
    )
