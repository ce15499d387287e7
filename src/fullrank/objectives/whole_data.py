"""Losses over every pair of some users and all items, without sampling and without the pairs."""

from __future__ import annotations

from torch import Tensor


def enmf(user: Tensor, whole: tuple[Tensor, ...], negative_weight: float) -> Tensor:
    """``Σ_observed (1 - s)² + c Σ_unobserved s²`` for scores s = ``Σ_a h_a u_a v_a``, per user.

    A constant apart, this is ``Σ_observed ((1 - c) s² - 2 s) + c Σ_ab h_a h_b (UᵀU)_ab (VᵀV)_ab``,
    whose cost is O((B + n_items) d²) instead of O(B n_items d).

    Args:
        user: (B, d) rows of some users.
        whole: All item rows (n_items, d); the weights h, (d,); and of each observed pair of these
            users, the position of the user among them, (c,), and the item row, (c,).
        negative_weight: c of the unobserved pairs.

    Source: ENMF, Chen et al., TOIS 2020, equations 8 to 10 (user-based).
    """
    item_table, weight, owner, item = whole
    score = ((user * weight)[owner] * item_table[item]).sum(dim=-1)
    observed = ((1 - negative_weight) * score.square() - 2 * score).sum()
    everything = ((user.mT @ user) * (item_table.mT @ item_table) * weight.outer(weight)).sum()
    return (observed + negative_weight * everything) / len(user)
