"""Contrastive objectives: a row against its own other view and those of other rows."""

from __future__ import annotations

import torch
from torch import Tensor

from fullrank.objectives.pairwise import bpr
from fullrank.spectrum import mean_log_sum_exp_dots, unit_rows
from fullrank.spectrum.rows import at_least_float32


def info_nce(
    anchor: Tensor, positive: Tensor, others: Tensor, temperature: float, *, cosine: bool = True
) -> Tensor:
    """``mean_b [-cos(a_b, p_b) / t + ln Σ_j exp(cos(a_b, o_j) / t)]``.

    Shapes: ``anchor``, ``positive`` (B, d), ``others`` (n, d), which should hold the positives;
    returns a scalar. Without ``cosine``, inner products of the rows as they are. bfloat16 and
    float16 rows are taken in float32. Source: DirectSpec, equation 23; van den Oord et al., 2018.
    """
    a, p, o = at_least_float32(anchor), at_least_float32(positive), at_least_float32(others)
    if cosine:
        a, p, o = unit_rows(a), unit_rows(p), unit_rows(o)
    matched = (a * p).sum(dim=-1).mean() / temperature
    return mean_log_sum_exp_dots(a, o, 1 / temperature, unit=cosine) - matched


def cl_rec(
    user: Tensor, item: Tensor, negative: Tensor, contrast: float, temperature: float
) -> Tensor:
    """BPR plus ``contrast`` times InfoNCE of the batch's users and of its items.

    Without augmentation a row is its own positive, so what InfoNCE does is spread the rows.

    Shapes: ``user``, ``item`` (B, d), ``negative`` (B, N, d); returns a scalar.
    Source: Yao et al., CIKM 2021, without item features, as DirectSpec, section V-A, compares it.
    """
    spread = sum(info_nce(side, side, side, temperature) for side in (user, item))
    return bpr(user, item, negative) + contrast * spread


def ccl(
    user: Tensor,
    item: Tensor,
    negative: Tensor,
    kept: Tensor | None = None,
    *,
    margin: float,
    weight: float,
) -> Tensor:
    """``mean_b [1 - cos(u_b, v_b) + w / N Σ_n max(0, cos(u_b, v_bn) - m)]``.

    Args:
        user: (B, d).
        item: (B, d).
        negative: (B, N, d), or (1, N, d) where the pairs share them.
        kept: (B, d) factors on the unit user rows, for dropout: a "cosine" is then an inner product
            with what is left, and a pair above 1 has no loss.
        margin: m.
        weight: w.

    Returns:
        A scalar.

    Source: SimpleX, Mao et al., CIKM 2021, equation 1; the dropout is that of the authors' program.
    """
    u, v, n = unit_rows(user), unit_rows(item), unit_rows(negative)
    u = u if kept is None else u * kept
    positive = (1 - (u * v).sum(dim=-1)).clamp_min(0)
    against = u @ n[0].T if len(n) == 1 else (n @ u.unsqueeze(-1)).squeeze(-1)
    return (positive + weight * (against - margin).clamp_min(0).mean(dim=-1)).mean()


def softmax(
    user: Tensor,
    item: Tensor,
    negative: Tensor,
    *,
    temperature: float,
) -> Tensor:
    """``mean_b [-c_b + ln(exp(c_b) + Σ_n exp(c_bn))]`` with cosines over ``temperature``, c.

    Shapes: ``user``, ``item`` (B, d), ``negative`` (B, N, d), or (1, N, d) where the pairs share
    them; returns a scalar. Negatives that are drawn evenly need no correction for their chance.
    Source: sampled softmax on cosines, Wu et al., ACM TOIS 2024 (SSM), equation 4.
    """
    return _softmax_of_pairs(user, item, negative, temperature)[0].mean()


def softmax_at(
    user: Tensor,
    item: Tensor,
    negative: Tensor,
    threshold: Tensor,
    *,
    temperature: float,
    weight_temperature: float,
) -> Tensor:
    """`softmax`, each pair weighted ``σ((cos_b - β_b) / weight_temperature)``: SL@K.

    β is the cosine at which an item enters the first K of the pair's user, so that pairs count
    by whether they are in a list of K or near it. The weight is a constant of the step: with a
    gradient of its own, as in the authors' program, it pushes a pair of loss L and softmax p apart
    where (1 - w) L / ``weight_temperature`` is above (1 - p) / ``temperature``.

    Shapes: as for `softmax`; ``threshold`` (B,), β.
    Source: Yang et al., KDD 2025, *Breaking the Top-K Barrier*, the loss SL@K.
    """
    losses, positive = _softmax_of_pairs(user, item, negative, temperature)
    weight = torch.sigmoid((positive.detach() - threshold) / weight_temperature)
    return (weight * losses).mean()


def _softmax_of_pairs(
    user: Tensor, item: Tensor, negative: Tensor, temperature: float
) -> tuple[Tensor, Tensor]:
    """(B,) losses and (B,) cosines of the pairs."""
    u, v, n = unit_rows(user), unit_rows(item), unit_rows(negative)
    cosine = (u * v).sum(dim=-1, keepdim=True)
    against = u @ n[0].T if len(n) == 1 else (n @ u.unsqueeze(-1)).squeeze(-1)
    logits = torch.cat((cosine, against), dim=1) / temperature
    return logits.logsumexp(dim=1) - logits[:, 0], cosine.squeeze(1)


def sgl(
    user: Tensor,
    item: Tensor,
    negative: Tensor,
    views: tuple[Tensor, ...],
    contrast: float,
    temperature: float,
) -> Tensor:
    """BPR plus ``contrast`` times InfoNCE between two views of the users, and of the items.

    Args:
        user: (B, d).
        item: (B, d).
        negative: (B, N, d).
        views: Users in the first view, users in the second, items in the first and in the second,
            each distinct row once; then, where the sum is over all rows and not those of the batch,
            all users and all items in the second view.
        contrast: λ₁.
        temperature: τ.

    Source: SGL, Wu et al., SIGIR 2021, equations 10 to 12.
    """
    users, users_again, items, items_again = views[:4]
    all_users, all_items = views[4:] if len(views) > 4 else (users_again, items_again)
    contrasted = info_nce(users, users_again, all_users, temperature)
    contrasted = contrasted + info_nce(items, items_again, all_items, temperature)
    return bpr(user, item, negative) + contrast * contrasted


def lightgcl(
    user: Tensor,
    item: Tensor,
    negative: Tensor,
    views: tuple[Tensor, ...],
    contrast: float,
    temperature: float,
    similarity: str,
) -> Tensor:
    """BPR plus ``contrast`` times InfoNCE between low-rank and graph view, over all rows.

    Args:
        user: (B, d).
        item: (B, d).
        negative: (B, N, d).
        views: For users, then items: rows of the batch in the low-rank view, the same in the graph
            view, and all rows in the graph view; then the same six of further layers, whose
            losses add up.
        contrast: λ₁.
        temperature: τ.
        similarity: ``cosine``, or ``dot`` as in the authors' program.

    Source: LightGCL, Cai et al., ICLR 2023, equations 8 to 10.
    """
    cosine = similarity == "cosine"
    terms = [
        info_nce(low, own, every, temperature, cosine=cosine)
        for low, own, every in zip(views[::3], views[1::3], views[2::3], strict=True)
    ]
    return bpr(user, item, negative) + contrast * sum(terms[1:], terms[0])
