from __future__ import annotations

import math

import pytest
import torch

from fullrank.objectives import (
    adaptive_bpr,
    bce,
    bpr,
    ccl,
    cl_rec,
    direct_au,
    enmf,
    euclidean,
    euclidean_positive,
    info_nce,
    lightgcl,
    log_det,
    log_positive,
    penalised_log_positive,
    sgl,
    softmax,
)


def rows(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def dot(a: torch.Tensor, b: torch.Tensor) -> float:
    return sum(float(x) * float(y) for x, y in zip(a, b, strict=True))


def log_sigmoid(x: float) -> float:
    return -math.log1p(math.exp(-x))


def naive_log_positive(user, item):
    return -sum(log_sigmoid(dot(u, i)) for u, i in zip(user, item, strict=True)) / len(user)


def naive_penalised(user, item):
    norms = sum(dot(u, u) + dot(i, i) for u, i in zip(user, item, strict=True))
    return naive_log_positive(user, item) + 0.7 * norms / len(user)


def naive_euclidean(user, item):
    return sum(dot(u - i, u - i) for u, i in zip(user, item, strict=True)) / len(user)


def naive_bpr(user, item, negative):
    terms = [
        -log_sigmoid(dot(user[b], item[b]) - dot(user[b], negative[b, n]))
        for b in range(len(user))
        for n in range(negative.shape[1])
    ]
    return sum(terms) / len(user)


def naive_bce(user, item, negative):
    total = 0.0
    for b in range(len(user)):
        total -= log_sigmoid(dot(user[b], item[b]))
        for n in range(negative.shape[1]):
            total -= math.log(1 - 1 / (1 + math.exp(-dot(user[b], negative[b, n]))))
    return total / len(user)


def cosine(a, b):
    return dot(a, b) / math.sqrt(dot(a, a) * dot(b, b))


def naive_margin(user, item, negative):
    total = 0.0
    for b in range(len(user)):
        total += dot(user[b] - item[b], user[b] - item[b])
        for other in negative[b]:
            total += max(0.0, 9.0 - dot(user[b] - other, user[b] - other))
    return total / len(user)


def naive_ccl(user, item, negative):
    total = 0.0
    for b in range(len(user)):
        against = [max(0.0, cosine(user[b], other) - 0.2) for other in negative[b]]
        total += 1 - cosine(user[b], item[b]) + 7.0 * sum(against) / len(against)
    return total / len(user)


def naive_ccl_with_dropout(user, item, negative, kept):
    total = 0.0
    for b in range(len(user)):
        u = kept[b] * user[b] / math.sqrt(dot(user[b], user[b]))
        total += max(0.0, 1 - dot(u, item[b]) / math.sqrt(dot(item[b], item[b])))
        for other in negative[b]:
            like = dot(u, other) / math.sqrt(dot(other, other))
            total += 7.0 * max(0.0, like - 0.2) / len(negative[b])
    return total / len(user)


def naive_softmax(user, item, negative):
    total = 0.0
    for b in range(len(user)):
        own = math.exp(cosine(user[b], item[b]) / 0.4)
        others = sum(math.exp(cosine(user[b], other) / 0.4) for other in negative[b])
        total -= math.log(own / (own + others))
    return total / len(user)


def naive_info_nce(anchor, positive, others, temperature=0.3, similarity="cosine"):
    like = cosine if similarity == "cosine" else torch.dot
    total = 0.0
    for a, p in zip(anchor, positive, strict=True):
        below = sum(math.exp(like(a, o) / temperature) for o in others)
        total -= math.log(math.exp(like(a, p) / temperature) / below)
    return total / len(anchor)


def naive_cl_rec(user, item, negative):
    spread = naive_info_nce(user, user, user) + naive_info_nce(item, item, item)
    return naive_bpr(user, item, negative) + 0.4 * spread


def naive_adaptive(user, item, negative):
    total = 0.0
    for b in range(len(user)):
        for other in negative[b]:
            against = dot(user[b], other)
            weight = 1 - math.log10(1 - min(1 / (1 + math.exp(-against)), 0.99))
            total -= log_sigmoid(dot(user[b], item[b]) - weight * against)
    return total / len(user)


def naive_uniformity(side):
    unit = [x / math.sqrt(dot(x, x)) for x in side]
    terms = [
        math.exp(-2 * dot(unit[a] - unit[b], unit[a] - unit[b]))
        for a in range(len(unit))
        for b in range(a)
    ]
    return math.log(sum(terms) / len(terms))


def naive_alignment(user, item):
    return sum(2 - 2 * cosine(u, i) for u, i in zip(user, item, strict=True)) / len(user)


def naive_direct_au(user, item):
    spread = naive_uniformity(user) + naive_uniformity(item)
    return naive_alignment(user, item) + 1.5 / 2 * spread


def naive_log_det(user, item):
    total = naive_alignment(user, item)
    for side in (user, item):
        n, d = side.shape
        unit = side / side.norm(dim=1, keepdim=True)
        values = torch.linalg.eigvalsh(d / n * unit.T @ unit + 1e-4 * torch.eye(d)).tolist()
        total += 0.6 / 2 * sum(v - math.log(v) - 1 for v in values) / d
    return total


def fixed(loss, **values):
    return lambda *tensors: loss(*tensors, **values)


SOME_ROWS_ALONE = ["cl_rec", "direct_au", "log_det"]
NAMES = [
    *("log_positive", "euclidean_positive", "bpr", "bce"),
    *("penalised_log_positive", "euclidean", "ccl", "softmax", "adaptive_bpr"),
    *SOME_ROWS_ALONE,
]
CASES = [
    (log_positive, naive_log_positive, 2),
    (euclidean_positive, naive_euclidean, 2),
    (bpr, naive_bpr, 3),
    (bce, naive_bce, 3),
]
OTHERS = [
    (fixed(penalised_log_positive, decay=0.7), naive_penalised, 2),
    (fixed(euclidean, margin=9.0), naive_margin, 3),
    (fixed(ccl, margin=0.2, weight=7.0), naive_ccl, 3),
    (fixed(softmax, temperature=0.4), naive_softmax, 3),
    (adaptive_bpr, naive_adaptive, 3),
    (fixed(cl_rec, contrast=0.4, temperature=0.3), naive_cl_rec, 3),
    (fixed(direct_au, gamma=1.5), naive_direct_au, 2),
    (fixed(log_det, gamma=0.6), naive_log_det, 2),
]
ALL = pytest.mark.parametrize(("loss", "naive", "arity"), CASES + OTHERS, ids=NAMES)
EACH = pytest.mark.parametrize(("loss", "naive", "arity"), CASES, ids=NAMES[:4])


def batch(arity: int, negatives: int = 3) -> tuple[torch.Tensor, ...]:
    return (rows(6, 4), rows(6, 4, seed=1), rows(6, negatives, 4, seed=2))[:arity]


@ALL
def test_formula(loss, naive, arity):
    for negatives in (1, 3):
        tensors = batch(arity, negatives)
        assert loss(*tensors).shape == ()
        assert loss(*tensors).item() == pytest.approx(naive(*tensors), rel=1e-12)


@pytest.mark.parametrize(
    ("loss", "naive", "arity"),
    [case for case in CASES + OTHERS if case[0] is not adaptive_bpr],
)
def test_gradient(loss, naive, arity):
    leaves = [each.clone().requires_grad_() for each in batch(arity)]
    assert torch.autograd.gradcheck(loss, leaves)


@pytest.mark.parametrize("seed", [0, 1])
def test_ccl_with_dropout_and_with_shared_negatives(seed):
    """Large factors, so that some pairs are above 1 and have no loss."""
    user, item, negative = rows(6, 4, seed=seed), rows(6, 4, seed=8), rows(6, 3, 4, seed=2)
    kept = 3.0 * (rows(6, 4, seed=3) > 0)
    loss = fixed(ccl, margin=0.2, weight=7.0)
    expected = naive_ccl_with_dropout(user, item, negative, kept)
    assert loss(user, item, negative, kept).item() == pytest.approx(expected, rel=1e-12)
    leaves = [each.requires_grad_() for each in (user, item, negative)]
    assert torch.autograd.gradcheck(lambda *tensors: loss(*tensors, kept), leaves)
    one = negative[:1].detach().requires_grad_()
    repeated = loss(user, item, one.expand(6, -1, -1), kept)
    torch.testing.assert_close(loss(user, item, one, kept), repeated)
    assert torch.autograd.gradcheck(lambda *tensors: loss(*tensors, kept), [user, item, one])


def test_softmax_with_shared_negatives_and_far_logits():
    user, item, negative = batch(3)
    loss = fixed(softmax, temperature=0.4)
    one = negative[:1].requires_grad_()
    torch.testing.assert_close(loss(user, item, one), loss(user, item, one.expand(6, -1, -1)))
    assert torch.autograd.gradcheck(lambda n: loss(user, item, n), [one])
    lengths = torch.arange(1.0, 7.0, dtype=torch.float64)[:, None]
    torch.testing.assert_close(loss(user * lengths, item, negative), loss(user, item, negative))
    assert softmax(user, -user, negative, temperature=1e-3).isfinite()


@EACH
def test_invariances(loss, naive, arity):
    tensors = batch(arity)
    expected = loss(*tensors)
    order = torch.randperm(6, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(loss(*(each[order] for each in tensors)), expected)
    rotation = torch.linalg.qr(rows(4, 4, seed=4)).Q
    torch.testing.assert_close(loss(*(each @ rotation for each in tensors)), expected)
    twice = [torch.cat((each, each)) for each in tensors]  # a mean over the batch, not a sum
    torch.testing.assert_close(loss(*twice), expected)
    if arity == 3:
        user, item, negative = tensors
        torch.testing.assert_close(loss(user, item, negative.flip(1)), expected)


@pytest.mark.parametrize("loss", [bpr, bce])
def test_negatives_add_up(loss):
    user, item, negative = batch(3)
    one_each = torch.stack([loss(user, item, negative[:, n : n + 1]) for n in range(3)]).sum()
    positives = 2 * log_positive(user, item) if loss is bce else 0
    torch.testing.assert_close(loss(user, item, negative), one_each - positives)


def test_bpr_sees_differences_of_scores_only():
    user, item, negative = batch(3)
    shift = rows(4, seed=5)
    torch.testing.assert_close(bpr(user, item + shift, negative + shift), bpr(user, item, negative))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("sign", [1, -1])
def test_scores_of_ten_thousand_are_exact_and_their_gradients_finite(sign, dtype):
    user = torch.full((2, 1), 100.0, dtype=dtype)
    item = sign * user
    negative = -item.unsqueeze(1)
    wrong = sign < 0  # positives at -10,000 and negatives at 10,000
    expected = {
        log_positive: 1e4 * wrong,
        euclidean_positive: 4e4 * wrong,
        bpr: 2e4 * wrong,
        bce: 2e4 * wrong,
    }
    for loss, _, arity in CASES:
        leaves = [each.clone().requires_grad_() for each in (user, item, negative)[:arity]]
        value = loss(*leaves)
        value.backward()
        assert value.item() == expected[loss]
        assert all(leaf.grad.isfinite().all() for leaf in leaves)
        assert (leaves[0].grad != 0).all() == wrong


def test_the_weights_of_adaptive_bpr_are_constants_of_the_step():
    user, item, negative = (each.clone().requires_grad_() for each in batch(3))
    against = (user.unsqueeze(1) * negative).sum(2)
    weight = (1 - torch.log10(1 - against.sigmoid().clamp_max(0.99))).detach()
    by_hand = -torch.nn.functional.logsigmoid((user * item).sum(1, keepdim=True) - weight * against)
    expected = torch.autograd.grad(by_hand.sum() / 6, (user, item, negative))
    got = torch.autograd.grad(adaptive_bpr(user, item, negative), (user, item, negative))
    for mine, its in zip(got, expected, strict=True):
        torch.testing.assert_close(mine, its, rtol=0, atol=1e-14)


def test_info_nce():
    anchor, positive, others = rows(5, 4), rows(5, 4, seed=1), rows(9, 4, seed=2)
    got = info_nce(anchor, positive, others, 0.3)
    assert got.item() == pytest.approx(naive_info_nce(anchor, positive, others), rel=1e-12)
    leaves = [each.requires_grad_() for each in (anchor, positive, others)]
    assert torch.autograd.gradcheck(lambda a, p, o: info_nce(a, p, o, 0.3), leaves)


def test_info_nce_of_sharp_cosines_is_finite():
    x = rows(5, 4).float().requires_grad_()
    value = info_nce(x, -x, x, 1e-3)
    value.backward()
    assert value.item() == pytest.approx(2000, rel=1e-3)
    assert x.grad.isfinite().all()


@pytest.mark.parametrize("whole", [False, True])
def test_sgl(whole):
    user, item, negative = batch(3)
    views = [rows(n, 4, seed=seed) for n, seed in ((5, 6), (5, 7), (4, 8), (4, 9))]
    everything = [rows(11, 4, seed=10), rows(12, 4, seed=11)]
    below = everything if whole else [views[1], views[3]]
    expected = naive_bpr(user, item, negative) + 0.7 * (
        naive_info_nce(views[0], views[1], below[0]) + naive_info_nce(views[2], views[3], below[1])
    )
    got = sgl(user, item, negative, (*views, *(everything if whole else ())), 0.7, 0.3)
    assert got.item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
def test_lightgcl(similarity):
    user, item, negative = batch(3)
    views = tuple(
        rows(n, 4, seed=seed) for n, seed in zip((5, 5, 9, 4, 4, 8), range(6), strict=True)
    )
    expected = naive_bpr(user, item, negative) + 0.7 * (
        naive_info_nce(*views[:3], similarity=similarity)
        + naive_info_nce(*views[3:], similarity=similarity)
    )
    got = lightgcl(user, item, negative, views, 0.7, 0.3, similarity)
    assert got.item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("negative_weight", [0.1, 0.5, 1.0])
def test_enmf_is_the_squared_loss_over_all_pairs(negative_weight):
    user, table, weight = rows(3, 4), rows(7, 4, seed=1), rows(4, seed=2)
    observed = {(0, 1), (0, 5), (1, 0), (2, 6), (2, 2)}
    owner, item = (torch.tensor(each) for each in zip(*sorted(observed), strict=True))
    total = 0.0
    for u in range(3):
        for i in range(7):
            score = sum(float(weight[a] * user[u, a] * table[i, a]) for a in range(4))
            seen = (u, i) in observed
            total += (1 - score) ** 2 - 1 if seen else negative_weight * score**2
    got = enmf(user, (table, weight, owner, item), negative_weight)
    assert got.item() == pytest.approx(total / 3, rel=1e-12)
