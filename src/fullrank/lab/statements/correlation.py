"""Propositions 3 and 4 and equations 14 to 20: decorrelation."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from fullrank.lab.statements.check import EXACT, Checked, apart, rows, unit
from fullrank.spectrum.functions import direct_spec

COUNT = 48
WIDTHS = (2, 4, 8, 16, 32, 48)


def squared(table: Tensor) -> Tensor:
    """Equation 14 for one side: ``Σ_u Σ_v (h_uᵀ h_v)²``, u = v included."""
    return (table @ table.T).square().sum()


def proposition_3() -> Checked:
    """A step of equation 14's gradient is the formula of Algorithm 2, on free rows."""
    table = rows(20, 8, seed=0).requires_grad_()
    (gradient,) = torch.autograd.grad(squared(table), table)
    h = table.detach()
    off = apart(4 * (h @ h.T) @ h, gradient)
    explained = _explained()
    return Checked(
        "proposition-3",
        "Algorithm 2 is equivalent to optimising equation 14",
        f"the gradient is 4 H Hᵀ H up to {off:.0e}, so the formulas agree; in training Algorithm 2 "
        f"balances the rows of the batch and the loss is of the balanced rows: that gradient is to "
        f"{explained:.0%} (squared) a mix of the log loss's and equation 14's",
        held=off < EXACT and explained > 0.99,
        only_when="as a step on the rows themselves; as it is used, through the loss of the "
        "balanced rows, it moves them otherwise"
        if off < EXACT
        else "",
        numbers={"difference": off, "explained": explained},
    )


def _explained() -> float:
    """R² of the gradient through Algorithm 2 on those of the log loss and of equation 14."""
    users, items = rows(64, 16, seed=1), rows(64, 16, seed=2)

    def gradient(loss: object) -> Tensor:
        pair = [side.clone().requires_grad_() for side in (users, items)]
        h = [unit(side) for side in pair]
        found = torch.autograd.grad(loss(*h), pair)  # type: ignore[operator]
        return torch.cat([each.ravel() for each in found])

    def log_loss(u: Tensor, v: Tensor) -> Tensor:
        return -logsigmoid((u * v).sum(dim=1)).sum()

    alpha = 0.05
    through = gradient(lambda u, v: log_loss(direct_spec(u, alpha), direct_spec(v, alpha)))
    parts = [gradient(log_loss), gradient(lambda u, v: squared(u) + squared(v))]
    basis = torch.stack(parts, dim=1)
    fitted = basis @ torch.linalg.lstsq(basis, through[:, None]).solution
    return 1 - float((fitted.ravel() - through).square().sum() / through.square().sum())


def tight_frame(count: int, width: int) -> Tensor:
    """(count, width) unit rows with HᵀH = (count / width) I, for an even width: cosines and sines.

    No rows have a lower sum of squared cosines.
    """
    if width == count:
        return torch.eye(count, dtype=torch.float64)
    waves_of = torch.arange(1, width // 2 + 1, dtype=torch.float64) * 2 * math.pi / count
    angles = torch.outer(torch.arange(count, dtype=torch.float64), waves_of)
    waves = torch.cat((angles.cos(), angles.sin()), dim=1)
    if width // 2 * 2 == count:
        raise ValueError("the last wave would be flat")
    return waves / math.sqrt(width / 2)


def proposition_4() -> Checked:
    """The least of equation 14 is n²/d, of which the pairs of a row with itself are n."""
    sums = [squared(tight_frame(COUNT, width)).item() for width in WIDTHS]
    bound = [COUNT**2 / width for width in WIDTHS]
    off = max(abs(a / b - 1) for a, b in zip(sums, bound, strict=True))
    others = [each - COUNT for each in sums]
    return Checked(
        "proposition-4",
        "the lower bound of L_ds goes to 0 as d goes to the number of rows",
        f"for {COUNT} unit rows it is n² / d (attained up to {off:.0e}): {sums[-1]:.0f} at d = n, "
        f"the {COUNT} pairs of a row with itself; of the other pairs {others[-1]:.0f}",
        held=sums[-1] < EXACT,
        only_when="for pairs of different rows, the sum over which has the bound n² / d - n"
        if off < EXACT and abs(others[-1]) < EXACT * COUNT
        else "",
        numbers={"at_full_width": sums[-1], "without_itself": others[-1], "off_bound": off},
        curves={
            "all pairs, n² / d": (WIDTHS, sums),
            "pairs of different rows": (WIDTHS, others),
        },
    )


def equation_19() -> Checked:
    """Its sign: as printed, the minimum has observed pairs far apart."""
    user, item = torch.tensor([1.0, 0.0]).double(), torch.tensor([1.0, 0.0]).double()
    together = logsigmoid(user @ item).item()
    opposite = logsigmoid(user @ -item).item()
    return Checked(
        "equation-19",
        "the loss is Σ ln σ(h_uᵀ h_i) + L_ds, of which the first term pulls observed pairs close",
        f"the first term is {together:.2f} for equal rows and {opposite:.2f} for opposite ones, so "
        "that minimising it drives observed pairs apart",
        held=together < opposite,
        only_when="with the other sign, -Σ ln σ, as in section III-A",
        numbers={"equal": together, "opposite": opposite},
    )


def equation_20() -> Checked:
    """The Gaussian potential, and where its minimum is."""
    table, tau = unit(rows(30, 8, seed=3)), 0.5
    direct = torch.exp(table @ table.T / tau)
    gaussian = torch.exp(-torch.cdist(table, table).square() / (2 * tau) + 1 / tau)
    off = apart(gaussian, direct)
    count = 8
    orthogonal = torch.eye(count, dtype=torch.float64)
    simplex = unit(orthogonal - 1 / count)
    sums = {name: torch.exp(each @ each.T / tau).sum().item()
            for name, each in (("orthogonal", orthogonal), ("simplex", simplex))}  # fmt: skip
    return Checked(
        "equation-20",
        "equation 20 is a Gaussian potential, least where rows are orthogonal",
        f"the two forms differ by {off:.0e}; {count} orthogonal rows have {sums['orthogonal']:.2f} "
        f"at τ = {tau}, a regular simplex (cosines of -1 / {count - 1}) {sums['simplex']:.2f}",
        held=off < EXACT and sums["orthogonal"] <= sums["simplex"],
        only_when="as a potential; it is least on a regular simplex, whose rows are nearly "
        "orthogonal when they are many"
        if off < EXACT
        else "",
        numbers={"difference": off, **sums},
    )
