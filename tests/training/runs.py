"""Training runs that the tests of this folder share, and the same step by hand."""

from __future__ import annotations

import copy
import dataclasses
import signal

import numpy as np
import torch
from torch.nn.functional import logsigmoid, softmax

from fullrank.encoders import MF
from fullrank.engine import choose
from fullrank.engine.dropout import kept, pair_keys
from fullrank.methods import build_method
from fullrank.training import Silent, Trainer

QUICK = {"dim": 8, "batch_size": 32, "epochs": 6, "lr": 1.0, "optimizer": "sgd"}
WIRES = {"validate", "probe", "checkpoint", "reporter"}


def trainer(data, method="directspec+", *, double=False, **options):
    values = {name: options.pop(name) for name in list(options) if name not in WIRES}
    settings = build_method(method, QUICK | values)
    plan = settings.plan(data, "cpu")
    if double:
        plan = dataclasses.replace(plan, encoder=doubled(plan.encoder))
        if plan.step.balance is not None and plan.step.balance.learned is not None:
            plan.step.balance.learned.double()
    return Trainer(plan, settings, **options)


def in_torch(plan, **changes):
    """The same plan with a loss that the kernels do not know, and a step changed otherwise."""
    loss = dataclasses.replace(plan.step.loss, kernel=None)
    return dataclasses.replace(plan, step=dataclasses.replace(plan.step, loss=loss, **changes))


def choice_of(run):
    """The engine that a run would get, and why not the others."""
    return choose(run.plan.step, run.plan.encoder, run.optimizer)


def doubled(encoder):
    """The same encoder in float64."""
    if isinstance(encoder, MF):
        return MF(*(table.double() for table in encoder.tables()))
    wide = copy.copy(encoder)
    wide.user_table, wide.item_table = encoder.user_table.double(), encoder.item_table.double()
    return wide


def parameters(run):
    """Copies of everything that is trained."""
    return {name: table.detach().clone() for name, table in run.plan.parameters.items()}


def same(left, right):
    return left.keys() == right.keys() and all(
        torch.equal(left[name], right[name]) for name in left
    )


class Signals(Silent):
    """Sends a signal to this process after each of some steps, as Ctrl-C does."""

    def __init__(self, *steps, number=signal.SIGINT):
        self.at, self.number, self.done = steps, number, 0

    def steps(self, count):
        for _ in range(count):
            self.done += 1
            if self.done in self.at:
                signal.raise_signal(self.number)


def loss_by_hand(method, settings, data, batch, user, item, negative, weight):
    """The loss of a batch as its formulas stand in the paper, with nothing shared or fused."""
    if method.startswith("directspec"):
        user = balanced_by_hand(method, settings, data.csr(), batch.user_idx, user,
                                None if weight is None else weight[0])  # fmt: skip
        item = balanced_by_hand(method, settings, data.csr().T, batch.item_idx, item,
                                None if weight is None else weight[1])  # fmt: skip
    score = torch.einsum("bd,bd->b", user, item)
    if method == "euclidean-positive":
        return ((user - item) ** 2).sum() / len(user)
    if method == "bpr":
        below = torch.einsum("bd,bnd->bn", user, negative)
        return -logsigmoid(score[:, None] - below).sum() / len(user)
    if method == "ccl":
        user, item, negative = (x / x.norm(dim=-1, keepdim=True) for x in (user, item, negative))
        if settings.dropout:
            user = user * torch.from_numpy(kept(pair_keys(batch), settings.dim, settings.dropout))
        against = (user[:, None] * negative).sum(2) - settings.margin
        pushed = settings.weight * against.clamp_min(0).mean(1)
        return ((1 - (user * item).sum(1)).clamp_min(0) + pushed).mean()
    if method == "bce":
        below = torch.einsum("bd,bnd->bn", user, negative)
        return (-logsigmoid(score).sum() - logsigmoid(-below).sum()) / len(user)
    return -logsigmoid(score).mean()


def balanced_by_hand(method, settings, matrix, rows, x, weight):
    h = x / x.norm(dim=1, keepdim=True)
    each = np.unique(rows, return_index=True)[1] if settings.distinct else np.arange(len(rows))
    others = h[each]
    similarity = h @ others.T
    if method == "directspec":
        z = h - settings.alpha * similarity @ others
    else:
        gamma = torch.full_like(similarity, settings.tau)
        if settings.tau_near is not None:
            gamma[near_by_hand(matrix, rows)[:, each]] = settings.tau_near
        if weight is not None:
            pull = (h @ weight[0])[:, None] + (others @ weight[1])[None]
            gamma = settings.tau * torch.sigmoid(pull)
        z = h - settings.alpha * softmax(gamma * similarity, dim=1) @ others
    return settings.shrink * z.norm(dim=1, keepdim=True) * z if settings.shrink else z


def near_by_hand(matrix, rows):
    """Which rows share a neighbour: the paper's graph distance of at most 2."""
    dense = torch.from_numpy(matrix.toarray())[rows]
    return (dense @ dense.T > 0) | torch.from_numpy(np.equal.outer(rows, rows))
