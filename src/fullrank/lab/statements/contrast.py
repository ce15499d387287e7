"""Equations 23 to 25: what the contrastive loss does to the spectrum."""

from __future__ import annotations

import torch

from fullrank.lab.statements.check import EXACT, Checked, apart, effective_rank, rows, unit

TAU = 0.2


def equation_24() -> Checked:
    """The gradient of InfoNCE with its alignment fixed."""
    table = unit(rows(40, 8, seed=0)).requires_grad_()
    loss = torch.logsumexp(table @ table.T / TAU, dim=1).sum()
    (gradient,) = torch.autograd.grad(loss, table)
    h = table.detach()
    similar = torch.exp(h @ h.T / TAU)
    own, others = similar / similar.sum(dim=1, keepdim=True), similar / similar.sum(dim=1)
    off = apart((own + others) @ h / TAU, gradient)
    printed = torch.exp((h * h).sum(dim=1) / TAU) / similar.sum(dim=1)  # h_vᵀ h_v, not h_vᵀ h_u
    off_printed = apart((own @ h + printed @ h) / TAU, gradient)
    return Checked(
        "equation-24",
        "the gradient of the contrastive loss (equation 23) with its alignment fixed",
        f"with h_vᵀ h_u in the second numerator it is autograd's up to {off:.0e}; as printed, with "
        f"h_vᵀ h_v, off by {off_printed:.2f}",
        held=off_printed < EXACT,
        only_when="with h_vᵀ h_u for the printed h_vᵀ h_v" if off < EXACT else "",
        numbers={"difference": off, "difference_as_printed": off_printed},
    )


def equation_25() -> Checked:
    """DirectSpec+ is one of its two terms, and the other is as large."""
    h = unit(rows(40, 8, seed=0) + 1.0)  # of a common direction: a table that has collapsed in part
    similar = torch.exp(h @ h.T / TAU)
    own, others = similar / similar.sum(dim=1, keepdim=True), similar / similar.sum(dim=1)
    sizes = [torch.linalg.norm(each @ h).item() for each in (own, others)]
    before = effective_rank(h)
    alpha = 0.5
    steps = {
        "both": effective_rank(h - alpha / 2 * (own + others) @ h),
        "softmax": effective_rank(h - alpha * own @ h),
    }
    share = sizes[1] / sizes[0]
    return Checked(
        "equation-25",
        "uniformity is DirectSpec+ but for the term S D⁻¹, so it balances the spectrum as well",
        f"the term left out is {share:.2f} times as large as the one kept; one step takes the "
        f"effective rank from {before:.2f} to {steps['both']:.2f} with both and to "
        f"{steps['softmax']:.2f} with the softmax alone",
        held=share < 0.1 and min(steps.values()) > before,
        only_when="in that both raise the effective rank; the term left out is no small one"
        if min(steps.values()) > before
        else "",
        numbers={"share": share, "before": before, **steps},
    )


def equation_22() -> Checked:
    """With τ multiplied or divided: the printed temperature of DirectSpec+."""
    h = unit(rows(40, 8, seed=1)).requires_grad_()
    (gradient,) = torch.autograd.grad(torch.exp(h @ h.T / TAU).sum(), h)  # equation 20, one side
    similar = torch.exp(h.detach() @ h.detach().T / TAU)
    regulated = gradient * TAU / 2 / similar.sum(dim=1, keepdim=True)
    divided, multiplied = (
        torch.softmax(h.detach() @ h.detach().T * factor, dim=1) @ h.detach()
        for factor in (1 / TAU, TAU)
    )
    off, off_printed = apart(divided, regulated), apart(multiplied, regulated)
    return Checked(
        "equation-22",
        "equation 22's step is the gradient of equation 20, regulated by a softmax",
        f"equation 20 divides by τ, equation 22 multiplies by Γ: at τ = {TAU} its step is off by "
        f"{off_printed:.2f} from the gradient over its row sums, and one with 1 / τ by {off:.0e}. "
        "The settings of section V (τ of 2 and more) are those of the product",
        held=off_printed < EXACT,
        only_when="with 1 / τ in the one for τ in the other" if off < EXACT else "",
        numbers={"difference": off_printed, "difference_of_inverse": off},
    )
